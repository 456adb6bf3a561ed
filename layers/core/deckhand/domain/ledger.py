"""The ledger's row for a run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.options import Purchase
from deckhand.domain.run import RunState

DEFAULT_OWNER: Final = "default"
"""Of runs whose run.yaml names nobody."""


def share_identifier(owner: str) -> str:
    """An owner in the letters and digits that a fair share takes.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
    """
    return "".join(char for char in owner if char.isalnum())[:255] or DEFAULT_OWNER


class Wish(StrEnum):
    """What a person wants of a run that goes on; an attempt stops with a checkpoint first."""

    STOP = "stop"
    HOLD = "hold"


class RunRecord(BaseModel):
    """A run in the ledger with its attempts, oldest first; times UTC, cost in US dollars.

    An execution is only what carries a run: `round` counts those of this run, from 1, and
    `started_at` is when the one of this round was started. `taken_up` counts the rounds in a row
    that began because an execution had died. `steered_at` is when somebody last said what should
    become of the run, and `forgiven` how many attempts it had when that somebody let it go on.

    `dollars` and `hours` of machine time are the caps above which the run is held, `projected_cost`
    is what it is expected to cost in all. `extensions` are steps that were added after the deck's
    end. `purchase` is None until the deck was read. `notify` are addresses that its messages go to
    as well. A run whose deck lies with another one has a `parent`; as the `point` of that sweep it
    has its number. A parent has `points`, of which `points_done` are closed; its caps are those of
    each of them. `check_token` is what the job proves itself with that makes its dry run.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    run_id: str
    drop: str
    state: RunState
    admitted_at: datetime
    started_at: datetime | None = None
    closed_at: datetime | None = None
    reason: str = ""
    deck: str | None = None
    total_steps: int | None = None
    cost: float | None = None
    owner: str = DEFAULT_OWNER
    group: str = DEFAULT_OWNER
    notify: tuple[str, ...] = ()
    purchase: Purchase | None = None
    parent: str | None = None
    point: int | None = None
    points: int | None = None
    points_done: int = 0
    round: int = 1
    taken_up: int = 0
    wish: Wish | None = None
    steered_at: datetime | None = None
    forgiven: int = 0
    dollars: float | None = None
    hours: float | None = None
    projected_cost: float | None = None
    extensions: tuple[int, ...] = ()
    check_token: str | None = Field(default=None, repr=False)
    attempts: tuple[AttemptRecord, ...] = ()

    def another(
        self, run_id: str, at: datetime, parent: str | None, point: int | None = None
    ) -> RunRecord:
        """A new run of the same drop, of the same people, bought in the same way."""
        return RunRecord(
            run_id=run_id,
            drop=self.drop,
            state=RunState.CHECKING,
            admitted_at=at,
            owner=self.owner,
            group=self.group,
            notify=self.notify,
            purchase=self.purchase,
            parent=parent,
            point=point,
        )

    def began_since(self, at: datetime) -> bool:
        """Whether its round began at that time or later."""
        return self.started_at is not None and self.started_at >= at

    @property
    def execution(self) -> str:
        """The name of this round's execution; 80 characters at most.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        return self.run_id if self.round == 1 else f"{self.run_id}-r{self.round}"

    @property
    def is_carried_by_parent(self) -> bool:
        """Whether it is the point of a sweep, and no execution has been its own yet."""
        return self.point is not None and self.started_at is None

    @property
    def open_attempt(self) -> AttemptRecord | None:
        """The newest attempt, if it has no verdict yet."""
        newest = self.attempts[-1] if self.attempts else None
        return newest if newest is not None and newest.verdict is None else None

    def attempt(self, number: int) -> AttemptRecord | None:
        return next((item for item in self.attempts if item.number == number), None)
