"""The outbox in the ledger's table: an item `message#…` of its run for every message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.client import BaseClient

from deckhand.adapters.table import Table, plain, stored, time_text
from deckhand.domain.message import Message, MessageKey
from deckhand.usecases.ports import Unsent

MESSAGE_ITEM: Final = "message#"
OWN_PARTITION: Final = "outbox"
"""Of what belongs to no run: the count, the looks, the addresses. No run has a name like this."""

# What is not sent has a kind, by which it is found in the index of admissions; `admitted_at`
# is when it was last moved. What is sent has none, and leaves the index.
INDEX: Final = "by_admission"
FREE: Final = "message free"
SENDING: Final = "message being sent"
WAITING: Final = "message waiting"

IS_NEW_OR_FREE: Final = "attribute_not_exists(run_id) OR kind = :free"
# The SDK asks again by itself when an answer is lost.
IS_MINE: Final = "(kind = :sending AND admitted_at = :at)"
IS_UNTOUCHED: Final = "kind IN (:free, :sending) AND admitted_at = :seen"
IS_BEING_SENT: Final = "kind = :sending"
IS_WAITING: Final = "kind = :waiting"
IS_KNOWN: Final = "attribute_exists(run_id)"
IS_THIS_OR_LATER: Final = "begun_at >= :begun_at"
IS_EARLIER: Final = "attribute_not_exists(begun_at) OR begun_at < :begun_at"
WAS_NOT_ASKED: Final = "attribute_not_exists(asked_at) OR asked_at < :before"

LONGEST_ADDRESS: Final = 320
"""RFC 3696: 64 characters, @, 255 characters; a sort key may have 1024 bytes."""


class Outbox:
    def __init__(self, client: BaseClient, table: str) -> None:
        self._table = Table(client, table)

    def claim(self, message: Message, at: datetime) -> bool:
        values = {":free": FREE, ":sending": SENDING, ":at": time_text(at)}
        return self._put(message, at, f"{IS_NEW_OR_FREE} OR {IS_MINE}", values)

    def claim_again(self, unsent: Unsent, message: Message, at: datetime) -> bool:
        seen = {":free": FREE, ":sending": SENDING, ":seen": time_text(unsent.at)}
        return self._put(message, at, IS_UNTOUCHED, seen)

    def release(self, key: MessageKey, at: datetime) -> None:
        change = {":free": FREE, ":at": time_text(at), ":sending": SENDING}
        self._update(_key(key), "SET kind = :free, admitted_at = :at", IS_BEING_SENT, change)

    def wait(self, key: MessageKey) -> None:
        change = {":waiting": WAITING, ":sending": SENDING}
        self._update(_key(key), "SET kind = :waiting", IS_BEING_SENT, change)

    def take(self, key: MessageKey, at: datetime) -> bool:
        change = {":sending": SENDING, ":at": time_text(at), ":waiting": WAITING}
        expression = "SET kind = :sending, admitted_at = :at"
        return self._update(_key(key), expression, IS_WAITING, change) is not None

    def mark_sent(self, key: MessageKey, at: datetime) -> None:
        self._update(_key(key), "SET sent_at = :at REMOVE kind", IS_KNOWN, {":at": time_text(at)})

    def is_taken(self, key: MessageKey) -> bool:
        found = self._table.query(
            KeyConditionExpression="run_id = :run AND #item = :item",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=stored({":run": key.run_id, ":item": _name(key)}),
            ConsistentRead=True,
        )
        return any(item.get("kind") != FREE for item in found)

    def unsent(self, before: datetime) -> Iterator[Unsent]:
        for kind in (FREE, SENDING):
            for item in self._of(kind, before):
                yield Unsent(_message(item), _time(item["admitted_at"]), kind == SENDING)

    def waiting(self, before: datetime) -> Iterator[Message]:
        for item in self._of(WAITING, before):
            yield _message(item)

    def count(self, bucket: datetime) -> int:
        """One item for all buckets; a clock that is behind counts in the newest one."""
        values = {":begun_at": time_text(bucket), ":one": 1}
        key = stored({"run_id": OWN_PARTITION, "item": "bucket"})
        while True:
            same = self._update(key, "ADD messages :one", IS_THIS_OR_LATER, values)
            if same is not None:
                return int(same["messages"])
            begin = "SET begun_at = :begun_at, messages = :one"
            begun = self._update(key, begin, IS_EARLIER, values)
            if begun is not None:
                return int(begun["messages"])

    def begin_look(self, bucket: datetime) -> bool:
        key = stored({"run_id": OWN_PARTITION, "item": "look"})
        values = {":begun_at": time_text(bucket)}
        return self._update(key, "SET begun_at = :begun_at", IS_EARLIER, values) is not None

    def begin_asking(self, address: str, at: datetime, again_after: timedelta) -> bool:
        values = {":at": time_text(at), ":before": time_text(at - again_after)}
        expression = "SET asked_at = :at"
        return self._update(_address(address), expression, WAS_NOT_ASKED, values) is not None

    def stop_asking(self, address: str) -> None:
        self._update(_address(address), "REMOVE asked_at", IS_KNOWN, {})

    def _put(
        self, message: Message, at: datetime, condition: str, values: Mapping[str, object]
    ) -> bool:
        """Store a message as one that is being sent, if *condition* holds."""
        state = {"item": _name(message.key), "kind": SENDING, "admitted_at": time_text(at)}
        body = {**message.model_dump(mode="json"), **state}
        answer = self._table.put(
            Item=stored(body),
            ConditionExpression=condition,
            ExpressionAttributeValues=stored(values),
        )
        return answer is not None

    def _update(
        self,
        key: Mapping[str, Any],
        expression: str,
        condition: str,
        values: Mapping[str, object],
    ) -> dict[str, Any] | None:
        """The item as it now is, or None where *condition* does not hold."""
        given = {"ExpressionAttributeValues": stored(values)} if values else {}
        answer = self._table.update(
            Key=key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ReturnValues="ALL_NEW",
            **given,
        )
        return None if answer is None else plain(answer["Attributes"])

    def _of(self, kind: str, before: datetime) -> Iterator[dict[str, Any]]:
        return self._table.query(
            IndexName=INDEX,
            KeyConditionExpression="kind = :kind AND admitted_at < :before",
            ExpressionAttributeValues=stored({":kind": kind, ":before": time_text(before)}),
        )


def _name(key: MessageKey) -> str:
    return f"{MESSAGE_ITEM}{key.event}#{key.occasion}"


def _key(key: MessageKey) -> dict[str, Any]:
    return stored({"run_id": key.run_id, "item": _name(key)})


def _address(address: str) -> dict[str, Any]:
    return stored({"run_id": OWN_PARTITION, "item": f"address#{address[:LONGEST_ADDRESS]}"})


def _message(item: Mapping[str, Any]) -> Message:
    return Message.model_validate({name: item[name] for name in Message.model_fields})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
