"""The topic that carries messages to people."""

from __future__ import annotations

import json
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from deckhand.domain.digest import Digest
from deckhand.domain.errors import MessageNotSentError
from deckhand.domain.message import Message

NEVER_LEFT = (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)


class Topic:
    """Its client must not retry: an answer that got lost would become a second mail."""

    def __init__(self, client: BaseClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message | Digest) -> None:
        attributes = {name: _attribute(value) for name, value in message.attributes.items()}
        try:
            self._client.publish(
                TopicArn=self._arn,
                Subject=message.subject,
                Message=message.body,
                MessageAttributes=attributes,
            )
        except NEVER_LEFT as error:
            raise MessageNotSentError(f"The message was not sent: {error}") from error


def _attribute(value: str | tuple[str, ...]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}
