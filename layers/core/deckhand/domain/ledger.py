"""The ledger's row for a run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.run import RunState

DEFAULT_OWNER: Final = "default"
"""Of runs whose run.yaml names nobody."""


class Wish(StrEnum):
    """What a person wants of a run that goes on; an attempt stops with a checkpoint first."""

    STOP = "stop"
    HOLD = "hold"


class RunRecord(BaseModel):
    """A run in the ledger with its attempts, oldest first; times UTC, cost in US dollars.

    `started_at` is when the run's execution was started, `message_at` when its one message to
    people was claimed by whoever sends it. Executions come and go: `round` counts those of this
    run, from 1. `dollars` is the cap above which the run is held, `projected_cost` what it is
    expected to cost in all. A point of a sweep has a `parent`.
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
    owner: str = DEFAULT_OWNER
    group: str = DEFAULT_OWNER
    parent: str | None = None
    round: int = 1
    wish: Wish | None = None
    dollars: float | None = None
    projected_cost: float | None = None
    attempts: tuple[AttemptRecord, ...] = ()

    def attempt(self, number: int) -> AttemptRecord | None:
        return next((item for item in self.attempts if item.number == number), None)
