"""What the machines of a run cost, in US dollars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deckhand.domain.attempt import AttemptRecord, Market


@dataclass(frozen=True)
class Prices:
    """US dollars for one hour of an attempt on each market."""

    spot_per_hour: float
    on_demand_per_hour: float

    def per_hour(self, market: Market) -> float:
        return self.spot_per_hour if market is Market.SPOT else self.on_demand_per_hour


def cost(attempts: Iterable[AttemptRecord], prices: Prices) -> float:
    return sum(item.seconds / 3600 * prices.per_hour(item.market) for item in attempts)


def cost_on_demand(attempts: Iterable[AttemptRecord], prices: Prices) -> float:
    """What the same machine time would have cost without the spot market."""
    return sum(item.seconds for item in attempts) / 3600 * prices.on_demand_per_hour
