"""What a run has cost so far, what it will cost in all, and when it will end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.cost import as_if_ended, cost, per_hour
from deckhand.domain.deck import Frozen
from deckhand.domain.ledger import RunRecord
from deckhand.domain.projection import OWN_SPEED, Projection, project
from deckhand.domain.run import Run
from deckhand.domain.speed import Speed
from deckhand.domain.status import Phase, Status
from deckhand.usecases.ports import Bucket
from deckhand.usecases.rates import Rates, priced

Projector = Callable[[Run, datetime], Projection | None]


class Forecast(Frozen):
    """`left` is what is still to be computed; None where that is nothing, or not known.

    `ends_at` is None while no machine is working.
    """

    spent: float
    left: Projection | None = None
    ends_at: datetime | None = None

    @property
    def in_all(self) -> float | None:
        return None if self.left is None else self.spent + self.left.dollars


@dataclass(frozen=True)
class ForecastRun:
    runs: Bucket
    rates: Rates
    projector: Projector

    def __call__(
        self, record: RunRecord, status: Status | None, done: int, now: datetime
    ) -> Forecast:
        """*status* is of the newest attempt, *done* the furthest step that is not lost."""
        attempts = self.so_far(record, status, now).attempts
        spent = cost(attempts, self.rates.fallback)
        if record.state.is_final:
            return Forecast(spent=spent if record.cost is None else record.cost)
        left = self._left(record, attempts, done, now)
        ends_at = now + timedelta(seconds=left.seconds) if left and _works(record, status) else None
        return Forecast(spent=spent, left=left, ends_at=ends_at)

    def so_far(self, record: RunRecord, status: Status | None, now: datetime) -> RunRecord:
        """The run as if the attempt that has no verdict yet ended, and were priced, now."""
        if not record.attempts or record.attempts[-1].verdict is not None or record.state.is_final:
            return record
        *ended, last = record.attempts
        run = read_run(self.runs, record.run_id)
        last = priced(last, status, self.rates, now, run.options.gpus if run else None)
        return record.model_copy(update={"attempts": (*ended, as_if_ended(last, status, now))})

    def _left(
        self, record: RunRecord, attempts: Sequence[AttemptRecord], done: int, now: datetime
    ) -> Projection | None:
        if not record.total_steps:
            return None
        own = next((item for item in reversed(attempts) if item.steps_per_second), None)
        if own is None or own.steps_per_second is None:
            run = read_run(self.runs, record.run_id)
            return self.projector(run, now) if run else None
        speed = Speed(own.steps_per_second, OWN_SPEED)
        price = per_hour(own, self.rates.fallback)
        return project(record.total_steps, done, 1, speed, price, own.market)


def _works(record: RunRecord, status: Status | None) -> bool:
    """Whether a machine is computing for the newest attempt."""
    waits = not record.attempts or record.attempts[-1].verdict is not None
    return status is not None and status.phase is Phase.RUNNING and not waits


def read_run(runs: Bucket, run_id: str) -> Run | None:
    """run.json; None for a run that was not accepted."""
    content = runs.read(keys.run_record(run_id))
    if content is None:
        return None
    try:
        return Run.model_validate_json(content)
    except ValidationError:
        return None
