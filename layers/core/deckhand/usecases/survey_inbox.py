"""Look through the inbox for drops that no event told of, so that none waits in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from deckhand.domain import deck, keys
from deckhand.domain.deck import Drop, DropObject
from deckhand.domain.errors import SurveyError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from deckhand.usecases.admit_drop import AdmitDrop, Look, Notification
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.ports import Bucket, Ledger, TimeLeft
from deckhand.usecases.record_drop import record_drop

STOP_LISTING: Final = timedelta(seconds=90)
STOP_LOOKING: Final = timedelta(seconds=30)
"""The time that is left when the survey breaks off; one drop takes seconds."""


class Finding(StrEnum):
    """What the survey did about a drop."""

    ADMITTED = "admitted"
    REPORTED = "reported"
    KNOWN = "known"
    CHANGING = "changing"
    FAILED = "failed"


@dataclass(frozen=True)
class Found:
    drop: str
    run_id: str
    finding: Finding
    error: str = ""


@dataclass(frozen=True)
class Survey:
    """How many drops lie in the inbox, and those that had to be done something about.

    It is not complete where time ran out.
    """

    drops: int
    found: tuple[Found, ...]
    is_complete: bool

    def raise_failures(self) -> None:
        failed = [item for item in self.found if item.finding is Finding.FAILED]
        if failed:
            names = "; ".join(f"{item.drop}: {item.error}" for item in failed[:5])
            raise SurveyError(f"{len(failed)} of the drops could not be looked at: {names}")


@dataclass(frozen=True)
class Lying:
    """A drop as it lies in the inbox; of one that has triggers, these only."""

    drop: Drop
    changed_at: datetime


@dataclass(frozen=True)
class SurveyInbox:
    """`after` is how long a drop must be quiet, beyond the time it takes to settle.

    The drop that changed last comes first, so a survey that runs out of time leaves to the next one
    those that earlier surveys have seen already. Only where the listing alone takes all the time,
    with some million objects, is the end of the inbox not seen; the survey is not complete then.
    """

    inbox: Bucket
    runs: Bucket
    ledger: Ledger
    admit: AdmitDrop
    close: CloseRun
    after: timedelta
    settled: set[str] = field(default_factory=set)
    """Runs that will never need anything more from here: spares asking the ledger again."""

    def __call__(self, now: datetime, time_left: TimeLeft) -> Survey:
        """Safe to repeat, and to run twice at once: the ledger knows what was done."""
        wait = self.admit.settle + self.after
        lying, is_complete = self._read_inbox(wait, time_left)
        waiting = [item for item in lying if now - item.changed_at >= wait]
        found: list[Found] = []
        for item in sorted(waiting, key=lambda item: item.changed_at, reverse=True):
            if time_left() < STOP_LOOKING:
                is_complete = False
                break
            found.append(self._look(item.drop, now))
        news = (item for item in found if item.finding is not Finding.KNOWN)
        return Survey(len(lying), tuple(news), is_complete)

    def _read_inbox(self, wait: timedelta, time_left: TimeLeft) -> tuple[list[Lying], bool]:
        lying: list[Lying] = []
        loose: list[DropObject] = []
        by_drop = groupby(
            self.inbox.latest(keys.INBOX), key=lambda entry: deck.holding_drop(entry[0].key)
        )
        for prefix, entries in by_drop:
            if time_left() < STOP_LISTING:
                # Which loose files belong together is known only when all are.
                return lying, False
            objects, deleted = _part(entries)
            drop = Drop(prefix=prefix, objects=objects)
            if drop.triggers or drop.is_folder:
                lying += _lying(drop, deleted)
            else:
                loose += objects
        lying += (Lying(drop, drop.objects[-1].last_modified) for drop in bursts(loose, wait))
        return lying, True

    def _look(self, drop: Drop, now: datetime) -> Found:
        run_id = deck.run_id(drop)
        try:
            finding = self._settle(run_id, drop, now)
        except Exception as error:  # the others must not wait for it; the next survey tries again
            return Found(drop.prefix, run_id, Finding.FAILED, f"{type(error).__name__}: {error}")
        if finding is not Finding.CHANGING:
            self.settled.add(run_id)
        return Found(drop.prefix, run_id, finding)

    def _settle(self, run_id: str, drop: Drop, now: datetime) -> Finding:
        if run_id in self.settled or self._is_settled(self.ledger.run(run_id), drop):
            return Finding.KNOWN
        return self._admit(drop, now) if drop.triggers else self._report(drop, now)

    def _is_settled(self, record: RunRecord | None, drop: Drop) -> bool:
        """Whether a run was started, or people were told that there is none."""
        if record is None:
            return False
        if drop.triggers:
            return record.started_at is not None or record.state.is_final
        return record.state.is_final and self.close.is_told(record)

    def _admit(self, drop: Drop, now: datetime) -> Finding:
        """What an event would have led to, had it arrived."""
        [admission] = self.admit([Notification(drop.prefix, drop=drop.prefix)], now)
        if admission.look is Look.FAILED:
            raise SurveyError(admission.error)
        if admission.look is Look.STOPPED:
            return Finding.KNOWN
        is_run = admission.look in (Look.STARTED, Look.KNOWN)
        return Finding.ADMITTED if is_run else Finding.CHANGING

    def _report(self, drop: Drop, now: datetime) -> Finding:
        """A run that is over at once, so that people are told once as of any other."""
        record = record_drop(self.runs, self.ledger, drop, now)
        self.close(record.run_id, RunState.REJECTED, deck.without_deck(drop), now)
        return Finding.REPORTED


def bursts(loose: Iterable[DropObject], gap: timedelta) -> Iterator[Drop]:
    """Loose files as drops, those together that were uploaded together, the last one last.

    A folder that is copied into the inbox without its name is one mistake, and worth one message.
    """
    burst: list[DropObject] = []
    for item in sorted(loose, key=lambda item: (item.last_modified, item.key)):
        if burst and item.last_modified - burst[-1].last_modified >= gap:
            yield _burst(burst)
            burst = []
        burst.append(item)
    if burst:
        yield _burst(burst)


def _burst(objects: Sequence[DropObject]) -> Drop:
    prefix = objects[0].key if len(objects) == 1 else keys.INBOX
    return Drop(prefix=prefix, objects=tuple(objects))


def _part(
    entries: Iterable[tuple[DropObject, bool]],
) -> tuple[tuple[DropObject, ...], tuple[DropObject, ...]]:
    """What is there, and the marks of what was deleted."""
    objects: list[DropObject] = []
    deleted: list[DropObject] = []
    for item, is_there in entries:
        (objects if is_there else deleted).append(item)
    return tuple(objects), tuple(deleted)


def _lying(drop: Drop, deleted: Sequence[DropObject]) -> Iterator[Lying]:
    """Nothing for a drop that is gone, or whose deck was taken away and nothing uploaded since.

    A deletion is a change: while somebody clears a folder, what is left of it is not a new drop.
    """
    objects = [item for item in drop.objects if drop.path_of(item) not in deck.STEERING_NAMES]
    if not objects or drop.prefix == keys.INBOX:
        return
    uploaded_at = max(item.last_modified for item in objects)
    changed_at = max([uploaded_at, *(item.last_modified for item in deleted)])
    if drop.triggers:
        yield Lying(Drop(prefix=drop.prefix, objects=drop.triggers), changed_at)
    elif not any(
        deck.is_trigger(item.key) and item.last_modified >= uploaded_at for item in deleted
    ):
        yield Lying(Drop(prefix=drop.prefix, objects=tuple(objects)), changed_at)
