"""Prices, machines and speeds in the ledger's table, in partitions that no run is called after."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeVar

from botocore.client import BaseClient
from pydantic import BaseModel, ValidationError

from deckhand.adapters.table import time_text
from deckhand.adapters.trouble import AwsError
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.domain.speed import Measurement, SpeedKey

PRICES: Final = "prices"
MACHINES: Final = "machines"
SPEEDS: Final = "speeds"
BODY: Final = "body"

M = TypeVar("M", bound=BaseModel)


class Measures:
    """Never raises: neither a price nor a speed is worth a run."""

    def __init__(self, client: BaseClient, table: str) -> None:
        self._client = client
        self._table = table

    def price(self, key: PriceKey) -> Price | None:
        return next(iter(self._read(Price, PRICES, str(key))), None)

    def keep_price(self, key: PriceKey, price: Price) -> None:
        self._keep(PRICES, str(key), price)

    def machine(self, instance_type: str) -> Machine | None:
        return next(iter(self._read(Machine, MACHINES, instance_type)), None)

    def keep_machine(self, instance_type: str, machine: Machine) -> None:
        self._keep(MACHINES, instance_type, machine)

    def newest(self, key: SpeedKey, limit: int) -> list[Measurement]:
        return self._read(Measurement, SPEEDS, f"{key}#", limit, begins=True)

    def keep(self, key: SpeedKey, attempt: int, at: datetime, measured: Measurement) -> None:
        self._keep(SPEEDS, f"{key}#{time_text(at)}#{measured.run_id}-a{attempt}", measured)

    def _read(
        self, model: type[M], partition: str, item: str, limit: int = 1, *, begins: bool = False
    ) -> list[M]:
        """A query also for a single item: functions may not GetItem."""
        which = "begins_with(#item, :item)" if begins else "#item = :item"
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression=f"run_id = :partition AND {which}",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={":partition": {"S": partition}, ":item": {"S": item}},
                ScanIndexForward=False,
                Limit=limit,
            )
            return [model.model_validate_json(found[BODY]["S"]) for found in answer["Items"]]
        except (*AwsError, LookupError, ValidationError):
            return []

    def _keep(self, partition: str, item: str, value: BaseModel) -> None:
        request: dict[str, Any] = {
            "Key": {"run_id": {"S": partition}, "item": {"S": item}},
            "UpdateExpression": "SET #body = :body",
            "ExpressionAttributeNames": {"#body": BODY},
            "ExpressionAttributeValues": {":body": {"S": value.model_dump_json()}},
        }
        try:
            self._client.update_item(TableName=self._table, **request)
        except AwsError:
            return
