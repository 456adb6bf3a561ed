"""Conditions of `if` as far as they can be told without running the deck.

https://docs.lammps.org/if.html. What is not of the plain kind, `"${restart} == 1 && ${n} > 0"`, is
left open, and so is what depends on a variable that changes as the deck goes.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_COMPARED: Final = re.compile(r"\s*([^\s<>=!|&()^]+)\s*(==|!=|<=|>=|<|>)\s*([^\s<>=!|&()^]+)\s*")
_ALONE: Final = re.compile(r"\s*([-.\w]+)\s*")
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORD: Final = re.compile(r"[A-Za-z]\S*")
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_ADVANCED: Final = re.compile(r"\bnext\s+([\w \t]+)")
_DEFINED: Final = re.compile(r"\bvariable\s+(\S+)\s+(.*)")
_INDEX: Final = "index "
_ENTERED: Final = re.compile(r"^[ \t]*(?:include|jump)[ \t]+(?!SELF\b)([^\s\"'#]+)", re.MULTILINE)
_NAMED: Final = re.compile(r"\$\{(\w+)\}|\$(\w)|\bv_(\w+)")


def holds(condition: str) -> bool | None:
    """Whether a condition without references is true; None where that is not told."""
    if "$" in condition:
        return None
    verdict = False
    for alternative in condition.split("||"):
        terms = [_term(term) for term in alternative.split("&&")]
        if None in terms:
            return None
        verdict = verdict or all(terms)
    return verdict


def _term(text: str) -> bool | None:
    if found := _COMPARED.fullmatch(text):
        left, right = _number(found[1]), _number(found[3])
        if left is not None and right is not None:
            return _OPERATORS[found[2]](left, right)
        if all(map(_WORD.fullmatch, found.group(1, 3))) and found[2] in ("==", "!="):
            return (found[1] == found[3]) is (found[2] == "==")
    elif found := _ALONE.fullmatch(text):
        number = _number(found[1])
        return None if number is None else number != 0.0
    return None


def _number(word: str) -> float | None:
    return float(word) if _NUMBER.fullmatch(word) else None


def taken(command: list[str], expand: Callable[[str], str]) -> list[str] | None:
    """The commands of the branch that an `if` takes; None where that is not told.

    *expand* replaces the references in its conditions.
    """
    for condition, branch in _branches(command):
        verdict = holds(expand(condition))
        if verdict is None:
            return None
        if verdict:
            return branch
    return []


def every_branch(command: list[str]) -> list[str]:
    """The commands of all branches of an `if`."""
    return [text for _, branch in _branches(command) for text in branch]


def _branches(command: list[str]) -> Iterator[tuple[str, list[str]]]:
    condition, branch = command[1] if len(command) > 1 else "0", list[str]()
    rest = iter(command[2:])
    for word in rest:
        if word in ("elif", "else"):
            yield condition, branch
            condition, branch = next(rest, "0") if word == "elif" else "1", []
        elif word != "then":
            branch.append(word)
    yield condition, branch


def changing(
    deck: str, read: Callable[[str], str | None], given: Mapping[str, str] | None = None
) -> frozenset[str] | None:
    """Names of the variables of *deck* that have more than one value; None if that is not told.

    Those that `next` advances or that are defined twice, and those that are made of such. *read*
    gives the text of a script, None if it is not there. *given* are the first values of the
    variables that are there before the deck, whose definitions by `index` change nothing.
    """
    advanced: set[str] = set()
    made_of = {name: [f"{_INDEX}{value}"] for name, value in (given or {}).items()}
    waiting, seen = [deck], set[str]()
    while waiting:
        name = _NAMED.sub(lambda found: _value(found, made_of), waiting.pop())
        text = None if name in seen else read(name)
        if name not in seen and text is None:
            return None
        seen.add(name)
        for found in _ADVANCED.finditer(text or ""):
            advanced.update(found[1].split())
        for found in _DEFINED.finditer(text or ""):
            if found[1] not in (given or {}) or not found[2].startswith(_INDEX):
                made_of.setdefault(found[1], []).append(found[2])
        waiting += _ENTERED.findall(text or "")
    advanced |= {name for name, texts in made_of.items() if len(texts) > 1}
    while more := {name for name in made_of if names_in(made_of[name][0]) & advanced} - advanced:
        advanced |= more
    return None if any("$" in name for name in made_of) else frozenset(advanced)


def _value(reference: re.Match[str], made_of: dict[str, list[str]]) -> str:
    """What a variable in the name of a script stands for."""
    texts = made_of.get(reference[1] or reference[2] or "", [""])
    return " ".join(texts[0].split()[1:2]).strip("'\"")


def names_in(text: str) -> set[str]:
    """The variables that a text refers to, inside quotes or not."""
    return {name for found in _NAMED.findall(text) for name in found if name}
