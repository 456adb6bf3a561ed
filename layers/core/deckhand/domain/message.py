"""A message to people about one event of a run: one subject line a person can act on."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import field_validator

from deckhand.domain.deck import Drop, Frozen
from deckhand.domain.ledger import DEFAULT_OWNER

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, "less than 100 characters";
# 256 KiB for text and attributes together.
MAX_SUBJECT: Final = 99
MAX_BODY_BYTES: Final = 250_000
MAX_NAME: Final = 40

PRODUCT: Final = "Deckhand"

BUCKET: Final = timedelta(minutes=5)
"""Messages are counted in buckets of this length."""

# AWS ends an e-mail subscription that gets more than ten messages in a second. All of two buckets
# may go out at the turn from one to the other, with the digests of one look: 3 + 3 + 3 are nine.
# https://repost.aws/knowledge-center/sns-email-subscription-disabled
DIRECT_MESSAGES: Final = 3
"""Messages of a bucket that go out at once; the others wait for a digest."""

DIGESTS_AT_ONCE: Final = 3

AGAIN: Final = "This message may have come to you before: it is not known whether it was sent."


class Event(StrEnum):
    """What happened, for the filter policies of subscribers."""

    RUN_STARTED = "run_started"
    RUN_FELL_BACK = "run_fell_back"
    RUN_STALLED = "run_stalled"
    RUN_HELD = "run_held"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    RUN_REJECTED = "run_rejected"
    RUN_CANCELLED = "run_cancelled"


CLOSED: Final = "run_closed"
FINAL_EVENTS: Final = frozenset(
    {Event.RUN_COMPLETED, Event.RUN_FAILED, Event.RUN_REJECTED, Event.RUN_CANCELLED}
)
"""A run ends in one of these, and is told of once, under the one name CLOSED."""


class MessageSeverity(StrEnum):
    """ACTION where somebody has to do something."""

    INFO = "info"
    ACTION = "action"


@dataclass(frozen=True)
class MessageKey:
    """What makes two messages the same; `occasion` tells apart the events of one kind of a run."""

    run_id: str
    event: str
    occasion: str


class Message(Frozen):
    """`occasion` is the attempt or the round that an event belongs to, where there may be more.

    `notify` are the addresses that run.yaml names.
    """

    run_id: str
    event: Event
    severity: MessageSeverity
    subject: str
    body: str
    occasion: str = ""
    owner: str = DEFAULT_OWNER
    group: str = DEFAULT_OWNER
    notify: tuple[str, ...] = ()

    @field_validator("subject")
    @classmethod
    def _is_printable(cls, given: str) -> str:
        return printable_subject(given)

    @field_validator("body")
    @classmethod
    def _fits(cls, given: str) -> str:
        return fitting(given)

    @property
    def key(self) -> MessageKey:
        event = CLOSED if self.event in FINAL_EVENTS else self.event.value
        return MessageKey(self.run_id, event, self.occasion)

    @property
    def attributes(self) -> dict[str, str | tuple[str, ...]]:
        """What subscribers may filter by; a tuple matches if one of its values does."""
        named: dict[str, str | tuple[str, ...]] = {
            "event": self.event.value,
            "severity": self.severity.value,
            "owner": self.owner,
            "group": self.group,
            "run_id": self.run_id,
        }
        return {**named, "notify": self.notify} if self.notify else named


def with_body(message: Message, body: str) -> Message:
    return Message.model_validate({**message.model_dump(), "body": body})


def repeated(message: Message) -> Message:
    """The message with a first line that says that it may be known."""
    if is_repeated(message):
        return message
    return with_body(message, f"{AGAIN}\n\n{message.body}")


def is_repeated(message: Message) -> bool:
    return message.body.startswith(AGAIN)


def bucket_of(now: datetime) -> datetime:
    """When the bucket began that *now* lies in."""
    return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % BUCKET


def printable_subject(text: str) -> str:
    """*text* as SNS takes it: one line of printable ASCII, shorter than 100 characters."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    ascii_only = plain.encode("ascii", "ignore").decode()
    line = " ".join("".join(c if c.isprintable() else " " for c in ascii_only).split())
    return shorten(line, MAX_SUBJECT) or PRODUCT


def fitting(body: str) -> str:
    """*body* as SNS takes it."""
    cut = body.encode(errors="replace")[:MAX_BODY_BYTES].decode(errors="ignore")
    return cut if cut.strip() else PRODUCT


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def run_name(drop: str) -> str:
    """What people call a run: the name of its drop."""
    return shorten(Drop(prefix=drop, objects=()).name, MAX_NAME)


def money(dollars: float) -> str:
    """US dollars to the cent; what is less is not called nothing."""
    return "less than $0.01" if 0 < dollars < 0.005 else f"${dollars:,.2f}"


def duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"
