"""Project time and cost of a run that has measured nothing yet, from runs of its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import Market
from deckhand.domain.options import Purchase
from deckhand.domain.price import PriceKey
from deckhand.domain.projection import Projection, project
from deckhand.domain.run import Run
from deckhand.domain.speed import NEWEST, Speed, SpeedKey, typical
from deckhand.usecases.ports import Speeds
from deckhand.usecases.rates import Rates


@dataclass(frozen=True)
class ProjectRun:
    """`instance_types` are those of the stack's machines on each market."""

    speeds: Speeds
    rates: Rates
    instance_types: Mapping[Market, Sequence[str]]
    region: str

    def __call__(self, run: Run, now: datetime) -> Projection | None:
        """The whole of it; None where steps or atoms are not known, or nothing was measured."""
        if not run.total_steps or not run.atoms or not run.deck_class:
            return None
        market = market_of(run)
        found = self._typical(run, market)
        if found is None:
            return None
        instance_type, speed = found
        key = PriceKey(instance_type, market, self.region)
        price = self.rates.per_hour(key, now, run.options.gpus)
        return project(run.total_steps, 0, run.atoms, speed, price, market)

    def _typical(self, run: Run, market: Market) -> tuple[str, Speed] | None:
        """Of the first machine that was measured: AWS chooses among them by price and capacity."""
        asked = run.options.instance
        for instance_type in [asked] if asked else self.instance_types.get(market, ()):
            key = speed_key(run, instance_type, self.rates.job.gpus)
            speed = typical(self.speeds.newest(key, NEWEST), instance_type)
            if speed is not None:
                return instance_type, speed
        return None


def market_of(run: Run) -> Market:
    """Where most of a run is bought."""
    only = run.options.purchase is Purchase.ON_DEMAND
    return Market.ON_DEMAND if only else Market.SPOT


def speed_key(run: Run, instance_type: str, gpus: int) -> SpeedKey:
    asked = run.options.gpus
    return SpeedKey(instance_type, gpus if asked is None else asked, run.deck_class)
