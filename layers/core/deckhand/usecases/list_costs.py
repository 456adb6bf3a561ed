"""The runs of a time with what their attempts cost, those that go on up to now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.ledger import RunRecord
from deckhand.usecases.forecast_run import ForecastRun
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket, Ledger


@dataclass(frozen=True)
class ListCosts:
    runs: Bucket
    ledger: Ledger
    forecast: ForecastRun

    def __call__(self, since: datetime, now: datetime) -> list[RunRecord]:
        """Runs admitted since then with their attempts, newest first.

        A sweep costs what its points cost, which are there themselves.
        """
        admitted = [record for record in self.ledger.since(since) if not record.points]
        found = in_parallel(lambda record: self._whole(record.run_id, now), admitted)
        return [record for record in found if record is not None]

    def _whole(self, run_id: str, now: datetime) -> RunRecord | None:
        record = self.ledger.run(run_id)
        if record is None or not record.attempts or record.state.is_final:
            return record
        status = read_status(self.runs, run_id, record.attempts[-1].number)
        return self.forecast.so_far(record, status, now)
