"""What changes when one template takes the place of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

SECTIONS: Final = ("Resources", "Outputs", "Conditions", "Mappings")
PACKAGED: Final = frozenset(
    {"CodeUri", "ContentUri", "DefinitionUri", "Location", "TemplateURL", "ImageUri"}
)
"""Where `sam package` writes addresses in S3: of them nothing can be compared."""


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """One thing of one stack; *what* is its type or its section, *details* the places inside it."""

    stack: str
    change: Change
    name: str
    what: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValueChange:
    """A parameter; None means that there was none, or will be none."""

    name: str
    old: str | None
    new: str | None


def differences(stack: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """What *new* adds, removes and changes; both with long forms only (`Fn::GetAtt` as a list)."""
    for section in SECTIONS:
        before, after = old.get(section) or {}, new.get(section) or {}
        for name in sorted({*before, *after}):
            yield from _difference(stack, section, name, before.get(name), after.get(name))


def _difference(stack: str, section: str, name: str, old: Any, new: Any) -> Iterator[Difference]:  # noqa: ANN401  any JSON
    what = str((new or old).get("Type", section)) if section == "Resources" else section.lower()
    if old is None:
        yield Difference(stack, Change.ADDED, name, what)
    elif new is None:
        yield Difference(stack, Change.REMOVED, name, what)
    elif details := tuple(sorted(_places(old, new))):
        yield Difference(stack, Change.CHANGED, name, what, details)


def _places(old: Any, new: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401  any JSON
    """The deepest mappings' keys under which the two differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {*old, *new} - PACKAGED - ({"Metadata"} if not path else set()):
            yield from _places(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif old != new:
        yield path or "value"


def value_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[ValueChange]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield ValueChange(name, before, after)
