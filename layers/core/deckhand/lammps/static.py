"""Variables of a deck as far as they are known without running it."""

from __future__ import annotations

import ast
import contextlib
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Final

from deckhand.lammps.errors import DeckError
from deckhand.lammps.script import replaced


def _rounded(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)


_OPERATORS: Final[dict[type[ast.AST], Callable[..., float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: math.fmod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "round": _rounded,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log10,
    "abs": abs,
}
_LEFT_ALONE: Final = frozenset({"index", "loop", "file", "atomfile"})
"""Styles whose definition changes nothing where there is a variable of that name."""

_LONGEST: Final = 400
_LONGEST_VALUE: Final = 4096
_MOST_ADDED: Final = 1_000_000
"""Values are made of values: without bounds, sixty lines ask for more memory than there is."""

_FORM: Final = re.compile(r"%[0 ]?[0-9]{0,2}\.[0-9]{1,2}[efgEFG]")
"""Formats that LAMMPS takes in `$(formula:format)`; its own is `%.20g`."""


class StaticVariables:
    """Values of index, string, loop and constant equal-style variables, as the text goes.

    *given* are those that the deck is given from outside, with the first of their values.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, str] = dict(given or {})
        self._given = {*self._values}

    def define(self, command: list[str]) -> None:
        """Take note of a `variable` command."""
        name, style, rest = command[1], command[2], command[3:]
        if style == "index" and name in self._values:
            return
        if style in _LEFT_ALONE and name in self._given:
            return
        self._given.discard(name)
        value = self._first_value(style, rest) if rest else None
        if value is None or len(value) > _LONGEST_VALUE:
            self._values.pop(name, None)
        else:
            self._values[name] = value

    def _first_value(self, style: str, rest: list[str]) -> str | None:
        if style == "index":
            return rest[0]
        if style == "string":
            with contextlib.suppress(DeckError):
                return self.expand(rest[0])
        if style == "loop":
            return rest[0] if len(rest) > 1 and rest[1] != "pad" else "1"
        if style == "equal":
            return _printed(self.number("".join(rest)))
        return None

    def expand(self, text: str) -> str:
        """Replace the references whose values are known; the others stay as they are."""
        left = _MOST_ADDED

        def value_of(reference: str) -> str:
            nonlocal left
            value = self._value(reference) if left > 0 else None
            left -= len(value or "")
            return reference if value is None else value

        return replaced(text, value_of)

    def number(self, formula: str) -> float | None:
        """The value of a formula of numbers and known variables, else None; always finite."""
        if len(formula) > _LONGEST:
            return None
        known = re.sub(r"\bv_(\w+)", lambda m: self._values.get(m[1], m[0]), formula)
        if len(known) > _LONGEST:
            return None
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(known.replace("^", "**").strip(), mode="eval")
            value = _evaluate(tree.body)
        except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError):
            return None
        return value if math.isfinite(value) else None

    def _value(self, reference: str) -> str | None:
        if reference.startswith("${"):
            return self._values.get(reference[2:-1])
        if reference.startswith("$("):
            formula, colon, form = reference[2:-1].rpartition(":%")
            if not colon:
                formula, form = form, ".20g"
            value = self.number(formula)
            return f"%{form}" % value if value is not None and _FORM.fullmatch(f"%{form}") else None
        return self._values.get(reference[1:])


def _evaluate(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return math.pow(_evaluate(node.left), _evaluate(node.right))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.left), _evaluate(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.operand))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        function, arguments = _FUNCTIONS.get(node.func.id), node.args
        if function is not None and len(arguments) == 1:
            return float(function(_evaluate(arguments[0])))
    raise ValueError("not a constant")


def _printed(value: float | None) -> str | None:
    """LAMMPS prints equal-style values with %.15g."""
    return None if value is None else f"{value:.15g}"
