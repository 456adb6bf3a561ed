"""Say what an hour of the next attempt of a run costs today, before its machine is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import Market
from deckhand.domain.ledger import RunRecord
from deckhand.domain.price import PriceKey
from deckhand.domain.profile import STANDARD
from deckhand.domain.run import Run
from deckhand.usecases.rates import Rates


@dataclass(frozen=True)
class QuoteAttempt:
    """`instance_types` are those of the stack's machines on each market."""

    rates: Rates
    instance_types: Mapping[Market, Sequence[str]]
    region: str

    def __call__(self, record: RunRecord, run: Run, market: Market, now: datetime) -> float | None:
        """The dearest of what is known, since no cap may be passed; None where nothing is."""
        keys = self._keys(record, run, market)
        asked = [self.rates.known(key, now, run.options.gpus) for key in keys]
        return max((price for price in asked if price is not None), default=None)

    def _keys(self, record: RunRecord, run: Run, market: Market) -> Iterator[PriceKey]:
        """The machines that AWS may choose, and the last one of the run: its price was kept."""
        asked = run.options.instance or STANDARD
        stack = self.instance_types.get(market, ())
        for instance_type in stack if asked == STANDARD else (asked,):
            yield PriceKey(instance_type, market, self.region)
        for attempt in reversed(record.attempts):
            if attempt.market is market and attempt.instance_type and attempt.availability_zone:
                yield PriceKey(attempt.instance_type, market, attempt.availability_zone).on(market)
                return
