"""A digest: one message in place of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from deckhand.domain.deck import Frozen
from deckhand.domain.message import (
    Event,
    Message,
    MessageSeverity,
    count,
    fitting,
    is_repeated,
    printable_subject,
)

DIGEST: Final = "digest"
"""What a digest has among its events, so that a filter policy can ask for digests alone."""

MAX_URGENT_SHOWN: Final = 800
MAX_OTHERS_SHOWN: Final = 100
# 256 KiB is what SNS takes of text and attributes together.
MAX_NAMED: Final = 500

WORDS: Final = {
    Event.RUN_FAILED: "failed",
    Event.RUN_HELD: "held",
    Event.RUN_STALLED: "stalled",
    Event.RUN_REJECTED: "not run",
    Event.RUN_COMPLETED: "completed",
    Event.RUN_CANCELLED: "cancelled",
    Event.RUN_FELL_BACK: "fell back to on-demand",
    Event.RUN_STARTED: "started",
}
"""Those first that must not be cut off."""


class Digest(Frozen):
    """`attributes` have every value that one of its messages has."""

    subject: str
    body: str
    attributes: dict[str, str | tuple[str, ...]]


def compose_digest(messages: Sequence[Message]) -> Digest:
    """Of messages that all go to the same addresses."""
    counts = Counter(message.event for message in messages)
    summary = ", ".join(
        f"{counts[event]:,} {word}" for event, word in WORDS.items() if counts[event]
    )
    return Digest(
        subject=printable_subject(f"Deckhand: {count(len(messages), 'message')}: {summary}"),
        body=fitting("\n".join(_lines(messages, summary)) + "\n"),
        attributes=_attributes(messages),
    )


def _attributes(messages: Sequence[Message]) -> dict[str, str | tuple[str, ...]]:
    """A filter policy matches an array if it matches one of its values."""
    values: dict[str, str | tuple[str, ...]] = {
        "event": (DIGEST, *_distinct(message.event.value for message in messages)),
        "severity": _distinct(message.severity.value for message in messages),
        "owner": _distinct(message.owner for message in messages),
        "group": _distinct(message.group for message in messages),
    }
    notify = messages[0].notify
    return {**values, "notify": notify} if notify else values


def _distinct(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:MAX_NAMED]


def _lines(messages: Sequence[Message], summary: str) -> Iterator[str]:
    yield f"{count(len(messages), 'message')} came within minutes, so they come as one: {summary}."
    yield (
        "AWS ends an e-mail subscription that gets more than ten messages in a second. The report "
        "of each closed run lies beside its results."
    )
    urgent = [item for item in messages if item.severity is MessageSeverity.ACTION]
    others = [item for item in messages if item.severity is not MessageSeverity.ACTION]
    yield from _part("Somebody has to look at these:", urgent, MAX_URGENT_SHOWN)
    yield from _part("These need nothing:", others, MAX_OTHERS_SHOWN)
    yield ""
    if urgent:
        yield "What to do: deckhand show RUN tells of each of the first what happened."
    else:
        yield "What to do: nothing."
    yield "All runs: deckhand list"


def _part(title: str, messages: Sequence[Message], most: int) -> Iterator[str]:
    if not messages:
        return
    order = list(WORDS)
    yield ""
    yield title
    for message in sorted(messages, key=lambda item: order.index(item.event))[:most]:
        again = " (may have come before)" if is_repeated(message) else ""
        yield f"  {message.run_id}  {message.subject.removeprefix('Deckhand: ')}{again}"
    if len(messages) > most:
        yield f"  and {len(messages) - most:,} more: deckhand list"
