"""The ledger's table for its adapters: plain values, and writes that a condition may forbid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.client import BaseClient
from botocore.exceptions import ClientError

_serialize: Final = TypeSerializer().serialize
_deserialize: Final = TypeDeserializer().deserialize


class Table:
    def __init__(self, client: BaseClient, name: str) -> None:
        self._client = client
        self._name = name

    def query(self, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  boto3's own words
        pages = self._client.get_paginator("query").paginate(TableName=self._name, **query)
        for page in pages:
            for item in page["Items"]:
                yield plain(item)

    def put(self, **request: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
        """What DynamoDB answers; None where the condition does not hold."""
        return self._if_allowed(self._client.put_item, request)

    def update(self, **request: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
        """What DynamoDB answers; None where the condition does not hold."""
        return self._if_allowed(self._client.update_item, request)

    def _if_allowed(
        self, write: Callable[..., Mapping[str, Any]], request: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        try:
            return write(TableName=self._name, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise


def stored(values: Mapping[str, object]) -> dict[str, Any]:
    """Plain values as DynamoDB takes them."""
    return {name: _serialize(_storable(value)) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.items()}


def time_text(at: datetime) -> str:
    """One width for all, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _storable(value: object) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, tuple):
        return [_storable(item) for item in value]
    return str(value) if isinstance(value, str) else value
