"""What an hour of an attempt costs: its part of the price of the machine it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.attempt import AttemptRecord, Market
from deckhand.domain.cost import Prices
from deckhand.domain.price import JobSize, PriceKey, share
from deckhand.domain.status import Status
from deckhand.usecases.ports import PriceSource


@dataclass(frozen=True)
class Rates:
    """`fallback` is for attempts on machines of which the source knows nothing."""

    source: PriceSource
    job: JobSize
    fallback: Prices

    def known(self, key: PriceKey, at: datetime, gpus: int | None = None) -> float | None:
        """US dollars; *gpus* is for a run that asks for another number of them."""
        machine = self.source.machine(key.instance_type)
        if machine is None:
            return None
        part = share(self.job.of(gpus), machine)
        whole = self._whole(key, at) if part is not None else None
        return None if part is None or whole is None else whole * part

    def per_hour(self, key: PriceKey, at: datetime, gpus: int | None = None) -> float:
        found = self.known(key, at, gpus)
        if found is not None:
            return found
        return self.fallback.times(self.job.times(gpus)).per_hour(key.market)

    def _whole(self, key: PriceKey, at: datetime) -> float | None:
        found = self.source.price(key, at)
        if found is None and key.is_zone:
            return self.source.price(key.in_region(), at)
        return found


def priced(
    attempt: AttemptRecord, status: Status | None, rates: Rates, at: datetime,
    gpus: int | None = None,
) -> AttemptRecord:  # fmt: skip
    """The attempt with the machine it says it is on, its speed, and what an hour of it costs.

    What was estimated when it was planned stands where the price is not known.
    """
    if status is None or status.attempt != attempt.number:
        return attempt
    found: dict[str, object] = {
        "steps_per_second": status.steps_per_second,
        "instance_type": status.instance_type or attempt.instance_type,
        "availability_zone": status.availability_zone or attempt.availability_zone,
    }
    if status.instance_type and status.availability_zone:
        key = PriceKey(status.instance_type, attempt.market, status.availability_zone)
        prices = {
            "price_per_hour": rates.known(key.on(attempt.market), at, gpus),
            "on_demand_per_hour": rates.known(key.on(Market.ON_DEMAND), at, gpus),
        }
        found |= {name: price for name, price in prices.items() if price is not None}
    return attempt.model_copy(update=found)
