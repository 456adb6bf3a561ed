"""Name the run that a drop becomes, once the drop is quiet, and start it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deckhand.domain import deck
from deckhand.domain.deck import Drop
from deckhand.usecases.list_drop import list_drop
from deckhand.usecases.ports import Bucket, Executions, IntakeQueue, Ledger, Pace
from deckhand.usecases.record_drop import record_drop

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
LONGEST_DELAY = timedelta(seconds=900)


class Look(StrEnum):
    """What a look at a drop led to."""

    IGNORED = "ignored"
    NOTHING_THERE = "nothing there"
    STOPPED = "stopped"
    GROWING = "growing"
    STARTED = "started"
    KNOWN = "known"
    FAILED = "failed"


@dataclass(frozen=True)
class Notification:
    """One message of the intake queue: an uploaded key, or a drop to look at again.

    With neither, the message could not be read.
    """

    message_id: str
    key: str = ""
    drop: str = ""


@dataclass(frozen=True)
class Admission:
    """The answer to all messages of one batch that are about the same drop."""

    drop: str
    look: Look
    message_ids: tuple[str, ...]
    run_id: str = ""
    error: str = ""


@dataclass(frozen=True)
class AdmitDrop:
    inbox: Bucket
    runs: Bucket
    ledger: Ledger
    executions: Executions
    queue: IntakeQueue
    settle: timedelta
    pace: Pace

    def __call__(self, batch: Sequence[Notification], now: datetime) -> list[Admission]:
        """Look once at every drop of *batch*; one that fails does not fail the others."""
        self.pace.begin()
        return [self._admit(drop, ids, now) for drop, ids in _by_drop(batch).items()]

    def _admit(self, prefix: str | None, ids: tuple[str, ...], now: datetime) -> Admission:
        if prefix is None:
            return Admission("", Look.FAILED, ids, error="the message cannot be read")
        if not prefix:
            return Admission("", Look.IGNORED, ids)
        try:
            look, run_id = self._look(prefix, now)
        except Exception as error:  # the queue redelivers this drop's messages, and only these
            return Admission(prefix, Look.FAILED, ids, error=f"{type(error).__name__}: {error}")
        return Admission(prefix, look, ids, run_id)

    def _look(self, prefix: str, now: datetime) -> tuple[Look, str]:
        drop = list_drop(self.inbox, prefix)
        if not drop.triggers:
            return Look.NOTHING_THERE, ""
        if drop.is_stopped:
            return Look.STOPPED, ""
        still = self.settle - drop.quiet_for(now)
        if still > timedelta(0):
            delay = min(max(still, timedelta(seconds=1)), LONGEST_DELAY)
            self.queue.look_again(prefix, delay)
            return Look.GROWING, ""
        return self._start(drop, now)

    def _start(self, drop: Drop, now: datetime) -> tuple[Look, str]:
        record = record_drop(self.runs, self.ledger, drop, now)
        if record.started_at is not None:
            return Look.KNOWN, record.run_id
        self.pace.await_turn()
        started = self.executions.start(record.execution, record.run_id, drop.prefix)
        self.ledger.mark_started(record.run_id, now)
        return (Look.STARTED if started else Look.KNOWN), record.run_id


def failed_messages(admissions: Iterable[Admission]) -> list[str]:
    """The ids of the messages that the queue is to deliver again."""
    failed = (item.message_ids for item in admissions if item.look is Look.FAILED)
    return [message_id for ids in failed for message_id in ids]


def _by_drop(batch: Iterable[Notification]) -> dict[str | None, tuple[str, ...]]:
    drops: dict[str | None, tuple[str, ...]] = {}
    for item in batch:
        prefix = _drop_of(item)
        drops[prefix] = (*drops.get(prefix, ()), item.message_id)
    return drops


def _drop_of(item: Notification) -> str | None:
    """The drop a message is about, empty for a key that triggers nothing, None if unreadable."""
    if item.drop:
        return item.drop
    if not item.key:
        return None
    return (deck.drop_prefix(item.key) or "") if deck.is_trigger(item.key) else ""
