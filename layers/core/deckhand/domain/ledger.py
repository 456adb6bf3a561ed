"""The ledger's row for a run."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.run import RunState


class RunRecord(BaseModel):
    """A run in the ledger with its attempts, oldest first; times UTC, cost in US dollars.

    `started_at` is when the run's execution was started, `message_at` when its one message to
    people was claimed by whoever sends it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    drop: str
    state: RunState
    admitted_at: datetime
    started_at: datetime | None = None
    closed_at: datetime | None = None
    message_at: datetime | None = None
    reason: str = ""
    deck: str | None = None
    total_steps: int | None = None
    cost: float | None = None
    attempts: tuple[AttemptRecord, ...] = ()

    def attempt(self, number: int) -> AttemptRecord | None:
        return next((item for item in self.attempts if item.number == number), None)
