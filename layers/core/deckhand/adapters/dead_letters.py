"""Dead-letter queues: what SQS, EventBridge and Lambda leave in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.client import BaseClient

from deckhand.adapters.queue import read_messages
from deckhand.domain.dead_letter import Addressee, DeadLetter
from deckhand.domain.steering import steering_file

HOLD_SECONDS: Final = 300
"""How long a letter that was taken is nobody else's."""

WAIT_SECONDS: Final = 1
"""Any wait makes SQS ask all its servers; without one an empty answer means little."""

MOST_AT_ONCE: Final = 10
SCHEDULED: Final = "Scheduled Event"
REPEATED: Final = frozenset({"aws.events", "aws.batch"})
"""Sources of events that a schedule makes up for."""
MAX_WHY: Final = 300


class DeadLetters:
    """*inbox* is the bucket whose events are for the intake."""

    def __init__(self, client: BaseClient, url: str, inbox: str) -> None:
        self._client = client
        self._url = url
        self._inbox = inbox

    def take(self) -> Iterator[DeadLetter]:
        while messages := self._receive():
            for message in messages:
                yield read_letter(message, self._inbox)

    def taken_by_others(self) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"].get(name, 0))

    def release(self, letters: Sequence[DeadLetter]) -> None:
        for at in range(0, len(letters), MOST_AT_ONCE):
            # One that is gone, or that somebody else has taken since, is refused and stays so.
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                    for number, letter in enumerate(letters[at : at + MOST_AT_ONCE])
                ],
            )

    def remove(self, letter: DeadLetter) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MOST_AT_ONCE,
            VisibilityTimeout=HOLD_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))


class Functions:
    def __init__(self, client: BaseClient) -> None:
        self._client = client

    def hand_over(self, function: str, payload: str) -> None:
        """Asynchronously: what fails again comes back to the dead-letter queue."""
        self._client.invoke(FunctionName=function, InvocationType="Event", Payload=payload.encode())


def read_letter(message: Mapping[str, Any], inbox: str) -> DeadLetter:
    """A message of a dead-letter queue as ReceiveMessage gives it, whoever left it there."""
    attributes = message.get("Attributes", {})
    payload, function, why = _unwrap(message)
    addressee, about = _address(payload, function, inbox)
    return DeadLetter(
        message_id=str(message["MessageId"]),
        receipt=str(message["ReceiptHandle"]),
        addressee=addressee,
        about=about,
        payload=payload,
        sent_at=datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC),
        received=int(attributes.get("ApproximateReceiveCount", 0)),
        function=function,
        why=" ".join(why.split())[:MAX_WHY],
    )


def _unwrap(message: Mapping[str, Any]) -> tuple[str, str, str]:
    """The event as it was to be delivered, the function it was for, and why it was not.

    SQS moves a message as it is. EventBridge sends the event, with attributes beside it:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html.
    Lambda sends a record with the event in it:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
    """
    body = str(message["Body"])
    record = _parse(body)
    if "requestPayload" in record:
        answer, context = record.get("responsePayload"), _part(record, "requestContext")
        said = _part(record, "responsePayload").get("errorMessage") or answer
        why = f"{context.get('condition', '')}: {said}" if said else context.get("condition", "")
        return json.dumps(record["requestPayload"]), str(context.get("functionArn", "")), str(why)
    beside = {
        name: str(value.get("StringValue", ""))
        for name, value in message.get("MessageAttributes", {}).items()
    }
    why = ": ".join(filter(None, (beside.get("ERROR_CODE"), beside.get("ERROR_MESSAGE"))))
    target = beside.get("TARGET_ARN", "")
    return body, target if ":lambda:" in target else "", why


def _address(payload: str, function: str, inbox: str) -> tuple[Addressee, str]:
    event = _parse(payload)
    if event.get("detail-type") == SCHEDULED or event.get("source") in REPEATED:
        return Addressee.SCHEDULE, f"{event.get('detail-type', SCHEDULED)}"
    [told] = read_messages([{"messageId": "", "body": payload}])
    about = told.drop or told.key
    bucket = _part(_part(event, "detail"), "bucket").get("name", inbox)
    if about and bucket == inbox and steering_file(about) is None:
        return Addressee.INTAKE, about
    if about and function:
        return Addressee.FUNCTION, about
    return Addressee.NOBODY, about or payload[:80]


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _part(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}
