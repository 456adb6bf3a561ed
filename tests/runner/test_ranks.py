"""Two MPI ranks: told over rank 0, stopped in time, gone with their runner; and minimisations."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deckhand.domain.status import Ending, ExitCode
from deckhand.lammps.process import Lammps
from tests.engine import MPIRUN
from tests.runner.conftest import ENGINE, PATIENCE_SECONDS, Cloud, lose, often
from tests.runner.decks import BOX
from tests.runner.seams import assert_seamless

TWO_RANKS = f"'{MPIRUN}' -n 2 '{ENGINE.lmp}'"
MELT = {
    "in.melt": f"""
{BOX}
velocity        all create 1.0 12345
fix             bath all nvt temp 1.0 1.0 0.5
thermo          50
dump            traj all atom 500 melt.lammpstrj
fix             curve all ave/time 10 5 100 c_thermo_temp file temp.dat
run             9000
print           "all done" append diary.txt
"""
}
RELAX = f"""
{BOX}
fix             move all nve
velocity        all create 1.0 12345
thermo          1000
run             4000
min_style       fire
minimize        0 0 100000000 1000000000
run             100
"""

pytestmark = pytest.mark.skipif(not MPIRUN.exists(), reason="needs the MPI of the environment")


def ranks_in(folder: Path) -> list[int]:
    """LAMMPS processes at work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "exe").resolve()
            inside = (entry / "cwd").resolve().is_relative_to(folder.resolve())
        except OSError:
            continue
        if inside and program == ENGINE.lmp.resolve():
            found.append(int(entry.name))
    return found


def wait_until(seen: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if seen():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("ranks", [(2, 1, 2), (1, 2, 1)])
def test_a_run_goes_from_two_ranks_to_one_and_back(
    cloud: Cloud,
    undisturbed: Callable[[dict[str, str], str], dict[str, bytes]],
    ranks: tuple[int, ...],
) -> None:
    expected = undisturbed(MELT, "in.melt")
    cloud.options = often(expected)
    cloud.admit(MELT, "in.melt")
    checkpoint = ""
    for attempt, count in enumerate(ranks, start=1):
        lmp = TWO_RANKS if count == 2 else f"'{ENGINE.lmp}'"
        process = cloud.start(attempt, checkpoint, LMP=lmp)
        if attempt == len(ranks):
            break
        cloud.wait_for(process, attempt, lambda status: status.checkpoints_written >= 1)
        assert len(ranks_in(cloud.scratch)) == count
        if attempt == 1:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(attempt)
        else:
            lose(process)
        checkpoint = cloud.newest()
        assert wait_until(lambda: not ranks_in(cloud.scratch))
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(len(ranks))
    assert_seamless(cloud.results(len(ranks)), expected)


def test_all_ranks_go_with_a_runner_that_is_killed(cloud: Cloud) -> None:
    cloud.admit(MELT, "in.melt")
    process = cloud.start(1, LMP=TWO_RANKS)
    assert wait_until(lambda: len(ranks_in(cloud.scratch)) == 2)
    lose(process)
    assert wait_until(lambda: not ranks_in(cloud.scratch))


def test_all_ranks_go_at_once_when_they_are_told_to(tmp_path: Path) -> None:
    command = [str(MPIRUN), "-n", "2", str(ENGINE.lmp), "-log", "none"]
    lammps = Lammps(command, tmp_path, tmp_path, {**os.environ, **ENGINE.environment})
    assert lammps.ask("$(2*21)") == "42"
    assert len(ranks_in(tmp_path)) == 2
    lammps.kill()
    assert wait_until(lambda: not ranks_in(tmp_path))


def test_an_error_of_two_ranks_names_the_line(cloud: Cloud) -> None:
    cloud.admit({"in.wrong": f"{BOX}\nthermoo 100\nrun 10\n"}, "in.wrong")
    process = cloud.start(1, LMP=TWO_RANKS)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.DECK_ERROR
    status = cloud.status(1)
    assert status is not None
    assert "in.wrong, line 14" in status.reason


@pytest.mark.parametrize("lmp", [str(ENGINE.lmp), TWO_RANKS], ids=["one rank", "two ranks"])
def test_a_minimisation_is_left_at_once_and_repeated(cloud: Cloud, lmp: str) -> None:
    cloud.admit({"in.relax": RELAX}, "in.relax")
    first = cloud.start(1, LMP=lmp, CHECKPOINT_SECONDS="0.2")
    assert wait_until(lambda: _minimises(cloud, 1))
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    kept = cloud.newest()
    status = cloud.status(1)
    assert status is not None
    assert (status.ending, status.checkpoint) == (Ending.TERMINATED, kept)

    second = cloud.start(2, checkpoint=kept, LMP=lmp)
    assert wait_until(lambda: _minimises(cloud, 2))
    lose(second)
    status = cloud.status(2)
    assert status is not None
    assert status.resumed_from == kept


def _log(cloud: Cloud, attempt: int) -> bytes:
    path = cloud.scratch / f"a{attempt}" / "deck" / "log.lammps"
    return path.read_bytes() if path.exists() else b""


def _minimises(cloud: Cloud, attempt: int) -> bool:
    """Whether the minimisation has begun, behind the run before it."""
    return _log(cloud, attempt).count(b"Per MPI rank memory allocation") == 2
