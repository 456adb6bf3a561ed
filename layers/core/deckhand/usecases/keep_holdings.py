"""What stays when a stack is deleted, and how much of it there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deckhand.domain.kept import Holding, Kept, retained
from deckhand.domain.stack import Resource

Made = tuple[Mapping[str, Any], Iterable[Resource]]
"""The template of a stack and the resources that it has made."""


def what_stays(stacks: Iterable[Made], measure: Callable[[Resource], Holding | None]) -> list[Kept]:
    """Everything that the templates retain and that is there, the dearest first."""
    found: list[Kept] = []
    for template, resources in stacks:
        for resource in retained(template, {item.name: item for item in resources}):
            holding = measure(resource)
            if holding is not None:
                found.append(Kept(resource, holding))
    return sorted(found, key=lambda item: -item.month)
