"""Decks as people write them, interrupted on their way: nobody must see it in the outputs.

Molecular dynamics is chaotic: two runs of one deck differ after a few hundred steps, however they
were begun. So the rows, frames and lines are compared throughout, but their values only where they
have to agree: at the beginning, and between a lost attempt and the one that took over from it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deckhand.lammps.preflight import check_folder
from deckhand.lammps.thermo import read_rows
from tests.runner.conftest import Cloud
from tests.runner.decks import journey
from tests.runner.seams import assert_same_values, assert_seamless, first_table

Undisturbed = Callable[[dict[str, str], str], dict[str, bytes]]

JOURNEYS = {
    "again": [("loss", 2), ("term", 1)],
    "averages": [("notice", 1), ("loss", 1)],
    "chains": [("loss", 1), ("term", 1)],
    "ladder": [("loss", 1), ("notice", 2)],
    "logs": [("loss", 1), ("loss", 2)],
    "molecules/sub": [("term", 1), ("loss", 1)],
    "pulling": [("notice", 1), ("loss", 1)],
    "restarts": [("loss", 1), ("notice", 1)],
    "shear": [("term", 1), ("loss", 1)],
    "tables": [("loss", 1), ("term", 1)],
    "trajectories": [("loss", 2), ("notice", 1)],
}
"""How the attempts of each deck end, and after how many checkpoints of their own."""

NEAR_BY = 100
"""Steps in which the last digits of two computations do not grow into the first ones."""

STEADY = ("averages", "chains", "trajectories")
"""One system, whose steps only grow and whose box does not drive the forces between checkpoints."""


@pytest.mark.parametrize("name", JOURNEYS)
def test_interruptions_leave_no_trace(
    cloud: Cloud, undisturbed: Undisturbed, tmp_path: Path, name: str
) -> None:
    files, deck = journey(name)
    cloud.options = {
        "CHECKPOINT_SECONDS": "0.3",
        "STATUS_SECONDS": "0.05",
        "NOTICE_POLL_SECONDS": "0.1",
    }
    cloud.admit(files, deck)
    with ThreadPoolExecutor() as pool:
        elsewhere = pool.submit(undisturbed, files, deck)
        last = cloud.carry(JOURNEYS[name])
        expected = elsewhere.result()
    assert check_folder(tmp_path / "undisturbed", deck).ok
    got = cloud.results(last)
    assert last > 1
    assert_seamless(got, expected)
    if name in STEADY:
        rows, others = (read_rows(files["log.lammps"]) for files in (got, expected))
        for row, other in zip(rows, others, strict=True):
            if row.step <= NEAR_BY:
                assert_same_values(row, other, 1e-6)
        assert_taken_over(cloud, last)


def assert_taken_over(cloud: Cloud, last: int) -> None:
    """Where an attempt went on behind its last checkpoint, its heir computed the same."""
    for attempt in range(2, last + 1):
        status = cloud.status(attempt)
        assert status is not None
        if status.resumed_from is None:
            continue
        parent = next(item for item in cloud.checkpoints() if str(item) == status.resumed_from)
        begin = cloud.manifest(parent).time_step
        lost = {row.step: row for row in read_rows(cloud.local(parent.attempt, "log.lammps"))}
        for row in first_table(cloud.local(attempt, "log.lammps")):
            if begin <= row.step <= begin + NEAR_BY and row.step in lost:
                assert_same_values(row, lost[row.step], 1e-5)
