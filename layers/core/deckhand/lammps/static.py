"""Variables of a deck as far as they are known without running it."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Final

from deckhand.lammps.script import references, spans

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
    "round": round,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log10,
    "abs": abs,
}
_LONGEST: Final = 400


class StaticVariables:
    """Values of index, string, loop and constant equal-style variables, as the text goes."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def define(self, command: list[str]) -> None:
        """Take note of a `variable` command."""
        name, style, rest = command[1], command[2], command[3:]
        if style == "delete":
            self._values.pop(name, None)
        elif style == "index" and name in self._values:
            return
        elif style in ("index", "string") and rest:
            self._values[name] = rest[0]
        elif style == "loop" and rest:
            self._values[name] = rest[0] if len(rest) > 1 and rest[1] != "pad" else "1"
        elif style == "equal" and rest:
            value = self.number("".join(rest))
            if value is None:
                self._values.pop(name, None)
            else:
                self._values[name] = _printed(value)
        else:
            self._values.pop(name, None)

    def expand(self, text: str) -> str:
        """Replace the references whose values are known; the others stay as they are."""
        return "".join(
            span.text if span.quoted else self.expand_quoted(span.text) for span in spans(text)
        )

    def expand_quoted(self, text: str) -> str:
        """The same for a text that LAMMPS expands inside its quotes (`if`)."""
        parts: list[str] = []
        position = 0
        for reference in references(text):
            value = self._value(reference.text)
            parts += text[position : reference.begin], reference.text if value is None else value
            position = reference.end
        return "".join([*parts, text[position:]])

    def number(self, formula: str) -> float | None:
        """The value of a formula of numbers and known variables, else None; always finite."""
        if len(formula) > _LONGEST:
            return None
        known = re.sub(r"\bv_(\w+)", lambda m: self._values.get(m[1], m[0]), formula)
        try:
            tree = ast.parse(known.replace("^", "**").strip(), mode="eval")
            value = _evaluate(tree.body)
        except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError):
            return None
        return value if math.isfinite(value) else None

    def _value(self, reference: str) -> str | None:
        if reference.startswith("${"):
            return self._values.get(reference[2:-1])
        if reference.startswith("$("):
            formula, _, form = reference[2:-1].partition(":")
            value = self.number(formula)
            if value is None:
                return None
            return _printed(float(round(value)) if form.endswith(("d", ".0f")) else value)
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


def _printed(value: float) -> str:
    """LAMMPS prints equal-style values with %.15g."""
    return f"{value:.15g}"
