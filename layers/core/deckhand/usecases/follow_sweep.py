"""Follow the runs of a sweep: judge and close those that have ended in its array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from deckhand.domain.attempt import (
    NEVER_SUBMITTED,
    AttemptRecord,
    Job,
    Judgement,
    Verdict,
    child_name,
)
from deckhand.domain.errors import SteeringError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import count, shorten
from deckhand.domain.run import Run, RunState
from deckhand.domain.steering import Request, Verb
from deckhand.domain.sweep import FIRST_ATTEMPT, Point, Sweep
from deckhand.usecases.begin_sweep import BeginSweep
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.judge_attempt import Ended, JudgeAttempt, decide
from deckhand.usecases.next_round import next_round
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.plan_attempt import wish_reason
from deckhand.usecases.ports import Executions, Jobs, Ledger, TimeLeft
from deckhand.usecases.steer_run import RESUMABLE_STATES, SteerRun

STOP: Final = timedelta(minutes=3)
"""The time that is left when no further run is looked at: to close one may take long."""

GIVEN_UP: Final = timedelta(hours=1)
"""After which a run whose results cannot be put together is waited for no longer."""

FORGOTTEN: Final = "AWS Batch does not know its job any more"
TROUBLES: Final = 5
HELD_SHOWN: Final = 5


class Standing(StrEnum):
    """Where a point stands; those that were not looked at have no standing."""

    GOING = "going"
    HELD = "held"
    DONE = "done"


@dataclass(frozen=True)
class Seen:
    """`in_array` where only the array can tell how it goes on."""

    standing: Standing | None
    record: RunRecord | None = None
    trouble: str = ""
    in_array: bool = False


@dataclass(frozen=True)
class Followed:
    """`state` is that of the whole, once no run of it goes on any more."""

    broken_off: int
    going: int
    held: int
    done: int
    in_array: int
    state: RunState
    reason: str
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class FollowSweep:
    """Every step of it is safe to repeat, and to do twice at once."""

    ledger: Ledger
    jobs: Jobs
    executions: Executions
    begin: BeginSweep
    judge: JudgeAttempt
    close: CloseRun
    steer: SteerRun

    def __call__(
        self, parent: RunRecord, run: Run, sweep: Sweep, array: str | None, now: datetime,
        time_left: TimeLeft,
    ) -> Followed:  # fmt: skip
        """*array* is the id of its array job, None where there is none (any more)."""
        if array is not None and parent.wish is not None:
            self.jobs.terminate(array, wish_reason(parent.wish))
        attempt = parent.attempt(FIRST_ATTEMPT)
        if attempt is not None and attempt.verdict is not None:
            array = None  # all of its children have been judged
        is_over = array is None or self._is_over(array)
        ended = self._ended(array, is_over, sweep) if array is not None else {}

        def look(point: Point) -> Seen:
            if time_left() < STOP:
                return Seen(None)
            return self._look(_View(parent, run, point, array, is_over, ended, now))

        seen = in_parallel(look, sweep.points)
        found = _summed(parent, seen)
        self._note(parent, found)
        return found

    def _ended(self, array: str, is_over: bool, sweep: Sweep) -> dict[int, Job]:
        """The children that have ended, by their numbers; what is over need not be listed."""
        numbers = {point.index for point in sweep.points}
        if not is_over:
            numbers &= self.jobs.ended_children(array)
        ids = {child_name(array, number): number for number in sorted(numbers)}
        jobs = self.jobs.described(list(ids))
        return {ids[job_id]: job for job_id, job in jobs.items() if not job.is_live}

    def _is_over(self, array: str) -> bool:
        job = self.jobs.describe(array)
        return job is None or not job.is_live

    def _look(self, view: _View) -> Seen:
        record = self.ledger.run(view.point.run_id)
        try:
            return self._stands(view, record)
        except Exception as error:  # the others must not wait for it
            trouble = f"{view.point.run_id}: {type(error).__name__}: {shorten(str(error), 300)}"
            self._rescue(view)
            return Seen(Standing.GOING, record, trouble, in_array=True)

    def _rescue(self, view: _View) -> None:
        """An execution of its own goes through all of it again, and knows what to do then.

        Not for one that is closed: it was only not put together yet.
        """
        record = self.ledger.run(view.point.run_id)
        if record is not None and record.is_carried_by_parent and not record.state.is_final:
            self._on_its_own(view, record)

    def _stands(self, view: _View, record: RunRecord | None) -> Seen:
        if record is None:
            return self._not_made(view)
        verb = view.due(record)
        if verb is not None:
            return Seen(self._steered(view, record, verb), record)
        if record.state.is_final:
            return Seen(self._closed(view, record), record)
        if not record.is_carried_by_parent:
            is_held = record.state is RunState.HELD and record.wish is not Wish.STOP
            return Seen(Standing.HELD if is_held else Standing.GOING, record)
        attempt = record.attempt(FIRST_ATTEMPT)
        if attempt is not None and attempt.verdict is None:
            attempt = self._judged(view, attempt)
            if attempt is None:
                return Seen(Standing.GOING, record, in_array=True)
        return self._go_on(view, record, attempt)

    def _not_made(self, view: _View) -> Seen:
        if view.parent.wish is not None:
            return Seen(Standing.HELD if view.parent.wish is Wish.HOLD else Standing.DONE)
        made = self.begin.make(view.parent, view.run, view.point, view.now)
        return self._go_on(view, made, made.attempt(FIRST_ATTEMPT))

    def _judged(self, view: _View, attempt: AttemptRecord) -> AttemptRecord | None:
        """The attempt in the array with its verdict; None while it is at work, or waits."""
        job = view.ended.get(view.point.index)
        if job is not None:
            ended = Ended(job=job.model_dump(by_alias=True))
        elif view.is_over:
            ended = Ended(cause=FORGOTTEN if view.array else NEVER_SUBMITTED)
        else:
            return None
        self.judge(view.point.run_id, attempt.number, ended)
        record = self.ledger.run(view.point.run_id)
        return record.attempt(attempt.number) if record else None

    def _go_on(self, view: _View, record: RunRecord, attempt: AttemptRecord | None) -> Seen:
        """What comes after the attempt in the array, or without one."""
        wish = view.parent.wish or record.wish
        if attempt is not None and attempt.verdict is not None:
            judged = decide(Judgement(verdict=attempt.verdict, reason=attempt.reason), wish)
            if judged.decision == "close":
                return self._close(view, record, judged.state, judged.reason)
        if wish is Wish.STOP:
            return self._close(view, record, RunState.CANCELLED, "It was stopped by its user.")
        if wish is Wish.HOLD or record.state is RunState.HELD:
            self.ledger.advance(record.run_id, RunState.HELD, reason="It was held by its user.")
            return Seen(Standing.HELD, record.model_copy(update={"state": RunState.HELD}))
        self._on_its_own(view, record)
        return Seen(Standing.GOING, record)

    def _on_its_own(self, view: _View, record: RunRecord) -> None:
        """From here on an execution carries it, as it does any run.

        Only who begins the round may start it; a crash in between is found by the reaper.
        """
        at = view.parent.steered_at
        heard = at is not None and (record.steered_at is None or record.steered_at < at)
        known = {"steered_at": at} if heard else {}
        next_round(self.ledger, self.executions, record, view.now, record.wish, **known)

    def _close(self, view: _View, record: RunRecord, state: RunState, reason: str) -> Seen:
        closed = self.close(record.run_id, state, reason, view.now)
        return Seen(Standing.DONE, record.model_copy(update={"state": closed.state}))

    def _closed(self, view: _View, record: RunRecord) -> Standing:
        """Its cost is written down when all else is done."""
        if record.cost is not None:
            return Standing.DONE
        if record.closed_at is not None and view.now - record.closed_at > GIVEN_UP:
            return Standing.DONE
        if record.is_carried_by_parent:
            self.close(record.run_id, record.state, record.reason, view.now)
            return Standing.DONE
        return Standing.GOING

    def _steered(self, view: _View, record: RunRecord, verb: Verb) -> Standing:
        parent = view.parent
        caps = {
            name: most
            for name, most, mine in (
                ("dollars", parent.dollars, record.dollars),
                ("hours", parent.hours, record.hours),
            )
            if verb is Verb.RESUME and most and most > (mine or 0)
        }
        said = {"run_id": record.run_id, "verb": verb, "at": view.said_at, **caps}
        with suppress(SteeringError):  # it has come to an end since
            self.steer(Request.model_validate(said), view.now)
        return Standing.GOING

    def _note(self, parent: RunRecord, found: Followed) -> None:
        """How far the sweep is; one that comes on has not died in vain."""
        came_on = {"taken_up": 0} if found.done > parent.points_done else {}
        self.ledger.advance(
            parent.run_id,
            RunState.RUNNING,
            points_done=found.done,
            reason=found.reason,
            **came_on,
        )
        array = parent.attempt(FIRST_ATTEMPT)
        if array is None or array.verdict is not None or found.in_array or found.broken_off:
            return
        over = {"verdict": Verdict.COMPLETED, "reason": "None of its jobs is left."}
        self.ledger.record_verdict(parent.run_id, array.model_copy(update=over))


@dataclass(frozen=True)
class _View:
    """One point of a sweep in one look."""

    parent: RunRecord
    run: Run
    point: Point
    array: str | None
    is_over: bool
    ended: dict[int, Job]
    now: datetime

    @property
    def said_at(self) -> datetime | None:
        """When something was said of the sweep; a wish may be that of whoever stopped it in AWS."""
        steered, started = self.parent.steered_at, self.parent.started_at
        if self.parent.wish is None or started is None:
            return steered
        return max(started, steered or started)

    def due(self, record: RunRecord) -> Verb | None:
        """What was said of the sweep and has not reached this run, if it is to be told.

        The children of the array are reached by ending that.
        """
        at = self.said_at
        if at is None or (record.steered_at is not None and record.steered_at >= at):
            return None
        if self.parent.wish is None:
            is_over = record.closed_at is not None and record.closed_at < at
            resumes = record.state is RunState.HELD or is_over
            return Verb.RESUME if resumes and record.state in RESUMABLE_STATES else None
        if record.state.is_final or record.is_carried_by_parent:
            return None
        if self.parent.wish is Wish.STOP:
            return Verb.STOP
        return None if record.state is RunState.HELD else Verb.HOLD


def _summed(parent: RunRecord, seen: Sequence[Seen]) -> Followed:
    standings = Counter(item.standing for item in seen)
    done = [item.record for item in seen if item.standing is Standing.DONE]
    states = Counter(record.state if record else RunState.CANCELLED for record in done)
    reason = f"{len(done):,} of {count(len(seen), 'run')} are done"
    if done:
        reason += f": {', '.join(f'{n:,} {state.value}' for state, n in states.most_common())}"
    held = [item.record for item in seen if item.standing is Standing.HELD]
    if held:
        reason += f"; {len(held):,} are held"
        reasons = [f"{r.run_id}: {r.reason}" for r in held if r is not None and r.reason]
        if parent.wish is None and reasons:
            reason += f". {' '.join(reasons[:HELD_SHOWN])}"
    return Followed(
        broken_off=standings[None],
        going=standings[Standing.GOING],
        held=len(held),
        done=len(done),
        in_array=sum(1 for item in seen if item.in_array),
        state=_state(parent, states),
        reason=f"{reason.rstrip('.')}.",
        troubles=tuple(item.trouble for item in seen if item.trouble)[:TROUBLES],
    )


def _state(parent: RunRecord, states: Counter[RunState]) -> RunState:
    """Of the whole: completed where all of it is."""
    if set(states) == {RunState.COMPLETED}:
        return RunState.COMPLETED
    if parent.wish is Wish.STOP:
        return RunState.CANCELLED
    failed = states[RunState.FAILED] + states[RunState.REJECTED]
    return RunState.FAILED if failed else RunState.CANCELLED
