"""Restart files inside a run: each is found once, kept without a copy, or gone."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from deckhand.lammps.pacing import ControlFiles
from deckhand.lammps.restart_file import MAGIC
from deckhand.lammps.run_restarts import RunRestarts

HEAD = struct.pack("<4i", 1, 2, 0, 8) + b"22 Jul\0\0" + struct.pack("<i", 5)


def whole(step: int) -> bytes:
    return MAGIC + HEAD + struct.pack("<q", step) + b"atoms" + MAGIC


@pytest.fixture
def restarts(tmp_path: Path) -> RunRestarts:
    (tmp_path / "control").mkdir()
    (tmp_path / "deck").mkdir()
    return RunRestarts(ControlFiles(tmp_path / "control"), tmp_path / "deck")


def write(restarts: RunRestarts, name: str, content: bytes) -> Path:
    path = restarts.control.directory / name
    path.write_bytes(content)
    return path


def names(restarts: RunRestarts) -> set[str]:
    return {path.name for path in restarts.control.directory.iterdir()}


def test_whole_files_come_once_and_in_the_order_of_their_steps(restarts: RunRestarts) -> None:
    restarts.begin(50)
    late = write(restarts, "auto.300.restart", whole(300))
    early = write(restarts, "auto.100.restart", whole(100))
    torn = write(restarts, "auto.200.restart", whole(200)[:-1])
    assert restarts.come() == [(100, early), (300, late)]
    restarts.drop(early)
    assert restarts.keep(late, 300) == restarts.control.directory / "snapshot-1-300.restart"
    assert restarts.come() == []
    torn.write_bytes(whole(200))
    assert restarts.come() == [(200, torn)]
    assert names(restarts) == {"auto.200.restart", "snapshot-1-300.restart"}


def test_what_a_run_before_has_left_is_not_of_this_one(restarts: RunRestarts) -> None:
    write(restarts, "auto.300.restart", whole(300))
    restarts.begin(300)
    assert names(restarts) == set()
    write(restarts, "auto.290.restart", whole(290))
    assert restarts.come() == []
    assert names(restarts) == set()


def test_one_of_two_used_in_turn_is_copied_and_comes_again_when_it_is_new(
    restarts: RunRestarts,
) -> None:
    first, _ = restarts.control.toggles
    first.write_bytes(whole(100))
    restarts.begin(100)
    assert restarts.come() == []
    first.write_bytes(whole(200))
    assert restarts.come() == [(200, first)]
    kept = restarts.keep(first, 200)
    assert kept is not None
    assert (kept.read_bytes(), first.read_bytes()) == (whole(200), whole(200))
    assert restarts.come() == []


def test_one_that_is_written_again_meanwhile_is_not_kept(restarts: RunRestarts) -> None:
    first, _ = restarts.control.toggles
    restarts.begin(0)
    first.write_bytes(whole(200))
    assert restarts.come() == [(200, first)]
    first.write_bytes(whole(400)[:-3])
    assert restarts.keep(first, 200) is None


def test_the_deck_is_given_the_files_that_ours_stand_for(restarts: RunRestarts) -> None:
    restarts.shared = ["restart", "100", "own.*.restart"]
    restarts.begin(0)
    write(restarts, "auto.150.restart", whole(150))
    write(restarts, "auto.200.restart", whole(200))
    assert [step for step, _ in restarts.come()] == [150, 200]
    assert [path.name for path in restarts.cwd.iterdir()] == ["own.200.restart"]
