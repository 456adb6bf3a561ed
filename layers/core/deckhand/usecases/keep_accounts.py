"""Write down what an ended attempt tells of money: its price, its speed, what the run will cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import AttemptRecord, Verdict
from deckhand.domain.cost import cost, per_hour
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.price import PriceKey
from deckhand.domain.projection import OWN_SPEED, project
from deckhand.domain.run import Run
from deckhand.domain.speed import Measurement, Speed
from deckhand.domain.status import Status
from deckhand.usecases.forecast_run import read_run
from deckhand.usecases.ports import Bucket, Ledger, Speeds
from deckhand.usecases.project_run import speed_key
from deckhand.usecases.rates import Rates, priced


@dataclass(frozen=True)
class KeepAccounts:
    runs: Bucket
    ledger: Ledger
    rates: Rates
    speeds: Speeds

    def __call__(self, run_id: str, attempt: AttemptRecord, status: Status | None) -> AttemptRecord:
        """The attempt as it is to be recorded; safe to repeat."""
        run = read_run(self.runs, run_id)
        at = attempt.stopped_at or attempt.planned_at
        found = priced(attempt, status, self.rates, at, run.options.gpus if run else None)
        self._keep_price(found, at)
        if run is not None:
            self._keep_speed(run, found, at)
        record = self.ledger.run(run_id)
        expected = self._projected(record, found) if record else None
        if expected is not None:
            self.ledger.record_projected_cost(run_id, expected)
        return found

    def _keep_price(self, attempt: AttemptRecord, at: datetime) -> None:
        """Have the price of the whole region kept: plans ask nobody, and know no zone yet."""
        if attempt.instance_type and attempt.availability_zone:
            key = PriceKey(attempt.instance_type, attempt.market, attempt.availability_zone)
            self.rates.known(key.in_region(), at)

    def _keep_speed(self, run: Run, attempt: AttemptRecord, at: datetime) -> None:
        speed, machine = attempt.steps_per_second, attempt.instance_type
        if not speed or not machine or not run.atoms or not run.deck_class:
            return
        key = speed_key(run, machine, self.rates.job.gpus)
        measured = Measurement(run_id=run.run_id, atom_steps_per_second=speed * run.atoms)
        self.speeds.keep(key, attempt.number, at, measured)

    def _projected(self, record: RunRecord, attempt: AttemptRecord) -> float | None:
        """What the whole run will cost, as far as this attempt can tell."""
        others = [item for item in record.attempts if item.number != attempt.number]
        spent = cost([*others, attempt], self.rates.fallback)
        if attempt.verdict is Verdict.COMPLETED:
            return spent
        if not record.total_steps or not attempt.steps_per_second:
            return None
        done = CheckpointId.parse(attempt.checkpoint).step if attempt.checkpoint else 0
        speed = Speed(attempt.steps_per_second, OWN_SPEED)
        price = per_hour(attempt, self.rates.fallback)
        left = project(record.total_steps, done, 1, speed, price, attempt.market)
        return None if left is None else spent + left.dollars
