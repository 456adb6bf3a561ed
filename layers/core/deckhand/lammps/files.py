"""Which files a command reads and which it writes, by the command's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from posixpath import dirname

from deckhand.lammps.styles import plain

_FIRST_ARGUMENT_READ = frozenset({"include", "read_data", "read_restart", "read_dump", "ndx2group"})
_FIRST_ARGUMENT_WRITTEN = frozenset({"write_data", "write_restart", "write_coeff", "log"})
_COEFFICIENTS = frozenset(
    {"pair_coeff", "bond_coeff", "angle_coeff", "dihedral_coeff", "improper_coeff"}
)
_WRITTEN_AT = {"dump": 5, "write_dump": 3, "pair_write": 7, "bond_write": 5, "angle_write": 5,
               "dihedral_write": 5, "group2ndx": 1, "region2vmd": 1}  # fmt: skip
_FILE = frozenset({"file", "append"})
_FILE_KEYWORDS = {"info": frozenset({"append", "overwrite"})}
_FIX_STYLE = 3
_OPTIONS_FROM = {"print": 2, "fix": 5, "info": 1}
_FIX_READS_AT = {"cmap": 4, "colvars": 4, "plumed": 5}
_FIX_WRITES_AT = {"reaxff/bonds": 5, "reaxff/species": 7, "reax/c/bonds": 5, "reax/c/species": 7}
_NUMBER = re.compile(r"[-+.\d]+(?:[eE][-+]?\d+)?")
_NAME = re.compile(r"[\w./+\-]+")
_LETTER = re.compile(r"[A-Za-z]")


def reads(command: list[str]) -> Iterator[str]:
    """Names of the files a command reads, as the deck gives them."""
    name = command[0]
    if name in _FIRST_ARGUMENT_READ or (name == "jump" and command[1:2] != ["SELF"]):
        yield from command[1:2]
    elif name == "variable" and command[2:3] in (["file"], ["atomfile"]):
        yield from command[3:4]
    elif name == "molecule" or name in _COEFFICIENTS:
        yield from (word for word in command[2:] if _is_file(word))
    elif name == "kspace_modify" and "file" in command[:-1]:
        yield command[command.index("file") + 1]
    elif name == "fix" and len(command) > _FIX_STYLE:
        yield from command[_FIX_READS_AT.get(plain(command[_FIX_STYLE]), len(command)) :][:1]
    elif name == "create_atoms" and "mesh" in command[:-1]:
        yield command[command.index("mesh") + 1]


def writes(command: list[str]) -> Iterator[str]:
    """Names of the files a command writes; they may hold `*` (step) or `%` (rank)."""
    name = command[0]
    if name in _FIRST_ARGUMENT_WRITTEN:
        yield from (word for word in command[1:2] if word != "none")
    elif name in _WRITTEN_AT:
        yield from command[_WRITTEN_AT[name] :][:1]
    elif name == "restart":
        yield from command[2:4]
    elif name in _OPTIONS_FROM:
        options, keywords = command[_OPTIONS_FROM[name] :], _FILE_KEYWORDS.get(name, _FILE)
        yield from (word for keyword, word in pairwise(options) if keyword in keywords)
        if name == "fix" and len(command) > _FIX_STYLE:
            yield from _written_by_fix(command)


def _written_by_fix(command: list[str]) -> Iterator[str]:
    style = plain(command[_FIX_STYLE])
    if style in _FIX_WRITES_AT:
        yield from command[_FIX_WRITES_AT[style] :][:1]
    yield from (f"{name}.{part}" for name in _of_colvars(command) for part in ("traj", "state"))
    if style.endswith("/species") and "position" in command[:-2]:
        yield command[command.index("position") + 2]


def begun_again(command: list[str]) -> Iterator[str]:
    """Patterns of the files that a resumed run begins again, as its contract says."""
    yield from (f"{name}.*" for name in _of_colvars(command))


def _of_colvars(command: list[str]) -> Iterator[str]:
    """What its output files begin with: https://docs.lammps.org/fix_colvars.html."""
    is_fix = command[0] == "fix" and len(command) > _FIX_STYLE
    if is_fix and plain(command[_FIX_STYLE]) == "colvars":
        output = next((word for keyword, word in pairwise(command) if keyword == "output"), "out")
        yield f"{output}.colvars"


def folders(command: list[str]) -> Iterator[str]:
    """The folders that have to exist before a command writes; an upload cannot carry empty ones."""
    yield from (dirname(name) for name in writes(command) if dirname(name))


def _is_file(word: str) -> bool:
    """Letters before and after a dot of the last part: `melt.data`, but not `1.5` and not `..`."""
    letter = _LETTER.search(word)
    if letter is None or not _NAME.fullmatch(word) or _NUMBER.fullmatch(word):
        return False
    dot = word.find(".", max(letter.start(), word.rfind("/") + 1))
    return dot >= 0 and _LETTER.search(word, dot) is not None
