"""Decks as people write them, interrupted on their way: nobody must see it in the outputs.

Molecular dynamics is chaotic: two runs of one deck differ after a few hundred steps, however they
were begun. So the rows, frames and lines are compared with those of an undisturbed run, and the
values of the rows with those of the control: see `deckhand.lammps.control`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deckhand.lammps.comparison import UNPHYSICAL, followed, read_log
from deckhand.lammps.control import run_control
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.thermo import Row, read_rows
from tests.runner.conftest import ENGINE, Cloud, often
from tests.runner.decks import journey
from tests.runner.seams import assert_seamless

Undisturbed = Callable[[dict[str, str], str], dict[str, bytes]]

JOURNEYS = {
    "again": [("loss", 2), ("term", 1)],
    "averages": [("notice", 1), ("loss", 1)],
    "bare": [("notice", 1), ("loss", 2)],
    "chains": [("loss", 1), ("term", 1)],
    "films": [("loss", 2), ("notice", 1)],
    "hybrids": [("loss", 3), ("notice", 1)],
    "ladder": [("loss", 1), ("notice", 2)],
    "logs": [("loss", 1), ("loss", 2)],
    "molecules/sub": [("term", 1), ("loss", 1)],
    "profile": [("loss", 1), ("notice", 2)],
    "pulling": [("notice", 1), ("loss", 1)],
    "respa": [("loss", 1), ("term", 2)],
    "restarts": [("loss", 1), ("notice", 1)],
    "shear": [("term", 1), ("loss", 1)],
    "sums": [("loss", 1), ("term", 1)],
    "tables": [("loss", 1), ("term", 1)],
    "trajectories": [("loss", 2), ("notice", 1)],
    "walls": [("notice", 2), ("loss", 2)],
}
"""How the attempts of each deck end, and after how many checkpoints of their own."""

ROUNDED = ("shear", "averages")
"""LAMMPS rounds positions anew: a triclinic box that changes, chunks in reduced units."""

WITH_NOISE = ("ladder",)
"""Draws random numbers outside of fixes, which the control cannot draw again."""

WITHOUT_STEPS = ("bare",)
"""Its rows cannot be told from those at which the control was cut."""


@pytest.mark.parametrize("name", JOURNEYS)
def test_interruptions_leave_no_trace(
    cloud: Cloud, undisturbed: Undisturbed, tmp_path: Path, name: str
) -> None:
    files, deck = journey(name)
    expected = undisturbed(files, deck)
    cloud.options = often(expected)
    cloud.admit(files, deck)
    last = cloud.carry(JOURNEYS[name])
    assert check_folder(tmp_path / "undisturbed", deck).ok
    got = cloud.results(last)
    assert last > 1
    assert_seamless(got, expected)
    if name not in (*ROUNDED, *WITH_NOISE, *WITHOUT_STEPS):
        assert_like_control(cloud, last, files, deck, tmp_path / "control")


def assert_like_control(
    cloud: Cloud, last: int, files: dict[str, str], deck: str, folder: Path
) -> None:
    """Every thermo row in every printed digit."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    environment = {**os.environ, **ENGINE.environment}
    lineage = cloud.completion(last).segments
    run_control([str(ENGINE.lmp)], environment, folder, deck, lineage)
    for path, text in cloud.results(last).items():
        if b"Loop time of" not in text:
            continue
        rows = read_rows(text)
        for row, other in zip(rows, followed(rows, read_log(folder / path)), strict=True):
            assert other is not None, (path, row.step)
            assert physical(row) == physical(other), (path, row.step)


def physical(row: Row) -> dict[str, str]:
    return {
        column: value
        for column, value in zip(row.columns, row.values, strict=True)
        if column not in UNPHYSICAL
    }
