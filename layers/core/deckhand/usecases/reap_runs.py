"""Compare ledger, executions, jobs and status.json: take up dead runs, end orphans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from deckhand.domain.attempt import (
    BY_DECKHAND,
    SILENT,
    AttemptRecord,
    child_name,
    job_name,
    parse_job_name,
)
from deckhand.domain.errors import ReaperError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import shorten
from deckhand.domain.run import RunState
from deckhand.domain.sweep import FIRST_ATTEMPT
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.next_round import next_round
from deckhand.usecases.ports import (
    Bucket,
    ExecutionEnd,
    Executions,
    Jobs,
    Ledger,
    LiveJob,
    TimeLeft,
)
from deckhand.usecases.steer_run import SteerRun
from deckhand.usecases.tell import Tell

ABANDONED: Final = timedelta(minutes=20)
"""A message that was claimed so long ago and not sent: no function lives that long."""

TAKEN_UP_MOST: Final = 3
"""Executions in a row that may die of the same run."""

ORPHAN: Final = f"{BY_DECKHAND}the run of this attempt is over"
SECOND: Final = f"{BY_DECKHAND}this attempt was submitted twice"
STOP: Final = timedelta(seconds=30)
"""The time that is left when the reaper breaks off; the next one goes on."""

Parents = dict[str, RunRecord | None]


class Finding(StrEnum):
    """What the reaper did about a run or a job."""

    TAKEN_UP = "taken up"
    STOPPED = "stopped"
    CLOSED = "closed"
    ENFORCED = "wish enforced"
    SILENT = "silent machine given up"
    ORPHAN = "orphan ended"
    TOLD = "told again"
    FAILED = "failed"


@dataclass(frozen=True)
class Reaped:
    what: str
    finding: Finding
    detail: str = ""


@dataclass(frozen=True)
class ReapRuns:
    """`silence` is how long a working attempt may say nothing before its machine is given up.

    What looks dead for less than `grace` may only just have ended, or be about to begin.
    """

    runs: Bucket
    ledger: Ledger
    executions: Executions
    jobs: Jobs
    steer: SteerRun
    close: CloseRun
    tell: Tell
    silence: timedelta
    grace: timedelta

    def __call__(self, now: datetime, time_left: TimeLeft) -> list[Reaped]:
        """Safe to repeat, and to run twice at once: every change is conditional or idempotent."""
        live, older = _by_name(self.jobs.live())
        # First what costs money or keeps people waiting: to look at all open runs may take longer
        # than there is time.
        found = self._orphans(live.values(), older, now, time_left)
        found += _guarded("messages", self._messages(time_left))
        return found + self._open_runs(live, now, time_left)

    def _orphans(
        self, newest: Iterable[LiveJob], older: Iterable[LiveJob], now: datetime,
        time_left: TimeLeft,
    ) -> list[Reaped]:  # fmt: skip
        found: list[Reaped] = []
        for job, look in (
            *((job, self._second(job, now)) for job in older),
            *((job, self._job(job, now)) for job in newest),
        ):
            if time_left() < STOP:
                break
            found += _guarded(job.name, look)
        return found

    def _open_runs(
        self, live: dict[str, LiveJob], now: datetime, time_left: TimeLeft
    ) -> list[Reaped]:
        """In another order each time, so that none is always the last, which time may not reach."""
        running = self.executions.running()
        found: list[Reaped] = []
        parents: Parents = {}
        for record in sorted(self.ledger.open_runs(), key=lambda item: _turn(item.run_id, now)):
            if time_left() < STOP:
                break
            look = (
                self._point(record, parents, live, now)
                if record.is_carried_by_parent
                else self._run(record, running, live, now)
            )
            found += _guarded(record.run_id, look)
        return found

    def _run(
        self, record: RunRecord, running: set[str], live: dict[str, LiveJob], now: datetime
    ) -> Iterator[Reaped]:
        if record.execution in running:
            yield from self._alive(record, live, now)
        elif not _rests(record):
            yield from self._dead(record, now)

    def _point(
        self, record: RunRecord, parents: Parents, live: dict[str, LiveJob], now: datetime
    ) -> Iterator[Reaped]:
        """A run that its sweep carries: nothing of its own can have died but its machine."""
        assert record.parent is not None
        assert record.point is not None
        if record.parent not in parents:
            parents[record.parent] = self.ledger.run(record.parent)
        parent = parents[record.parent]
        if parent is None or parent.state.is_final:
            yield from self._left_behind(record, parent, now)
            return
        array = job_name(record.parent, FIRST_ATTEMPT)
        job = live.get(child_name(array, record.point))
        whole = self.ledger.run(record.run_id) if job and job.status == "RUNNING" else None
        attempt = whole.open_attempt if whole else None
        if job is not None and attempt is not None:
            yield from self._listen(record.run_id, attempt, job, now)

    def _left_behind(
        self, record: RunRecord, parent: RunRecord | None, now: datetime
    ) -> Iterator[Reaped]:
        """Its sweep was closed without it."""
        since = parent.closed_at if parent else None
        if now - (since or record.admitted_at) < self.grace:
            return
        whole = self.ledger.run(record.run_id)
        if whole is not None and whole.is_carried_by_parent and not whole.state.is_final:
            yield self._close(whole, RunState.CANCELLED, "Its sweep was over before it.", now)

    def _alive(
        self, record: RunRecord, live: dict[str, LiveJob], now: datetime
    ) -> Iterator[Reaped]:
        whole = self.ledger.run(record.run_id)
        attempt = whole.open_attempt if whole else None
        if whole is None or attempt is None:
            return
        job = live.get(_job_of(whole, attempt))
        if job is None or job.is_array:  # who carries a sweep looks after it
            return
        if whole.wish is not None:
            yield Reaped(record.run_id, Finding.ENFORCED, self.steer.enforce(whole, now))
        elif job.status == "RUNNING":
            yield from self._listen(record.run_id, attempt, job, now)

    def _listen(
        self, run_id: str, attempt: AttemptRecord, job: LiveJob, now: datetime
    ) -> Iterator[Reaped]:
        """A runner that says nothing for long does not live, whatever Batch thinks."""
        status = read_status(self.runs, run_id, attempt.number)
        heard = max(status.updated_at if status else job.created_at, attempt.planned_at)
        described = self.jobs.describe(job.job_id)
        started = described.started if described else None
        heard = max(heard, started or heard)
        if now - heard < self.silence:
            return
        reason = f"its runner has said nothing since {heard:%Y-%m-%d %H:%M} UTC."
        self.jobs.terminate(job.job_id, f"{SILENT}{reason}")
        yield Reaped(run_id, Finding.SILENT, reason)

    def _dead(self, record: RunRecord, now: datetime) -> Iterator[Reaped]:
        if self.executions.is_running(record.execution):
            return
        end = self.executions.end(record.execution)
        since = _last_change(record, end)
        # Asked for again: what the list shows may be of before its execution has ended.
        whole = self.ledger.run(record.run_id)
        if now - since < self.grace or whole is None or whole.state.is_final:
            return
        if whole.round != record.round or _rests(whole):
            return
        if end is not None and end.status == "ABORTED" and whole.wish is None:
            # Whoever stops an execution means the run; what its machine has done counts anyway.
            next_round(self.ledger, self.executions, whole, now, Wish.STOP)
            yield Reaped(whole.run_id, Finding.STOPPED, "Its execution was stopped in AWS.")
        elif whole.taken_up >= TAKEN_UP_MOST:
            self._end_array(whole)
            yield self._close(whole, RunState.FAILED, _died(whole, end), now)
        else:
            yield self._take_up(whole, end, now)

    def _end_array(self, record: RunRecord) -> None:
        """Nobody follows the array of a sweep that is closed."""
        if record.points is None or record.open_attempt is None:
            return
        array = self.jobs.find(job_name(record.run_id, FIRST_ATTEMPT))
        if array is not None and array.is_live:
            self.jobs.terminate(array.job_id, ORPHAN)

    def _close(self, record: RunRecord, state: RunState, reason: str, now: datetime) -> Reaped:
        self.close(record.run_id, state, reason, now)
        return Reaped(record.run_id, Finding.CLOSED, f"{state.value}: {reason}")

    def _take_up(self, record: RunRecord, end: ExecutionEnd | None, now: datetime) -> Reaped:
        """The next execution goes on where this one has left off, with a live job too."""
        never_started = end is None and record.round == 1 and record.started_at is None
        if never_started:
            self.executions.start(record.execution, record.run_id, record.drop)
            self.ledger.mark_started(record.run_id, now)
        else:
            again = {"taken_up": record.taken_up + 1}
            next_round(self.ledger, self.executions, record, now, record.wish, **again)
        return Reaped(record.run_id, Finding.TAKEN_UP, end.status if end else "no execution")

    def _job(self, job: LiveJob, now: datetime) -> Iterator[Reaped]:
        """A job whose run is over, or whose attempt has been judged, works for nobody."""
        name = parse_job_name(job.name)
        if name is None or now - job.created_at < self.grace:
            return
        record = self.ledger.run(name[0])
        attempt = record.attempt(name[1]) if record else None
        wanted = record is not None and attempt is not None and attempt.verdict is None
        if wanted and record is not None and not record.state.is_final:
            return
        self.jobs.terminate(job.job_id, ORPHAN)
        yield Reaped(job.name, Finding.ORPHAN)

    def _second(self, job: LiveJob, now: datetime) -> Iterator[Reaped]:
        """An attempt was submitted twice, the first answer having been lost: nobody follows this.

        Who looks for a job by its name finds the newest. An array's children end with it.
        """
        if parse_job_name(job.name) is None or now - job.created_at < self.grace:
            return
        self.jobs.terminate(job.job_id, SECOND)
        yield Reaped(job.name, Finding.ORPHAN, "a newer job has its name")

    def _messages(self, time_left: TimeLeft) -> Iterator[Reaped]:
        if time_left() < STOP:
            return
        for key in self.tell.again(ABANDONED):
            yield Reaped(key.run_id, Finding.TOLD, key.event)


def raise_failures(found: list[Reaped]) -> None:
    """Raises ReaperError where something could not be looked at."""
    failed = [item for item in found if item.finding is Finding.FAILED]
    if failed:
        names = "; ".join(f"{item.what}: {item.detail}" for item in failed[:5])
        raise ReaperError(f"{len(failed)} could not be looked at: {names}")


def _by_name(jobs: Iterable[LiveJob]) -> tuple[dict[str, LiveJob], list[LiveJob]]:
    """The newest job of each name, and all the older ones.

    A job that moves on while the jobs are listed is listed twice; the last word on it counts.
    """
    each = {job.job_id: job for job in jobs}
    newest: dict[str, LiveJob] = {}
    older = []
    for job in sorted(each.values(), key=lambda item: item.created_at, reverse=True):
        if newest.setdefault(job.name, job) is not job:
            older.append(job)
    return newest, older


def _turn(run_id: str, now: datetime) -> bytes:
    return sha256(f"{now.isoformat()} {run_id}".encode()).digest()


def _guarded(what: str, look: Iterator[Reaped]) -> list[Reaped]:
    try:
        return list(look)
    except Exception as error:  # the others must not wait for it; the next reaper tries again
        return [Reaped(what, Finding.FAILED, f"{type(error).__name__}: {error}")]


def _job_of(record: RunRecord, attempt: AttemptRecord) -> str:
    if attempt.array is not None and record.point is not None:
        return child_name(attempt.array, record.point)
    return job_name(record.run_id, attempt.number)


def _rests(record: RunRecord) -> bool:
    """Whether it is held, as was wished or by itself, and nobody wants it to end."""
    return record.state is RunState.HELD and record.wish is not Wish.STOP


def _last_change(record: RunRecord, end: ExecutionEnd | None) -> datetime:
    known = (record.started_at, record.steered_at, end.at if end else None)
    return max([record.admitted_at, *(at for at in known if at is not None)])


def _died(record: RunRecord, end: ExecutionEnd | None) -> str:
    how = f"{end.status}: {shorten(end.cause, 1000)}" if end else "it is gone"
    return (
        f"{record.taken_up + 1} executions in a row died before the run was over. The last one: "
        f"{how.rstrip(' :.')}. Its checkpoints are kept: `deckhand resume {record.run_id}` goes on."
    )
