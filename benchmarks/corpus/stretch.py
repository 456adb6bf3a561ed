"""Makes a deck shorter or longer: every run of it, in the same proportion."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deckhand.lammps.static import StaticVariables

_RUN: Final = re.compile(r"""(?m)(?P<before>(?:^|["'])[ \t]*run[ \t]+)(?P<body>[^"'#\n&]+)""")
_LENGTH: Final = re.compile(
    r"(?P<before>^|\b(?:start|stop|every)[ \t]+)"
    r"(?:(?P<number>\d+)|\$\{(?P<long>\w+)\}|\$(?P<short>\w)|v_(?P<name>\w+))(?=\s|$)"
)
_THERMO: Final = re.compile(r"(?m)^(?P<before>[ \t]*thermo[ \t]+)(?P<steps>[1-9]\d*)\b")
_AVERAGE: Final = re.compile(r"(?m)^[ \t]*fix[ \t]+\S+[ \t]+\S+[ \t]+ave/")
_VARIABLE_WORDS: Final = 3
_REACHES: Final = re.compile(r"(?m)^[ \t]*(?:include|jump)[ \t]+(\S+)")


def stretch(deck: str, factor: float) -> str:
    """Multiply the steps of every `run` with *factor*, and those between thermo rows if it is < 1.

    The lengths are those of `run N`, and of its `start`, `stop` and `every`, as numbers or as
    variables. Nothing else is changed: the length of an average or of a ramp may be what it is for,
    and thermo rows that show an average have to come when it does, the last one of a run too.
    """
    if factor == 1.0:
        return deck
    unit = _rows_interval(deck) if _AVERAGE.search(deck) else 1

    def length(match: re.Match[str]) -> str:
        if match["number"]:
            return f"{match['before']}{_scaled(int(match['number']), factor, unit)}"
        name = match["long"] or match["short"] or match["name"]
        return f"{match['before']}$(ceil(v_{name}*{factor / unit:g})*{unit}:%.0f)"

    def run(match: re.Match[str]) -> str:
        return match["before"] + _LENGTH.sub(length, match["body"])

    def thermo(match: re.Match[str]) -> str:
        return f"{match['before']}{_scaled(int(match['steps']), factor)}"

    stretched = _RUN.sub(run, deck)
    return _THERMO.sub(thermo, stretched) if factor < 1.0 and unit == 1 else stretched


def reached(folder: Path, name: str) -> Iterator[Path]:
    """The deck *name* and every script that it includes or jumps to, if it lies in the folder."""
    waiting, found = [name], set[Path]()
    while waiting:
        path = folder / waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        yield path
        waiting += _REACHES.findall(path.read_text(encoding="latin-1"))


def _rows_interval(deck: str) -> int:
    """Steps between thermo rows, of all `thermo` commands together."""
    variables = StaticVariables()
    found = [1]
    for line in deck.splitlines():
        command = variables.expand(line.partition("#")[0]).split()
        if command[:1] == ["variable"] and len(command) > _VARIABLE_WORDS:
            variables.define(command)
        elif command[:1] == ["thermo"] and command[1].isdigit() and int(command[1]):
            found.append(int(command[1]))
    return math.lcm(*found)


def _scaled(steps: int, factor: float, unit: int = 1) -> int:
    """A multiple of *unit*, unless that would be much too long."""
    rounded = unit if steps * factor * 2 >= unit else 1
    return math.ceil(steps * factor / rounded) * rounded
