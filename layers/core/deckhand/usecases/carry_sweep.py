"""Carry a sweep: plan it like a run, make its points, have its array submitted, follow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from deckhand.domain import keys
from deckhand.domain.attempt import BY_DECKHAND, job_name
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError, StorageError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import count, money
from deckhand.domain.run import Run, RunState
from deckhand.domain.sweep import FIRST_ATTEMPT, Sweep, read_sweep
from deckhand.usecases.begin_sweep import BeginSweep
from deckhand.usecases.follow_sweep import Followed, FollowSweep
from deckhand.usecases.next_round import next_round
from deckhand.usecases.plan_attempt import Decision as PlanDecision
from deckhand.usecases.plan_attempt import Order, PlanAttempt, Planned
from deckhand.usecases.ports import Bucket, Executions, Jobs, Ledger, TimeLeft

FIRST_WAIT_SECONDS: Final = 60
"""Between two looks at first; it grows up to the longest."""

MOST_LOOKS: Final = 1_500
"""In one execution: its history has 25,000 events at most, and a look adds up to twelve.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

MOST_SUBMISSIONS: Final = 12
REFUSED: Final = "Batch.ClientException"
"""The only error that says the array was certainly not taken, and never will be."""

CLOSED: Final = f"{BY_DECKHAND}its sweep is closed"
NOT_LISTED_YET: Final = timedelta(minutes=2)
"""After which a job that was submitted is surely listed."""


class Decision(StrEnum):
    """What the state machine does next; an execution that is handed over ends as a held one."""

    SUBMIT = "submit"
    AGAIN = "again"
    WAIT = "wait"
    HOLD = "hold"
    CLOSE = "close"


class Look(Frozen):
    """What the state machine knows of a sweep: its array's id, and how often it was looked at.

    `error` and `cause` say why the array could not be submitted.
    """

    array: str | None = None
    looks: int = 0
    error: str = ""
    cause: str = ""


class Carried(Frozen):
    """`order` and `size` are of the array that is to be submitted."""

    decision: Decision
    state: RunState
    reason: str
    array: str | None = None
    looks: int = 0
    size: int = 0
    order: Order | None = None
    wait_seconds: int = 0
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class CarrySweep:
    """`cap` is what all of its runs may cost before somebody is asked, `poll` the longest wait.

    Where a sweep stands is in the ledger, in S3 and in AWS Batch: any execution can go on.
    """

    runs: Bucket
    ledger: Ledger
    jobs: Jobs
    executions: Executions
    plan: PlanAttempt
    begin: BeginSweep
    follow: FollowSweep
    cap: float | None
    poll: int

    def __call__(self, run_id: str, look: Look, now: datetime, time_left: TimeLeft) -> Carried:
        """Safe to repeat."""
        record = self._record(run_id)
        if record.state.is_final:
            self._end_array(record)
            return _carried(Decision.CLOSE, record, record.reason, look, record.state)
        if look.looks >= MOST_LOOKS:
            return self._hand_over(record, look, now)
        run, sweep = self._run(run_id), read_sweep(self.runs.read(keys.sweep(run_id)), run_id)
        array = record.attempt(FIRST_ATTEMPT)
        if look.array is None and (array is None or array.verdict is None):
            return self._without_array(record, run, sweep, look, now, time_left)
        return self._follow(record, run, sweep, look, now, time_left)

    def _without_array(
        self, record: RunRecord, run: Run, sweep: Sweep, look: Look, now: datetime,
        time_left: TimeLeft,
    ) -> Carried:  # fmt: skip
        """No array is known of: is one to be submitted, or was one?"""
        reason = self._too_dear(record)
        if reason and not record.attempts and record.wish is None:
            return self._hold(record, reason, look)
        if len(sweep.points) == 1:  # no array has so few
            return self._follow(record, run, sweep, look, now, time_left)
        planned = self.plan(record.run_id, now)
        record = self._record(record.run_id)
        if planned.decision is PlanDecision.RUN:
            return self._begin(record, run, sweep, planned, look, now, time_left)
        array = self.jobs.find(job_name(record.run_id, FIRST_ATTEMPT)) if record.attempts else None
        if array is not None:
            found = look.model_copy(update={"array": array.job_id})
            return self._follow(record, run, sweep, found, now, time_left)
        if record.attempts:
            return self._never_submitted(record, run, sweep, look, now, time_left)
        return _as_planned(planned, record, look)

    def _begin(
        self, record: RunRecord, run: Run, sweep: Sweep, planned: Planned, look: Look,
        now: datetime, time_left: TimeLeft,
    ) -> Carried:  # fmt: skip
        if look.error and (look.error == REFUSED or look.looks >= MOST_SUBMISSIONS):
            self._end_array(record)
            reason = f"AWS Batch did not take the sweep: {look.cause or look.error}"
            return _carried(Decision.CLOSE, record, reason, look, RunState.FAILED)
        size = len(sweep.points)
        if not self.begin(record, run, sweep.points, now, time_left):
            reason = f"Its {count(size, 'run')} are being made."
            return _carried(Decision.AGAIN, record, reason, look)
        asked = look.model_copy(update={"looks": look.looks + 1})
        return _carried(Decision.SUBMIT, record, planned.reason, asked).model_copy(
            update={
                "order": planned.order,
                "size": size,
                "wait_seconds": self._wait_seconds(0),
            }
        )

    def _never_submitted(
        self, record: RunRecord, run: Run, sweep: Sweep, look: Look, now: datetime,
        time_left: TimeLeft,
    ) -> Carried:  # fmt: skip
        """It was planned and is not wanted any more; but it may only not be listed yet."""
        if now - _submitted_by(record) < NOT_LISTED_YET:
            return self._wait(record, "Its jobs may not be listed yet.", look)
        return self._follow(record, run, sweep, look, now, time_left)

    def _follow(
        self, record: RunRecord, run: Run, sweep: Sweep, look: Look, now: datetime,
        time_left: TimeLeft,
    ) -> Carried:  # fmt: skip
        found = self.follow(record, run, sweep, look.array, now, time_left)
        carried = self._after(record, found, look)
        return carried.model_copy(update={"troubles": found.troubles})

    def _after(self, record: RunRecord, found: Followed, look: Look) -> Carried:
        if found.broken_off:
            return _carried(Decision.AGAIN, record, found.reason, look)
        if found.going:
            return self._wait(record, found.reason, look)
        if found.held:
            return self._hold(record, found.reason, look)
        return _carried(Decision.CLOSE, record, found.reason, look, found.state)

    def _too_dear(self, record: RunRecord) -> str:
        """Why somebody has to be asked first; nobody is asked twice."""
        projected = record.projected_cost
        if record.steered_at is not None or not self.cap or not projected:
            return ""
        if projected <= self.cap:
            return ""
        return (
            f"Its {count(record.points or 0, 'run')} are projected to cost {money(projected)} in "
            f"all; what costs more than {money(self.cap)} is not begun unasked."
        )

    def _hold(self, record: RunRecord, reason: str, look: Look) -> Carried:
        self.plan.hold(record, reason)
        return _carried(Decision.HOLD, record, reason, look, RunState.HELD)

    def _wait(self, record: RunRecord, reason: str, look: Look) -> Carried:
        seen = look.model_copy(update={"looks": look.looks + 1})
        wait = {"wait_seconds": self._wait_seconds(look.looks)}
        return _carried(Decision.WAIT, record, reason, seen).model_copy(update=wait)

    def _wait_seconds(self, looks: int) -> int:
        return min(self.poll, FIRST_WAIT_SECONDS * (looks + 1))

    def _hand_over(self, record: RunRecord, look: Look, now: datetime) -> Carried:
        """The next execution goes on; this one has become too long."""
        next_round(self.ledger, self.executions, record, now, record.wish)
        return _carried(Decision.HOLD, record, "The next execution goes on.", look)

    def _end_array(self, record: RunRecord) -> None:
        """Nobody follows it any more, and its machines cost."""
        found = self.jobs.find(job_name(record.run_id, FIRST_ATTEMPT)) if record.attempts else None
        if found is not None and found.is_live:
            self.jobs.terminate(found.job_id, CLOSED)

    def _run(self, run_id: str) -> Run:
        content = self.runs.read(keys.run_record(run_id))
        if content is None:
            raise StorageError(f"{keys.run_record(run_id)} is not in {self.runs.name}.")
        return Run.model_validate_json(content)

    def _record(self, run_id: str) -> RunRecord:
        record = self.ledger.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        return record


_AS_PLANNED: Final = {
    PlanDecision.WAIT: Decision.WAIT,
    PlanDecision.HOLD: Decision.HOLD,
}


def _submitted_by(record: RunRecord) -> datetime:
    """When its array was submitted, if it was: before this execution, or a user's word, came.

    Not when it was planned: between the two its runs are made, which may take many minutes.
    """
    known = (record.started_at, record.steered_at)
    return max([record.attempts[0].planned_at, *(at for at in known if at is not None)])


def _as_planned(planned: Planned, record: RunRecord, look: Look) -> Carried:
    """What the policy says of a run that has not begun is true of a sweep."""
    decision = _AS_PLANNED.get(planned.decision, Decision.CLOSE)
    return _carried(decision, record, planned.reason, look, planned.state).model_copy(
        update={"wait_seconds": planned.wait_seconds}
    )


def _carried(
    decision: Decision, record: RunRecord, reason: str, look: Look, state: RunState | None = None
) -> Carried:
    return Carried(
        decision=decision,
        state=state or record.state,
        reason=reason,
        array=look.array,
        looks=look.looks,
    )
