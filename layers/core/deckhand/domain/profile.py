"""An instance profile: a kind of machine that a run may ask for by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pydantic import ConfigDict, Field, TypeAdapter

from deckhand.domain.deck import Frozen

STANDARD: Final = "standard"
"""The profile of a run that names none."""


class Profile(Frozen):
    """Queues by ARN, tried in their order, and what one attempt gets: GPUs, vCPUs, MiB of memory.

    An attempt with more GPUs gets as many times the vCPUs and the memory. `on_demand_vcpus` are
    all that may work on demand at once.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    spot_queues: tuple[str, ...] = Field(min_length=1)
    on_demand_queues: tuple[str, ...] = Field(min_length=1)
    gpus: int = Field(ge=0)
    vcpus: int = Field(ge=1)
    memory_mib: int = Field(ge=1)
    on_demand_vcpus: int = 0

    def resources(self, gpus: int | None) -> list[dict[str, str]]:
        """ResourceRequirements of a job that wants this many GPUs, or as many as is usual.

        https://docs.aws.amazon.com/batch/latest/APIReference/API_ResourceRequirement.html
        """
        wanted = self.gpus if gpus is None else gpus
        times = max(1, wanted // max(1, self.gpus))
        amounts = {"VCPU": self.vcpus * times, "MEMORY": self.memory_mib * times, "GPU": wanted}
        return [{"Type": kind, "Value": str(most)} for kind, most in amounts.items() if most]


Profiles = Mapping[str, Profile]
_PROFILES: Final = TypeAdapter(dict[str, Profile])


def read_profiles(text: str) -> Profiles:
    """Profiles by their names; raises ValueError."""
    return _PROFILES.validate_python(json.loads(text))


def why_not(profiles: Profiles, instance: str | None, gpus: int | None) -> str:
    """Why a run cannot have what it asks for, and the remedy; empty where it can."""
    name = instance or STANDARD
    if name not in profiles:
        return (
            f"run.yaml asks for the instance profile `{name}`, which this stack does not have. "
            f"It has: {', '.join(sorted(profiles))}."
        )
    profile = profiles[name]
    if gpus is not None and (profile.gpus == 0 or gpus % profile.gpus):
        return (
            f"run.yaml asks for {gpus} GPUs, but an attempt on `{name}` has {profile.gpus}. "
            "Leave `gpus` away, or ask for a multiple."
        )
    return ""
