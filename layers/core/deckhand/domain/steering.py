"""Steering: what a person can ask of a run, by a command or by a file in the inbox."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, Field

from deckhand.domain import keys
from deckhand.domain.deck import STEERING_NAMES, Frozen
from deckhand.domain.ledger import RunRecord


class Verb(StrEnum):
    STOP = "stop"
    HOLD = "hold"
    RESUME = "resume"
    EXTEND = "extend"
    RERUN = "rerun"


FILES: Final = {name: Verb(name.lower()) for name in STEERING_NAMES}


class Request(Frozen):
    """What is wanted of a run.

    `round` is the run's round as whoever asks has seen it, `at` is when a file was dropped: a
    request that comes twice, or too late, is not heard again. `token` makes the name of a new run.
    `dollars` and `hours` are new caps for a run that is resumed, `steps` come after the end of one
    that is extended.
    """

    run_id: str
    verb: Verb
    round: int | None = None
    at: AwareDatetime | None = None
    token: str = ""
    dollars: float | None = Field(default=None, gt=0)
    hours: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1, le=10**15)

    def is_heard_in(self, record: RunRecord) -> bool:
        """Whether a run has been steered since this was asked for."""
        if self.at is not None and record.steered_at is not None:
            return record.steered_at >= self.at
        return self.round is not None and self.round < record.round


def steering_file(key: str) -> tuple[str, Verb] | None:
    """The drop, without a last slash, and what is wanted of its runs; None for any other key."""
    if not key.startswith(keys.INBOX):
        return None
    drop, _, name = key.removeprefix(keys.INBOX).partition("/")
    return (f"{keys.INBOX}{drop}", FILES[name]) if name in FILES else None
