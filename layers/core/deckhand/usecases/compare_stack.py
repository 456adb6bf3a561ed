"""Compare a deployed stack with what would be deployed now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deckhand.domain.parameters import Parameters
from deckhand.domain.template_diff import Difference, ValueChange, differences, value_changes

Templates = Mapping[str, Mapping[str, Any]]
"""Templates of the root and of the nested stacks, by the names that the root gives them."""


@dataclass(frozen=True)
class Comparison:
    values: tuple[ValueChange, ...]
    resources: tuple[Difference, ...]

    @property
    def is_empty(self) -> bool:
        return not self.values and not self.resources


def compare_stack(
    parameters: Parameters,
    deployed_values: Mapping[str, str],
    overrides: Mapping[str, str],
    deployed: Templates,
    here: Templates,
) -> Comparison:
    """What a deployment with these overrides would change.

    A parameter that nobody gives keeps its value, as SAM does it; a new one takes its default.
    """
    new = parameters.values(deployed_values, overrides)
    found: list[Difference] = []
    for stack in dict.fromkeys((*deployed, *here)):
        if stack not in deployed and _is_left_out(stack, deployed):
            continue
        found.extend(differences(stack, deployed.get(stack, {}), here.get(stack, {})))
    return Comparison(tuple(value_changes(deployed_values, new)), tuple(found))


def _is_left_out(stack: str, deployed: Templates) -> bool:
    """Whether a nested stack is known there, and a condition keeps it from being made."""
    return any(stack in template.get("Resources", {}) for template in deployed.values())
