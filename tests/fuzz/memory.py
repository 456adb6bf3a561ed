"""An engine in memory: variables, comparisons and steps, enough to carry any deck nowhere."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

from deckhand.lammps.errors import EngineDiedError, Place
from deckhand.lammps.script import replaced, without_comment, words
from deckhand.lammps.static import StaticVariables

FILE_LINES: Final = ("first", "second line", "third")
MOST_TURNS: Final = 1_000
BREATH: Final = 100
"""Turns that it costs when the interpreter only shows that it is alive."""


class EnoughError(Exception):
    """The deck does not come to an end in the time it is given."""


@dataclass
class MemoryEngine:
    """Conditions that are no comparison are true or false by their letters.

    The run that passes the step *halt* ends there, once.
    """

    now: int = 0
    halt: int | None = None
    halted: bool = False
    sent: list[str] = field(default_factory=list)
    variables: dict[str, list[str]] = field(default_factory=dict)
    left: int = MOST_TURNS

    def send(self, command: str, place: Place | None = None) -> None:
        self._turn()
        self.sent.append(command)
        parts = words(without_comment(command))
        if parts[0] == "variable":
            self._define(parts)
        elif parts[0] == "next":
            self._advance(parts[1:])
        elif parts[0] == "run":
            self._run(int(parts[1]))
        elif parts[0] == "reset_timestep" and parts[1:2] and parts[1].isdecimal():
            self.now = int(parts[1])

    def ask(self, text: str) -> str:
        self._turn(1 if text else BREATH)
        return replaced(text, self._value)

    def holds(self, condition: str) -> bool:
        text = self.ask(condition)
        for sign, equal in (("==", True), ("!=", False)):
            left, found, right = text.partition(sign)
            if found:
                return (left.strip() == right.strip()) is equal
        return zlib.crc32(text.encode(errors="replace")) % 2 == 1

    def step(self) -> int:
        self._turn()
        return self.now

    def _turn(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise EnoughError

    def _run(self, target: int) -> None:
        first = self.now
        if self.halt is not None and not self.halted and first < self.halt < target:
            self.halted, self.now = True, self.halt
        else:
            self.now = target

    def _define(self, parts: list[str]) -> None:
        if len(parts) < 3:
            raise EngineDiedError("Illegal variable command", 1)
        _, name, style, *rest = parts
        if style == "delete":
            self.variables.pop(name, None)
        elif not rest:
            raise EngineDiedError("Illegal variable command", 1)
        elif style in ("index", "loop", "file", "atomfile") and name in self.variables:
            return
        elif style == "file":
            self.variables[name] = list(FILE_LINES)
        elif style == "loop":
            self.variables[name] = _counted(rest)
        else:
            self.variables[name] = rest

    def _advance(self, names: list[str]) -> None:
        if any(name not in self.variables for name in names):
            raise EngineDiedError("Invalid variable in next command", 1)
        for name in names:
            self.variables[name] = self.variables[name][1:]
        for name in names:
            if not self.variables.get(name, ["named twice"]):
                del self.variables[name]

    def _value(self, reference: str) -> str:
        if reference.startswith("$("):
            return self._number(reference[2:-1].partition(":%")[0])
        values = self.variables.get(reference.strip("${}"))
        if not values:
            raise EngineDiedError(f"Substitution for illegal variable {reference}", 1)
        return values[0]

    def _number(self, formula: str) -> str:
        if formula.startswith("is_defined(variable,"):
            return str(int(formula[20:-1] in self.variables))
        if formula == "step":
            return str(self.now)
        value = StaticVariables().number(formula)
        return "0" if value is None else f"{value:.15g}"


def _counted(rest: list[str]) -> list[str]:
    numbers = [word for word in rest if word != "pad"]
    if not numbers or not all(word.isascii() and word.isdecimal() for word in numbers):
        raise EngineDiedError("Illegal variable command", 1)
    first, last = (1, int(numbers[0])) if len(numbers) == 1 else map(int, numbers[:2])
    if not first <= last < first + MOST_TURNS:
        raise EngineDiedError("Illegal variable loop command", 1)
    width = len(str(last)) if "pad" in rest else 0
    return [str(number).zfill(width) for number in range(first, last + 1)]
