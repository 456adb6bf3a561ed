"""Judge an ended attempt from what Batch, the runner and S3 say, and record the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from deckhand.domain import keys
from deckhand.domain.attempt import (
    AttemptRecord,
    Judgement,
    Outcome,
    Verdict,
    job_in,
    judge,
    read_job,
)
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError, ManifestError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.manifest import read_manifest
from deckhand.domain.policy import may_continue
from deckhand.domain.run import RunState
from deckhand.domain.status import Status
from deckhand.usecases.find_job import find_job
from deckhand.usecases.ports import Bucket, Jobs, Ledger
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

Accounts = Callable[[str, AttemptRecord, Status | None], AttemptRecord]
"""Completes an attempt of the run of that name by what it cost: usecases/keep_accounts.py."""


def without_accounts(run_id: str, attempt: AttemptRecord, status: Status | None) -> AttemptRecord:
    return attempt


@dataclass(frozen=True)
class Ended:
    """What the state machine knows of an attempt that ended."""

    job: Mapping[str, Any] | None = None
    error: str = ""
    cause: str = ""


class Judged(Frozen):
    decision: Literal["plan", "close"]
    state: RunState
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class JudgeAttempt:
    runs: Bucket
    ledger: Ledger
    jobs: Jobs
    accounts: Accounts = without_accounts

    def __call__(self, run_id: str, number: int, ended: Ended) -> Judged:
        """Safe to repeat: a recorded verdict stands."""
        record, planned = self._planned(run_id, number)
        if planned.verdict is not None:
            judgement = Judgement(verdict=planned.verdict, reason=planned.reason)
            return self._decided(record, number, judgement)
        outcome = self._outcome(run_id, number, ended)
        judgement = judge(outcome)
        if judgement.verdict is Verdict.UNKNOWN:
            outcome, judgement = self._look_closer(run_id, number, outcome, judgement)
        attempt = self._completed_record(run_id, planned, outcome, judgement)
        attempt = self.accounts(run_id, attempt, outcome.status)
        if not self.ledger.record_verdict(run_id, attempt):
            return self(run_id, number, ended)
        # Asked for again: whoever ended the job has said why before.
        return self._decided(self._planned(run_id, number)[0], number, judgement)

    def _decided(self, record: RunRecord, number: int, judgement: Judgement) -> Judged:
        """An attempt that was ended before somebody let its run go on does not end the run."""
        judged = decide(judgement, record.wish)
        if judgement.verdict is Verdict.CANCELLED and number <= record.forgiven:
            return judged.model_copy(update={"decision": "plan", "state": RunState.RUNNING})
        return judged

    def _planned(self, run_id: str, number: int) -> tuple[RunRecord, AttemptRecord]:
        record = self.ledger.run(run_id)
        planned = record.attempt(number) if record else None
        if record is None or planned is None:
            raise LedgerError(f"The ledger does not know attempt {number} of {run_id}.")
        return record, planned

    def _outcome(self, run_id: str, number: int, ended: Ended) -> Outcome:
        return Outcome(
            error=ended.error,
            cause=ended.cause,
            job=read_job(ended.job) or job_in(ended.cause),
            status=read_status(self.runs, run_id, number),
            completed=self._completed(run_id, number),
        )

    def _completed(self, run_id: str, number: int) -> bool:
        content = self.runs.read(keys.completion(run_id, number))
        if content is None:
            return False
        try:
            return read_manifest(content, run_id).attempt == number
        except ManifestError:
            return False

    def _look_closer(
        self, run_id: str, number: int, outcome: Outcome, judgement: Judgement
    ) -> tuple[Outcome, Judgement]:
        """Ask Batch itself, once: a cause longer than 32 768 characters arrives cut off."""
        job_id = (outcome.status.job_id if outcome.status else None) or (
            outcome.job.job_id if outcome.job else None
        )
        job = self.jobs.describe(job_id) if job_id else None
        job = job or find_job(self.jobs, *self._planned(run_id, number))
        if job is None:
            return outcome, judgement
        if job.is_live:
            # Nobody waits for it any more; left alone it would work beside its successor.
            self.jobs.terminate(job.job_id, "Deckhand lost sight of this attempt")
        closer = outcome.model_copy(update={"job": job})
        return closer, judge(closer)

    def _completed_record(
        self, run_id: str, planned: AttemptRecord, outcome: Outcome, judgement: Judgement
    ) -> AttemptRecord:
        newest = newest_checkpoint(self.runs, run_id)
        started, stopped = _times(outcome)
        status = outcome.status
        return planned.model_copy(
            update={
                "verdict": judgement.verdict,
                "reason": judgement.reason,
                "job_id": _job_id(outcome),
                "image": outcome.job.container.image if outcome.job else None,
                "started_at": started,
                "stopped_at": stopped,
                "checkpoint": str(newest.checkpoint_id) if newest else None,
                "from_step": status.from_step if status else None,
                "reached_step": status.step if status else None,
                "steps_per_second": status.steps_per_second if status else None,
                "gpu_utilisation": status.gpu.utilisation if status and status.gpu else None,
                "advanced": _advanced(newest.checkpoint_id if newest else None, planned),
            }
        )


def decide(judgement: Judgement, wish: Wish | None = None) -> Judged:
    """What the state machine does after a verdict; what a *wish* means is for the next plan."""
    decision: Literal["plan", "close"] = "close"
    cancelled = judgement.verdict is Verdict.CANCELLED
    if judgement.verdict is Verdict.COMPLETED:
        state = RunState.COMPLETED
    elif cancelled and wish is None:
        state = RunState.CANCELLED
    elif cancelled or may_continue(judgement.verdict):
        decision, state = "plan", RunState.RUNNING
    else:
        state = RunState.FAILED
    return Judged(
        decision=decision, state=state, verdict=judgement.verdict, reason=judgement.reason
    )


def read_status(runs: Bucket, run_id: str, number: int) -> Status | None:
    """What an attempt last said of itself; None where it said nothing readable."""
    content = runs.read(keys.status(run_id, number))
    if content is None:
        return None
    try:
        return Status.model_validate_json(content)
    except ValidationError:
        return None


def _job_id(outcome: Outcome) -> str | None:
    if outcome.job:
        return outcome.job.job_id
    return outcome.status.job_id if outcome.status else None


def _times(outcome: Outcome) -> tuple[datetime | None, datetime | None]:
    """When the machine worked: as Batch saw it, else as the runner did."""
    job, status = outcome.job, outcome.status
    last = job.last_attempt if job else None
    started = _first_time(last.started_at if last else None, job.started_at if job else None)
    stopped = _first_time(last.stopped_at if last else None, job.stopped_at if job else None)
    if status:
        started = started or status.started_at
        stopped = stopped or status.updated_at
    return started, stopped if started else None


def _first_time(*milliseconds: int | None) -> datetime | None:
    known = next((value for value in milliseconds if value), None)
    return datetime.fromtimestamp(known / 1000, UTC) if known else None


def _advanced(newest: CheckpointId | None, planned: AttemptRecord) -> bool:
    if newest is None:
        return False
    return planned.resumed_from is None or newest > CheckpointId.parse(planned.resumed_from)
