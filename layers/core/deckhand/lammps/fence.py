"""What no command may do, whatever the deck's variables have made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Final

from deckhand.domain.run import Contract
from deckhand.lammps import contract, files
from deckhand.lammps.errors import DeckError
from deckhand.lammps.preflight import LEAST_WORDS
from deckhand.lammps.script import Script

_ABSOLUTE: Final = re.compile(r"/[\w.]|~\w*/")
_OF_TEXT: Final = frozenset({"print", "variable", "echo", "label", "info"})
"""Their words are text or formulas, in which a `/` is no path."""


def refusal(command: list[str], folder: str) -> str | None:
    """Why LAMMPS is not given *command*, of a deck in *folder* of the drop, if so.

    Reading the deck has refused the same; here the values of its variables are known.
    """
    if len(command) < LEAST_WORDS.get(command[0], 1):
        return None  # LAMMPS finds the words for that
    for promise in contract.promises(command):
        if promise.contract is Contract.REFUSED:
            return promise.reason
    name = next((word for word in _paths(command) if leaves(word, folder)), None)
    return OUTSIDE.format(name=name) if name is not None else None


OUTSIDE: Final = "{name} is outside the deck's folder. Use a path inside it."


def leaves(name: str, folder: str) -> bool:
    """Whether a file *name* of a deck in *folder* lies outside the drop."""
    inside = normpath(PurePosixPath(folder) / name)
    return _ABSOLUTE.match(name) is not None or inside == ".." or inside.startswith("../")


def fenced(read: Callable[[str], Script], folder: str) -> Callable[[str], Script]:
    """Reads the scripts of a deck in *folder* of the drop, and no other file of this machine."""

    def read_inside(file: str) -> Script:
        if leaves(file, folder):
            raise DeckError(OUTSIDE.format(name=file))
        return read(file)

    return read_inside


def _paths(command: list[str]) -> Iterator[str]:
    """The words of a command that may name files; not only where a style is known to read one."""
    yield from files.reads(command)
    yield from files.writes(command)
    if command[0] not in _OF_TEXT and command[3:4] != ["print"]:
        yield from command[1:]
