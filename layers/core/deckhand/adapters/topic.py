"""The topic that carries messages to people."""

from __future__ import annotations

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from deckhand.domain.errors import MessageNotSentError
from deckhand.domain.message import Message

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_BODY_BYTES = 250_000


class Topic:
    """Its client must not retry: an answer that got lost would become a second mail."""

    def __init__(self, client: BaseClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message) -> None:
        attributes = {
            "event": message.event.value,
            "severity": message.severity.value,
            "run_id": message.run_id,
        }
        try:
            self._client.publish(
                TopicArn=self._arn,
                Subject=message.subject,
                Message=message.body.encode()[:MAX_BODY_BYTES].decode(errors="ignore"),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )
        except (ClientError, EndpointConnectionError, ConnectTimeoutError) as error:
            raise MessageNotSentError(f"The message was not sent: {error}") from error
