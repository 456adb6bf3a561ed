"""A LAMMPS that is killed leaves none of the machine's memory taken."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deckhand.lammps.process import Lammps
from deckhand.lammps.shared_memory import segments_of
from localcloud import processes
from tests.engine import LMP, MPIRUN

MARKER = "SHARED_MEMORY_TEST"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is Linux'")


def by_runner(lammps: Lammps) -> None:
    lammps.kill()


def by_cloud(lammps: Lammps) -> None:
    assert processes.kill(MARKER, str(os.getpid()), lammps.pid)


@pytest.mark.parametrize("kill", [by_runner, by_cloud])
@pytest.mark.parametrize("launcher", [(), (MPIRUN, "-n", "2")])
def test_no_shared_memory_is_left(
    tmp_path: Path, launcher: tuple[str, ...], kill: Callable[[Lammps], None]
) -> None:
    environment = {**os.environ, MARKER: str(os.getpid())}
    lammps = Lammps(
        [*map(str, launcher), str(LMP), "-log", "none"], tmp_path, tmp_path, environment
    )
    try:
        lammps.ask("")
        own = psutil.Process(lammps.pid)
        mapped = segments_of(one.pid for one in (own, *own.children(recursive=True)))
        segments = [path for path in mapped if path.exists()]
        assert segments, "this MPI shares no memory: the test would show nothing"
        kill(lammps)
        assert not [path for path in segments if path.exists()]
    finally:
        lammps.kill()
