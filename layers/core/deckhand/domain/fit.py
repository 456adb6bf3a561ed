"""Whether attempts fit the machines that a stack may buy, and how much of them they leave idle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deckhand.domain.list_prices import MachineRate
from deckhand.domain.parameters import MACHINE_LISTS, Finding, Level, listed, nearest, whole

USABLE_MEMORY: Final = 0.94
"""The part of a machine's memory that jobs can have: the system and the ECS agent keep the rest.

A measured figure exists for none of these machines; AWS advises to look at what the container
instance registers. https://docs.aws.amazon.com/batch/latest/userguide/memory-management.html
"""


@dataclass(frozen=True)
class Asked:
    """What an attempt asks of its machine."""

    gpus: int
    vcpus: int
    memory_mib: int

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Asked:
        return cls(
            whole(values, "JobGpus"), whole(values, "JobVcpus"), whole(values, "JobMemoryMiB")
        )

    def slots(self, machine: MachineRate) -> dict[str, int]:
        """How many attempts the machine could carry by each of its resources."""
        memory = int(machine.memory_mib * USABLE_MEMORY)
        there = {
            "GPUs": (machine.gpus, self.gpus),
            "vCPUs": (machine.vcpus, self.vcpus),
            "memory": (memory if machine.memory_mib else 0, self.memory_mib),
        }
        return {
            name: has // asks
            for name, (has, asks) in there.items()
            if asks and not (name == "memory" and not machine.memory_mib)
        }


def machine_findings(
    values: Mapping[str, str], rates: Mapping[str, MachineRate], known_types: frozenset[str]
) -> Iterator[Finding]:
    """What is wrong with the machines of both markets.

    *rates* are those of the machines of which something is known.
    """
    asked = Asked.of(values)
    for market, name in MACHINE_LISTS.items():
        types = listed(values.get(name, ""))
        if not types:
            yield Finding(Level.ERROR, name, "no machine is named, so no attempt could start")
        yield from _type_findings(name, types, known_types)
        machines = {item: rates[item] for item in types if item in rates}
        yield from _fit_findings(name, asked, machines, len(types))
        yield from _cap_findings(market, values, machines)


def _type_findings(name: str, types: tuple[str, ...], known: frozenset[str]) -> Iterator[Finding]:
    families = {item.split(".")[0] for item in known}
    for item in types:
        # A family alone is an answer that Batch takes, too.
        if item in known or item in families:
            continue
        near = nearest(item, sorted(known))
        meant = f"; {near} is meant?" if near else ""
        yield Finding(Level.ERROR, name, f"EC2 has no machine {item}{meant}")


def _fit_findings(
    name: str, asked: Asked, machines: Mapping[str, MachineRate], named: int
) -> Iterator[Finding]:
    carried = {item: asked.slots(machine) for item, machine in machines.items()}
    useless = [item for item, slots in carried.items() if slots and not min(slots.values())]
    for item in useless:
        lacking = ", ".join(what for what, number in carried[item].items() if not number)
        level = Level.ERROR if len(useless) == named else Level.WARNING
        text = f"{item} has too little for one attempt ({lacking}), so Batch never starts it"
        yield Finding(level, name, text)
    for item, slots in carried.items():
        if item not in useless and slots.get("GPUs", 0) > min(slots.values()):
            yield Finding(Level.WARNING, name, _stranding(item, asked, machines[item], slots))


def _stranding(item: str, asked: Asked, machine: MachineRate, slots: Mapping[str, int]) -> str:
    carries = min(slots.values())
    short = "vCPUs" if slots.get("vCPUs", carries + 1) == carries else "memory"
    places = slots["GPUs"]
    if short == "vCPUs":
        remedy = f"JobVcpus of {machine.vcpus // places} or less uses them all"
    else:
        most = int(machine.memory_mib * USABLE_MEMORY) // places
        remedy = f"JobMemoryMiB of about {most} or less uses them all"
    idle = machine.gpus - carries * asked.gpus
    return (
        f"{idle} of the {machine.gpus} GPUs of {item} would stay idle for want of {short}; {remedy}"
    )


def _cap_findings(
    market: str, values: Mapping[str, str], machines: Mapping[str, MachineRate]
) -> Iterator[Finding]:
    name = "SpotMaxvCpus" if market == "spot" else "OnDemandMaxvCpus"
    cap, asks = whole(values, name), whole(values, "JobVcpus")
    if 0 < cap < asks:
        text = f"{cap} vCPUs are fewer than the {asks} of one attempt (JobVcpus)"
        yield Finding(Level.ERROR, name, text)
    elif machines and 0 < cap < min(machine.vcpus for machine in machines.values()):
        smallest = min(machines, key=lambda item: machines[item].vcpus)
        text = f"{cap} vCPUs are less than one {smallest}, which has {machines[smallest].vcpus}"
        yield Finding(Level.WARNING, name, text)
