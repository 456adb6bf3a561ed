"""Restart files: a whole one tells its step, anything else tells nothing."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.restart_file import MAGIC, restart_step, write_seconds
from tests.engine import LMP

STEP = 3_000_000_123

DECK = f"""
units           lj
region          box block 0 4 0 4 0 4
create_box      1 box
create_atoms    1 single 1 1 1
mass            1 1.0
reset_timestep  {STEP}
write_restart   melt.restart
"""


@pytest.fixture(scope="module")
def restart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restart")
    subprocess.run(
        [LMP, "-log", "none", "-screen", "none"],
        input=DECK.encode(),
        cwd=folder,
        check=True,
        timeout=60,
    )
    return folder / "melt.restart"


def test_the_step_of_a_file_that_lammps_wrote(restart: Path) -> None:
    assert restart_step(restart) == STEP


@pytest.mark.parametrize("kept", [0, 1, 16, 40, 200, -1, -16, -17])
def test_a_torn_file_has_no_step(restart: Path, tmp_path: Path, kept: int) -> None:
    torn = tmp_path / "torn.restart"
    torn.write_bytes(restart.read_bytes()[:kept])
    assert restart_step(torn) is None


def test_a_file_that_is_being_written_again_has_no_step(restart: Path, tmp_path: Path) -> None:
    body = restart.read_bytes()
    half = tmp_path / "half.restart"
    half.write_bytes(b"\0" * 16 + body[16:])
    assert restart_step(half) is None


def test_a_missing_file_and_a_folder_have_no_step(tmp_path: Path) -> None:
    assert restart_step(tmp_path / "none.restart") is None
    assert restart_step(tmp_path) is None


def test_a_file_of_the_other_byte_order_has_no_step(restart: Path, tmp_path: Path) -> None:
    body = restart.read_bytes()
    other = tmp_path / "other.restart"
    other.write_bytes(body[:16] + struct.pack(">i", 1) + body[20:])
    assert restart_step(other) is None


@given(st.binary(max_size=300))
def test_foreign_bytes_between_the_magic_never_raise(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    foreign = tmp_path_factory.getbasetemp() / "foreign.restart"
    foreign.write_bytes(MAGIC + struct.pack("<ii", 1, 3) + body + MAGIC)
    step = restart_step(foreign)
    assert step is None or isinstance(step, int)


def test_the_time_that_a_file_took_to_be_written(tmp_path: Path) -> None:
    began = time.monotonic()
    with (tmp_path / "slow.restart").open("wb") as file:
        file.write(b"a")
        file.flush()
        time.sleep(0.2)
        file.write(b"b")
    took = write_seconds(tmp_path / "slow.restart")
    if took is None:
        pytest.skip("this file system does not keep when a file was made")
    assert 0.15 < took < time.monotonic() - began + 0.05


def test_a_file_that_is_not_there_took_no_time_that_is_known(tmp_path: Path) -> None:
    assert write_seconds(tmp_path / "none") is None
