"""Make a run of each point of a sweep, its first attempt planned as a child of the array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, job_name
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import Run, RunState
from deckhand.domain.sweep import FIRST_ATTEMPT, Point, run_of
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket, Ledger, TimeLeft

STOP: Final = timedelta(seconds=30)
"""The time that is left when no further point is made; the next look goes on."""


@dataclass(frozen=True)
class BeginSweep:
    runs: Bucket
    ledger: Ledger

    def __call__(
        self, parent: RunRecord, run: Run, points: Iterable[Point], now: datetime,
        time_left: TimeLeft,
    ) -> bool:  # fmt: skip
        """Whether every point is a run now. Safe to repeat, and to break off anywhere."""

        def make(point: Point) -> bool:
            if time_left() < STOP:
                return False
            self.make(parent, run, point, now)
            return True

        return all(in_parallel(make, points))

    def make(self, parent: RunRecord, run: Run, point: Point, now: datetime) -> RunRecord:
        """The planned attempt comes last; one without an array begins with none."""
        known = self.ledger.run(point.run_id)
        array = parent.attempt(FIRST_ATTEMPT)
        if known is not None and (known.deck is not None or known.state.is_final):
            return known
        mine = run_of(run, point)
        self.runs.write(keys.run_record(mine.run_id), mine.model_dump_json(indent=1).encode())
        self.ledger.admit(_admitted(parent, point, now))
        if array is not None and array.verdict is None:
            self.ledger.plan(point.run_id, _in_array(parent.run_id, array))
        self.ledger.advance(
            point.run_id,
            RunState.RUNNING,
            deck=run.deck,
            total_steps=point.total_steps,
            dollars=parent.dollars,
            hours=parent.hours,
        )
        made = self.ledger.run(point.run_id)
        assert made is not None
        return made


def _admitted(parent: RunRecord, point: Point, now: datetime) -> RunRecord:
    return parent.another(point.run_id, now, parent=parent.run_id, point=point.index)


def _in_array(parent: str, array: AttemptRecord) -> AttemptRecord:
    return AttemptRecord(
        number=FIRST_ATTEMPT,
        market=array.market,
        queue=array.queue,
        planned_at=array.planned_at,
        timeout_seconds=array.timeout_seconds,
        reason=array.reason,
        price_per_hour=array.price_per_hour,
        on_demand_per_hour=array.on_demand_per_hour,
        array=job_name(parent, FIRST_ATTEMPT),
    )
