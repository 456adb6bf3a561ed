"""What is known of machines: prices of one's own first, then those of AWS, then the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from deckhand.domain.attempt import Market
from deckhand.domain.list_prices import MACHINES, MachineRate
from deckhand.domain.price import MachinePrices, PriceKey
from deckhand.usecases.ports import PriceSource


def know_machines(
    types: Iterable[str],
    own: Mapping[str, MachinePrices],
    source: PriceSource | None,
    region: str,
    at: datetime,
) -> dict[str, MachineRate]:
    """A rate for every type of which something is known; *source* is None where nobody is asked."""
    found = {name: _known(name, own.get(name), source, region, at) for name in types}
    return {name: rate for name, rate in found.items() if rate is not None}


def _known(
    name: str, own: MachinePrices | None, source: PriceSource | None, region: str, at: datetime
) -> MachineRate | None:
    rate = MACHINES.get(name)
    if source is not None:
        rate = _asked(name, rate, source, region, at)
    if own is not None and own.vcpus is not None and rate is None:
        rate = MachineRate(own.vcpus, own.gpus or 0)
    if own is None or rate is None:
        return rate
    return replace(
        rate,
        spot=rate.spot if own.spot is None else own.spot,
        on_demand=rate.on_demand if own.on_demand is None else own.on_demand,
        gpus=rate.gpus if own.gpus is None else own.gpus,
        vcpus=rate.vcpus if own.vcpus is None else own.vcpus,
    )


def _asked(
    name: str, rate: MachineRate | None, source: PriceSource, region: str, at: datetime
) -> MachineRate | None:
    if rate is None:
        machine = source.machine(name)
        if machine is None or not machine.vcpus:
            return None
        rate = MachineRate(machine.vcpus, machine.gpus)
    spot = source.price(PriceKey(name, Market.SPOT, region), at)
    on_demand = source.price(PriceKey(name, Market.ON_DEMAND, region), at)
    return replace(rate, spot=spot or rate.spot, on_demand=on_demand or rate.on_demand)
