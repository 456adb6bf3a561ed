"""Plan the next attempt of a run: which market, which checkpoint, how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import AttemptRecord, Market
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.policy import Exhausted, Policy, next_attempt
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

GIVE_UP = "give up"


class Planned(Frozen):
    """`checkpoint` is empty for an attempt that starts from the beginning."""

    decision: str
    attempt: int
    checkpoint: str
    timeout_seconds: int
    reason: str


@dataclass(frozen=True)
class PlanAttempt:
    runs: Bucket
    ledger: Ledger
    policy: Policy

    def __call__(self, run_id: str, now: datetime) -> Planned:
        """Safe to repeat: an attempt without a verdict is planned already."""
        record = self._record(run_id)
        if record.state.is_final:
            return _give_up(record, f"The run is {record.state.value}: {record.reason}")
        if record.attempts and record.attempts[-1].verdict is None:
            return _planned(record.attempts[-1])
        plan = next_attempt(record.attempts, self.policy)
        if isinstance(plan, Exhausted):
            return _give_up(record, plan.reason)
        manifest = newest_checkpoint(self.runs, run_id)
        attempt = AttemptRecord(
            number=plan.number,
            market=plan.market,
            planned_at=now,
            resumed_from=str(manifest.checkpoint_id) if manifest else None,
            timeout_seconds=plan.timeout_seconds,
            reason=plan.reason,
        )
        if self.ledger.plan(run_id, attempt):
            return _planned(attempt)
        recorded = self._record(run_id).attempt(plan.number)
        if recorded is None:
            raise LedgerError(f"Attempt {plan.number} of {run_id} is taken but not in the ledger.")
        return _planned(recorded)

    def _record(self, run_id: str) -> RunRecord:
        record = self.ledger.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        return record


def _planned(attempt: AttemptRecord) -> Planned:
    return Planned(
        decision=Market(attempt.market).value,
        attempt=attempt.number,
        checkpoint=attempt.resumed_from or "",
        timeout_seconds=attempt.timeout_seconds,
        reason=attempt.reason,
    )


def _give_up(record: RunRecord, reason: str) -> Planned:
    return Planned(
        decision=GIVE_UP,
        attempt=len(record.attempts),
        checkpoint="",
        timeout_seconds=0,
        reason=reason,
    )
