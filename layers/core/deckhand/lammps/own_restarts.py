"""The deck's own `restart` commands: one that names files by their step, one that uses two in turn.

Both may live at once (https://docs.lammps.org/restart.html).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

_NAMES: Final = 2
_KEYWORDS: Final = frozenset({"fileper", "nfile"})
_TWO: Final = 2


def names_of(command: list[str]) -> list[str]:
    """The names that a `restart` command gives: one, two, or none if it takes all back."""
    return list(takewhile(lambda word: word not in _KEYWORDS, command[_NAMES:]))


def uses_two(command: list[str]) -> bool:
    return len(names_of(command)) == _TWO


def takes_single(commands: Iterable[list[str]]) -> bool:
    """Whether the deck has taken the form that names files by their step."""
    return any(len(names_of(command)) == 1 for command in commands)


def shared(commands: Iterable[list[str]]) -> list[str]:
    """The command whose files we write too, since both ways to write any are taken; else none."""
    by_names = {len(names_of(command)): command for command in commands}
    return by_names.get(1, []) if _TWO in by_names else []


def can_be_shared(command: list[str]) -> bool:
    """Whether our restart files can stand for those of a command that names them by their step."""
    return not command[1].startswith("v_") and not any("%" in name for name in names_of(command))


def due_name(command: list[str], step: int) -> str:
    """The file that a command writes at *step*, if it writes one."""
    every = int(command[1])
    if every == 0 or step % every:
        return ""
    (root,) = names_of(command)
    return root.replace("*", str(step)) if "*" in root else f"{root}.{step}"


def written(command: list[str], first: int, last: int) -> int:
    """How many files a run from step *first* has written when it stands at *last*."""
    every = int(command[1]) if command[1].isdigit() else 0
    return last // every - first // every if every else 0


def begun_with_second(command: list[str]) -> list[str]:
    """The same command, but for the order of its two files."""
    first, second = names_of(command)
    return [*command[:_NAMES], second, first, *command[_NAMES + _TWO :]]
