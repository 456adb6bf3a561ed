"""Frames of finished trajectories: a wrong one is seen in every style."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deckhand.lammps.trajectory import TORN, Frame, frames, is_trajectory
from tests.engine import LMP, ONE_ATOM

DECK = (
    ONE_ATOM
    + """\
create_atoms 1 single 2 2 2
create_atoms 1 single 3 3 3
compute cell all property/grid 2 2 1 id ix
dump 1 all custom 10 native.dump id x
dump_modify 1 units yes time yes
dump 2 all grid 10 grid.dump c_cell:grid:data[1]
dump 3 all yaml 10 dump.yaml id x
dump 4 all xyz 10 plain.xyz
dump 5 all extxyz 10 extended.xyz
dump_modify 5 element Ar
dump 6 all dcd 10 melt.dcd
dump 7 all xtc 10 melt.xtc
dump 8 all custom 10 custom.bin id x
dump_modify 8 time yes
run 20
"""
)
SIZES = {
    "native.dump": 3,
    "grid.dump": 4,
    "dump.yaml": 3,
    "plain.xyz": 3,
    "extended.xyz": 3,
    "melt.dcd": (8 + 48) + 3 * (8 + 3 * 4),
    "melt.xtc": 3,
    "custom.bin": 199,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (folder / "in.deck").write_text(DECK)
    subprocess.run([LMP, "-in", "in.deck", "-screen", "none"], cwd=folder, check=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", SIZES)
def test_every_style_has_its_frames(written: Path, name: str) -> None:
    text = (written / name).read_bytes()
    assert list(frames(text)) == [Frame(step, SIZES[name]) for step in (0, 10, 20)]


@pytest.mark.parametrize("name", SIZES)
def test_a_lost_end_is_seen(written: Path, name: str) -> None:
    text = (written / name).read_bytes()
    for size in (len(text) - 9, len(text) - len(text) // 6):
        found = list(frames(text[:size]))
        assert found[0] == Frame(0, SIZES[name])
        assert TORN in found[-1] or len(found) < 3


@pytest.mark.parametrize("name", SIZES)
def test_a_doubled_frame_is_seen(written: Path, name: str) -> None:
    text = (written / name).read_bytes()
    head = 276 if name == "melt.dcd" else 0
    last = len(text) - (len(text) - head) // 3
    found = list(frames(text + text[last:]))
    assert found != list(frames(text))


def test_other_files_are_no_trajectories() -> None:
    for text in (b"", b"# title\n1 2\n", b"LAMMPS (22 Jul 2025)\n", b"LammpS RestartT\0"):
        assert not is_trajectory(text)
        assert list(frames(text)) == []
