"""What a stack will cost: while nothing runs, while everything runs, and for what it keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deckhand.domain import list_prices as price
from deckhand.domain.list_prices import HOURS_PER_MONTH, MachineRate
from deckhand.domain.parameters import MACHINE_LISTS, listed, whole

NAT_GATEWAY: Final = "AWS::EC2::NatGateway"
INTERFACE_ENDPOINT: Final = "interface endpoint"
"""In counts of resources: those of the endpoints that cost money."""

STORED_TB: Final = 10
GB_PER_TB: Final = 1024
IMAGE_GB: Final = 10
SCHEDULES: Final = {"SurveyMinutes": "the survey", "ReaperMinutes": "the reaper"}
DIGEST_MINUTES: Final = 5
LOOK_SECONDS: Final = 2.0
LOOK_GB: Final = 0.5
"""How long a scheduled function that finds nothing works, and with how much memory: a guess."""

POLLS_PER_SECOND: Final = 5 / 20
"""Lambda asks an empty queue from five places, each time for 20 s."""


@dataclass(frozen=True)
class Idle:
    """Something that costs money although nothing runs; dollars for a month."""

    what: str
    month: float


@dataclass(frozen=True)
class Full:
    """A market whose cap is reached; dollars for an hour, by the cheapest and the dearest machine.

    `ceiling` is what it cannot go above: spot machines cost no more than on demand.
    A machine without a price is in `unpriced`, and in no sum.
    """

    market: str
    machines: Mapping[str, int]
    least: float
    most: float
    ceiling: float
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """The parts of the bill of a stack; *stored* is dollars a month for so many terabytes."""

    idle: tuple[Idle, ...]
    full: tuple[Full, ...]
    stored: Mapping[str, float]

    @property
    def idle_month(self) -> float:
        return sum(item.month for item in self.idle)

    @property
    def most_hour(self) -> float:
        return sum(item.ceiling for item in self.full) + self.idle_month / HOURS_PER_MONTH

    @property
    def most_month(self) -> float:
        return self.most_hour * HOURS_PER_MONTH

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for item in self.full for name in item.unpriced))


def estimate(
    values: Mapping[str, str], rates: Mapping[str, MachineRate], counts: Mapping[str, int]
) -> Estimate:
    """The estimate of a stack with these values of its parameters.

    *counts* says how many resources of a type its templates have.
    """
    return Estimate(
        idle=tuple(item for item in _idle(values, counts) if item.month),
        full=tuple(_full(market, values, rates) for market in MACHINE_LISTS),
        stored={
            name: STORED_TB * GB_PER_TB * gb_month for name, gb_month in price.S3_GB_MONTH.items()
        },
    )


def _idle(values: Mapping[str, str], counts: Mapping[str, int]) -> Iterator[Idle]:
    yield from _network(values, counts)
    # The stack's own, and one for its storage where it is asked for.
    keys = counts.get("AWS::KMS::Key", 0) + (values.get("StorageKey") == "create")
    yield Idle(f"{keys} KMS key{_s(keys)}", keys * price.KEY_MONTH)
    alarms = counts.get("AWS::CloudWatch::Alarm", 0)
    yield Idle(f"{alarms} alarm{_s(alarms)}", alarms * price.ALARM_MONTH)
    yield Idle("looks at an empty inbox: schedules, queue", _looks(values))
    yield Idle(f"the container image, {IMAGE_GB} GB", IMAGE_GB * price.IMAGE_GB_MONTH)


def _network(values: Mapping[str, str], counts: Mapping[str, int]) -> Iterator[Idle]:
    mode = values.get("NetworkMode")
    if values.get("VpcId"):
        return  # somebody else's network, and somebody else's bill
    if mode == "nat":
        number = min(counts.get(NAT_GATEWAY, 0), whole(values, "ZoneCount", 3))
        hour = number * (price.NAT_GATEWAY_HOUR + price.PUBLIC_ADDRESS_HOUR)
        what = "a NAT gateway with its address" if number == 1 else f"{number} NAT gateways"
        yield Idle(what, hour * HOURS_PER_MONTH)
    if mode == "endpoints":
        number = counts.get(INTERFACE_ENDPOINT, 0)
        zones = whole(values, "EndpointZoneCount", 1)
        month = number * zones * price.INTERFACE_ENDPOINT_HOUR * HOURS_PER_MONTH
        yield Idle(f"{number} interface endpoints in {zones} zone{_s(zones)}", month)


def _looks(values: Mapping[str, str]) -> float:
    every = [whole(values, name, DIGEST_MINUTES) or DIGEST_MINUTES for name in SCHEDULES]
    looks = sum(HOURS_PER_MONTH * 60 / minutes for minutes in (*every, DIGEST_MINUTES))
    look = price.INVOCATION + LOOK_SECONDS * LOOK_GB * price.GIGABYTE_SECOND
    polls = HOURS_PER_MONTH * 3600 * POLLS_PER_SECOND
    return looks * look + polls * price.SQS_REQUEST


def _full(market: str, values: Mapping[str, str], rates: Mapping[str, MachineRate]) -> Full:
    cap = whole(values, "SpotMaxvCpus" if market == "spot" else "OnDemandMaxvCpus")
    types = listed(values.get(MACHINE_LISTS[market], ""))
    extra = _extra_hour(values)
    machines: dict[str, int] = {}
    now: list[float] = []
    ceilings: list[float] = []
    for name in types:
        rate = rates.get(name)
        if rate is None or rate.on_demand is None:
            continue
        machines[name] = math.ceil(cap / rate.vcpus)
        asked = rate.spot if market == "spot" and rate.spot is not None else rate.on_demand
        now.append(machines[name] * (asked + extra))
        ceilings.append(machines[name] * (max(asked, rate.on_demand) + extra))
    return Full(
        market=market,
        machines=machines,
        least=min(now, default=0.0),
        most=max(now, default=0.0),
        ceiling=max(ceilings, default=0.0),
        unpriced=tuple(name for name in types if name not in machines),
    )


def _extra_hour(values: Mapping[str, str]) -> float:
    """What a machine costs beside itself: its volume, and its address where it has one."""
    iops = max(0, whole(values, "RootVolumeIops") - price.VOLUME_IOPS_INCLUDED)
    mibps = max(0, whole(values, "RootVolumeThroughput") - price.VOLUME_MIBPS_INCLUDED)
    month = (
        whole(values, "RootVolumeGiB") * price.VOLUME_GB_MONTH
        + iops * price.VOLUME_IOPS_MONTH
        + mibps * price.VOLUME_MIBPS_MONTH
    )
    address = price.PUBLIC_ADDRESS_HOUR if values.get("NetworkMode") == "public" else 0.0
    return month / HOURS_PER_MONTH + address


def _s(number: int) -> str:
    return "" if number == 1 else "s"
