"""The coefficients of a data file, as the commands that give the same.

A restart file has none for the sub-styles of hybrid styles, nor any for a pair style that is told
again, so a resumed run is told them like those of the deck. Sections and their words:
https://docs.lammps.org/read_data.html.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from deckhand.lammps.errors import Place
from deckhand.lammps.journal import Journal
from deckhand.lammps.script import quoted, words


class _Section(NamedTuple):
    """The command of a section's lines, how many types they begin with, and the term they add."""

    command: str
    types: int = 1
    term: str = ""


_SECTIONS: Final = {
    "Pair Coeffs": _Section("pair_coeff"),
    "PairIJ Coeffs": _Section("pair_coeff", 2),
    "Bond Coeffs": _Section("bond_coeff"),
    "Angle Coeffs": _Section("angle_coeff"),
    "BondBond Coeffs": _Section("angle_coeff", term="bb"),
    "BondAngle Coeffs": _Section("angle_coeff", term="ba"),
    "Dihedral Coeffs": _Section("dihedral_coeff"),
    "MiddleBondTorsion Coeffs": _Section("dihedral_coeff", term="mbt"),
    "EndBondTorsion Coeffs": _Section("dihedral_coeff", term="ebt"),
    "AngleTorsion Coeffs": _Section("dihedral_coeff", term="at"),
    "AngleAngleTorsion Coeffs": _Section("dihedral_coeff", term="aat"),
    "BondBond13 Coeffs": _Section("dihedral_coeff", term="bb13"),
    "Improper Coeffs": _Section("improper_coeff"),
    "AngleAngle Coeffs": _Section("improper_coeff", term="aa"),
}
_OFFSETS: Final = ("pair_coeff", "bond_coeff", "angle_coeff", "dihedral_coeff", "improper_coeff")


def note_coefficients(journal: Journal, command: list[str], folder: Path) -> None:
    """Take note of what a `read_data` of a deck in *folder* has told LAMMPS of its force field."""
    if command[0] != "read_data" or "nocoeff" in command:
        return
    path = folder / command[1]
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as lines:
            found = list(_coefficients(lines, _offsets(command)))
    except OSError:
        return  # LAMMPS has read it all the same: by a program of its own
    wanted = {"pair_coeff", *_of_hybrids(journal)}
    for number, told in found:
        if told[0] in wanted:
            journal.record(told, " ".join(map(quoted, told)), Place(command[1], number))


def _of_hybrids(journal: Journal) -> Iterator[str]:
    for coefficient in _OFFSETS:
        styles = journal.of(f"{coefficient.removesuffix('_coeff')}_style")
        if any(style.words[1].startswith("hybrid") for style in styles):
            yield coefficient


def _offsets(command: list[str]) -> dict[str, int]:
    """What is added to the types of each kind: `offset toff boff aoff doff ioff`."""
    at = command.index("offset") + 1 if "offset" in command else len(command)
    numbers = (int(word) for word in command[at : at + len(_OFFSETS)])
    return dict(zip(_OFFSETS, numbers, strict=False))


def _coefficients(lines: Iterable[str], offsets: dict[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers, and the words of the commands."""
    section, begun = None, False
    for number, line in enumerate(lines, start=1):
        bare = line.split("#", 1)[0].strip()
        if section is None:
            section = _SECTIONS.get(bare)
        elif bare:
            begun = True
            yield number, _told(section, words(bare), offsets.get(section.command, 0))
        elif begun:  # an empty line stands in front of a section's lines, and behind them
            section, begun = None, False


def _told(section: _Section, line: list[str], offset: int) -> list[str]:
    types = [_moved(word, offset) for word in line[: section.types]]
    rest = line[section.types :]
    if section.command == "pair_coeff" and section.types == 1:
        types *= 2
    if section.term:
        # Behind the name of the sub-style, where there is one.
        style = [word for word in rest[:1] if word[:1].islower()]
        rest = [*style, section.term, *rest[len(style) :]]
    return [section.command, *types, *rest]


def _moved(word: str, offset: int) -> str:
    return str(int(word) + offset) if offset and word.isdecimal() else word
