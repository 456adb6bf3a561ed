"""What the machines that the template names have: a job that fits on none never starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Machine:
    """Memory in MiB."""

    vcpus: int
    memory: int
    gpus: int


KNOWN: Final = {
    "g4dn.xlarge": Machine(4, 16 * 1024, 1),
    "g5.xlarge": Machine(4, 16 * 1024, 1),
    "p4d.24xlarge": Machine(96, 1152 * 1024, 8),
}
"""https://aws.amazon.com/ec2/instance-types/; of any other nobody knows here what does not fit."""


def needs(properties: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, int]:
    """VCPU, MEMORY (in MiB) and GPU of a job; an override counts for its kind alone.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_ResourceRequirement.html
    """
    return {
        str(item["type"]): int(item["value"])
        for source in (properties, overrides)
        for item in source.get("resourceRequirements") or []
    }


def fits(needed: Mapping[str, int], instance_types: Iterable[str]) -> bool:
    """Whether a machine of one of these types could carry the job."""
    machines = [KNOWN.get(name) for name in instance_types]
    if not machines:
        return True
    return any(machine is None or _holds(machine, needed) for machine in machines)


def _holds(machine: Machine, needed: Mapping[str, int]) -> bool:
    return (
        needed.get("VCPU", 0) <= machine.vcpus
        and needed.get("MEMORY", 0) <= machine.memory
        and needed.get("GPU", 0) <= machine.gpus
    )
