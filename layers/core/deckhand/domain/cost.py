"""What the machines of a run cost, in US dollars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import AttemptRecord, Market
from deckhand.domain.status import Phase, Status


@dataclass(frozen=True)
class Prices:
    """US dollars for one hour of an attempt on each market, where its own price is not known."""

    spot_per_hour: float
    on_demand_per_hour: float

    def per_hour(self, market: Market) -> float:
        return self.spot_per_hour if market is Market.SPOT else self.on_demand_per_hour

    def times(self, size: float) -> Prices:
        """Those of an attempt that is as many times as large."""
        return Prices(self.spot_per_hour * size, self.on_demand_per_hour * size)


def cost(attempts: Iterable[AttemptRecord], prices: Prices) -> float:
    return sum(item.seconds / 3600 * per_hour(item, prices) for item in attempts)


def cost_on_demand(attempts: Iterable[AttemptRecord], prices: Prices) -> float:
    """What the same machine time would have cost without the spot market."""
    return sum(item.seconds / 3600 * on_demand_per_hour(item, prices) for item in attempts)


def per_hour(attempt: AttemptRecord, prices: Prices) -> float:
    known = attempt.price_per_hour
    return prices.per_hour(attempt.market) if known is None else known


def on_demand_per_hour(attempt: AttemptRecord, prices: Prices) -> float:
    known = attempt.on_demand_per_hour
    if known is None and attempt.market is Market.ON_DEMAND:
        known = attempt.price_per_hour
    return prices.on_demand_per_hour if known is None else known


def as_if_ended(attempt: AttemptRecord, status: Status | None, now: datetime) -> AttemptRecord:
    """An attempt that has no verdict yet, as if it ended now."""
    if attempt.started_at or status is None or status.attempt != attempt.number:
        return attempt
    stopped = status.updated_at if status.phase is Phase.ENDED else now
    return attempt.model_copy(update={"started_at": status.started_at, "stopped_at": stopped})
