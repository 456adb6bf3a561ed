"""The coefficients of a data file: what LAMMPS takes from it, as commands."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from deckhand.lammps.data_file import note_coefficients
from deckhand.lammps.errors import Place
from deckhand.lammps.journal import Journal
from deckhand.lammps.script import words

DATA = """LAMMPS data file # Bond Coeffs

2 atoms
2 atom types
1 angle types

Masses

1 1.0
2 2.0

Pair Coeffs # hybrid

1 lj/cut 1.0 1.1   # beads
2 none

Bond Coeffs

1 harmonic 300.0 0.97

Angle Coeffs # hybrid

1 class2 110.7 41.4 -10.6 5.1

BondBond Coeffs

1 class2 3.3 1.5 1.1

BondAngle Coeffs

1 20.0 30.0 1.5 1.1

Atoms # molecular

1 1 1 0.0 0.0 0.0
2 1 2 1.0 0.0 0.0
"""
PAIRS = ["pair_coeff 1 1 lj/cut 1.0 1.1", "pair_coeff 2 2 none"]
ANGLES = [
    "angle_coeff 1 class2 110.7 41.4 -10.6 5.1",
    "angle_coeff 1 class2 bb 3.3 1.5 1.1",
    "angle_coeff 1 ba 20.0 30.0 1.5 1.1",
]


def noted(folder: Path, command: str, *styles: str) -> Journal:
    journal = Journal(deck="in.deck")
    for text in styles:
        journal.record(words(text), text, Place("in.deck", 1))
    note_coefficients(journal, words(command), folder)
    return journal


def texts(journal: Journal) -> list[str]:
    return [setting.text for setting in journal.settings if setting.key[0].endswith("_coeff")]


def test_what_no_restart_file_keeps_is_noted_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.data").write_text(DATA)
    journal = noted(tmp_path, "read_data a.data", "pair_style lj/cut 2", "bond_style harmonic")
    assert texts(journal) == PAIRS
    assert str(journal.settings[-1].place) == "a.data, line 15"
    styles = ("bond_style hybrid harmonic fene", "angle_style hybrid class2 cosine")
    journal = noted(tmp_path, "read_data a.data", *styles)
    assert texts(journal) == [*PAIRS, "bond_coeff 1 harmonic 300.0 0.97", *ANGLES]


def test_types_are_moved_as_lammps_moves_them(tmp_path: Path) -> None:
    text = "t\n\nPairIJ Coeffs\n\n1 2 1.0 1.0\nC H 2.0 1.0\n\nBond Coeffs\n\n1 fene 30 1.5 1 1\n"
    (tmp_path / "a.data").write_text(text)
    command = "read_data a.data add append offset 3 2 0 0 0"
    assert texts(noted(tmp_path, command, "bond_style hybrid fene morse")) == [
        "pair_coeff 4 5 1.0 1.0",
        "pair_coeff C H 2.0 1.0",
        "bond_coeff 3 fene 30 1.5 1 1",
    ]


def test_a_packed_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.data.gz").write_bytes(gzip.compress(DATA.encode()))
    assert texts(noted(tmp_path, "read_data a.data.gz")) == PAIRS


@pytest.mark.parametrize(
    "command", ["read_data a.data nocoeff", "read_data gone.data", "write_data a.data", "run 5"]
)
def test_nothing_is_noted_of_other_commands(tmp_path: Path, command: str) -> None:
    (tmp_path / "a.data").write_text(DATA)
    assert texts(noted(tmp_path, command)) == []
