"""The parameters of a template, and what is wrong with values that somebody gives them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

NUMBER: Final = "Number"
MACHINE_LISTS: Final = {"spot": "SpotInstanceTypes", "on demand": "OnDemandInstanceTypes"}
"""Which parameter lists the machines of a market."""


class Level(StrEnum):
    """An error stops a deployment; a warning is shown before somebody agrees to it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """Something wrong; *where* is a file and a line, if it stands in one."""

    level: Level
    about: str
    text: str
    where: str = ""


@dataclass(frozen=True)
class Parameter:
    """A parameter as its template declares it. A default of None means that one must be given."""

    name: str
    kind: str
    default: str | None = None
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None
    pattern: str = ""

    @classmethod
    def read(cls, name: str, declared: Mapping[str, Any]) -> Parameter:
        default = declared.get("Default")
        return cls(
            name=name,
            kind=str(declared.get("Type", "String")),
            default=None if default is None else str(default),
            allowed=tuple(str(item) for item in declared.get("AllowedValues", ())),
            least=_number(declared.get("MinValue")),
            most=_number(declared.get("MaxValue")),
            shortest=_whole(declared.get("MinLength")),
            longest=_whole(declared.get("MaxLength")),
            pattern=str(declared.get("AllowedPattern", "")),
        )

    def problem(self, value: str) -> str:
        """What AWS would refuse about *value*; empty where it takes it."""
        if self.allowed and value not in self.allowed:
            near = nearest(value, self.allowed)
            meant = f"; {near} is meant?" if near else ""
            return f"{value!r} is none of {', '.join(self.allowed)}{meant}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"{value!r} does not match {self.pattern}"
        if self.kind == NUMBER:
            return self._number_problem(value)
        return self._length_problem(value)

    def _number_problem(self, value: str) -> str:
        number = _number(value)
        if number is None:
            return f"{value!r} is not a number"
        if self.least is not None and number < self.least:
            return f"{value} is too small: {self.least:g} is the least"
        if self.most is not None and number > self.most:
            return f"{value} is too large: {self.most:g} is the most"
        return ""

    def _length_problem(self, value: str) -> str:
        if self.shortest is not None and len(value) < self.shortest:
            return f"it has {len(value)} characters, {self.shortest} are the least"
        if self.longest is not None and len(value) > self.longest:
            return f"it has {len(value)} characters, {self.longest} are the most"
        return ""


@dataclass(frozen=True)
class Parameters:
    """What a template may be given."""

    known: Mapping[str, Parameter]

    @classmethod
    def read(cls, template: Mapping[str, Any]) -> Parameters:
        declared = template.get("Parameters", {})
        return cls({name: Parameter.read(name, body) for name, body in declared.items()})

    def values(self, *given: Mapping[str, str]) -> dict[str, str]:
        """Every parameter with its value: the last of *given* that has it, or else the default."""
        values = {name: item.default or "" for name, item in self.known.items()}
        for change in given:
            values.update({name: value for name, value in change.items() if name in self.known})
        return values

    def findings(self, given: Mapping[str, str]) -> Iterator[Finding]:
        """What AWS would refuse: names it does not know, values it does not take."""
        for name, value in given.items():
            parameter = self.known.get(name)
            if parameter is None:
                near = nearest(name, list(self.known))
                meant = f"{near} is the nearest one" if near else "template.yaml lists them"
                yield Finding(Level.ERROR, name, f"the template has no such parameter; {meant}")
            elif problem := parameter.problem(value):
                yield Finding(Level.ERROR, name, problem)
        for name, parameter in self.known.items():
            if parameter.default is None and name not in given:
                yield Finding(Level.ERROR, name, "it has no default, and no value is given")


@dataclass(frozen=True)
class Overrides:
    """The parameters that an environment gives, and the place where each is written."""

    values: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)

    def placed(self, finding: Finding) -> Finding:
        where = self.places.get(finding.about, finding.where)
        return Finding(finding.level, finding.about, finding.text, where)


def listed(text: str) -> tuple[str, ...]:
    """The items of a CommaDelimitedList."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def whole(values: Mapping[str, str], name: str, default: int = 0) -> int:
    """A parameter as a whole number; *default* where it is none."""
    found = _number(values.get(name))
    return default if found is None else int(found)


def nearest(name: str, known: Sequence[str]) -> str:
    """The one of *known* that somebody may have meant; empty where none is near."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), "")


def _number(value: Any) -> float | None:  # noqa: ANN401  what YAML has read
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) != float("inf") and number == number else None


def _whole(value: Any) -> int | None:  # noqa: ANN401  what YAML has read
    number = _number(value)
    return None if number is None else int(number)
