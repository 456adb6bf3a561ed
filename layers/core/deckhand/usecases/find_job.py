"""Find the Batch job of an attempt."""

from __future__ import annotations

from deckhand.domain.attempt import AttemptRecord, Job, job_name
from deckhand.domain.ledger import RunRecord
from deckhand.usecases.ports import Jobs


def find_job(jobs: Jobs, record: RunRecord, attempt: AttemptRecord) -> Job | None:
    """The newest one of its name, or the child of its array."""
    if attempt.array is not None and record.point is not None:
        return jobs.child(attempt.array, record.point)
    return jobs.find(job_name(record.run_id, attempt.number))
