"""Which price of a machine is meant, and what part of the machine an attempt has."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import ConfigDict, Field

from deckhand.domain.attempt import Market
from deckhand.domain.deck import Frozen

FRESH: Final = {Market.SPOT: timedelta(hours=1), Market.ON_DEMAND: timedelta(days=1)}
"""How long a price that AWS has told is taken for the price of now."""

_REGION: Final = re.compile(r"[a-z]+(-[a-z]+)+-\d+")


@dataclass(frozen=True)
class PriceKey:
    """A machine on a market; *zone* is an availability zone, or a region for the whole of it."""

    instance_type: str
    market: Market
    zone: str

    def __str__(self) -> str:
        return f"{self.instance_type}#{self.market.value}#{self.zone}"

    @property
    def region(self) -> str:
        """us-east-2 of us-east-2a, and of the local zone us-east-1-bos-1a its parent."""
        found = _REGION.match(self.zone)
        return found[0] if found else self.zone

    @property
    def is_zone(self) -> bool:
        return self.zone != self.region

    def in_region(self) -> PriceKey:
        return replace(self, zone=self.region)

    def on(self, market: Market) -> PriceKey:
        """The same machine there; on demand it has one price in the whole region."""
        there = replace(self, market=market)
        return there if market is Market.SPOT else there.in_region()


class Price(Frozen):
    """US dollars for an hour of a whole machine, as it was at a time."""

    per_hour: float = Field(ge=0, allow_inf_nan=False)
    at: datetime

    def is_fresh(self, market: Market, now: datetime) -> bool:
        return abs(now - self.at) <= FRESH[market]


class Machine(Frozen):
    """What a machine of an instance type has."""

    gpus: int = Field(ge=0)
    vcpus: int = Field(ge=0)


class MachinePrices(Frozen):
    """What whoever deploys the stack knows of a machine; it goes before what AWS says."""

    model_config = ConfigDict(defer_build=True, populate_by_name=True)

    spot: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    on_demand: float | None = Field(default=None, alias="on-demand", ge=0, allow_inf_nan=False)
    gpus: int | None = Field(default=None, ge=0)
    vcpus: int | None = Field(default=None, ge=1)

    def per_hour(self, market: Market) -> float | None:
        return self.spot if market is Market.SPOT else self.on_demand


@dataclass(frozen=True)
class JobSize:
    """What an attempt asks of its machine."""

    gpus: int = 1
    vcpus: int = 0

    def times(self, gpus: int | None) -> float:
        """How many times as large the attempt of a run is that asks for so many GPUs."""
        return gpus / self.gpus if gpus and self.gpus else 1.0

    def of(self, gpus: int | None) -> JobSize:
        """More GPUs come with as many times the vCPUs."""
        if gpus is None:
            return self
        return JobSize(gpus, round(self.vcpus * self.times(gpus)))


def share(job: JobSize, machine: Machine) -> float | None:
    """The part of the machine that nobody else can use; None where the job does not fit it."""
    if job.gpus > machine.gpus or job.vcpus > machine.vcpus:
        return None
    parts = [(job.gpus, machine.gpus), (job.vcpus, machine.vcpus)]
    return max((asked / there for asked, there in parts if asked), default=None)
