"""A LAMMPS that stands still, in the only way a test can make it: it is told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from deckhand.domain.attempt import Outcome, Verdict, judge, parse_job
from deckhand.domain.status import Ending, ExitCode
from tests.makers import job
from tests.runner.conftest import PATIENCE_SECONDS, Cloud, often
from tests.runner.decks import BOX
from tests.runner.seams import assert_seamless
from tests.runner.test_ranks import ranks_in, wait_until

STALL = {"STALL_SECONDS": "1.5"}

MELT = {
    "in.melt": f"""{BOX}
velocity        all create 1.2 4928459
fix             bath all nvt temp 1.2 1.2 0.5
dump            traj all atom 500 melt.lammpstrj
thermo          50
run             9000
print           "all done" append diary.txt
"""
}


def test_a_run_that_stands_still_is_given_up_and_goes_on_elsewhere(
    cloud: Cloud, undisturbed: Callable[..., dict[str, bytes]]
) -> None:
    expected = undisturbed(MELT, "in.melt")
    cloud.options = {**often(expected), **STALL}
    cloud.admit(MELT, "in.melt")
    first = cloud.start(1)
    cloud.wait_for(first, 1, lambda status: status.checkpoints_written >= 2)
    [lmp] = ranks_in(cloud.scratch)
    os.kill(lmp, signal.SIGSTOP)
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    assert wait_until(lambda: not ranks_in(cloud.scratch))
    status = cloud.status(1)
    assert status is not None
    assert (status.ending, status.checkpoint) == (Ending.STALLED, cloud.newest())
    assert f"at step {status.step:,}: since " in status.reason
    assert "LAMMPS, which is at the `run` of in.melt, line 18. " in status.reason
    assert status.reason.endswith(f"The checkpoint {cloud.newest()} is kept.")

    ended = Outcome(job=parse_job(job(ExitCode=75)), status=status)
    assert judge(ended).verdict is Verdict.STALLED
    assert judge(ended).reason.startswith("The simulation stood still for ")

    second = cloud.start(2, checkpoint=cloud.newest())
    assert second.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(2)
    assert_seamless(cloud.results(2), expected)


def test_a_lammps_that_never_answers_is_given_up_too(cloud: Cloud, tmp_path: Path) -> None:
    """As one does whose driver hangs when it looks for its GPU."""
    hung = tmp_path / "lmp"
    hung.write_text("#!/bin/sh\nexec sleep 600\n")
    hung.chmod(0o700)
    cloud.admit(MELT, "in.melt")
    process = cloud.start(1, LMP=str(hung), **STALL)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert (status.ending, status.step) == (Ending.STALLED, 0)
    assert "somewhere from in.melt, line 2 to in.melt, line " in status.reason
    assert status.reason.endswith("There is no checkpoint yet.")


def test_rows_that_come_seldom_are_no_stall(cloud: Cloud) -> None:
    """Not one sign in many times the limit, but the first row is far, and it may be slow."""
    deck = f"{BOX}fix move all nve\nfix a all ave/time 1 1 40000 c_thermo_temp file a.dat\n"
    cloud.admit({"in.slow": f"{deck}thermo 0\nrun 40000\n"}, "in.slow")
    process = cloud.start(1, STALL_SECONDS="0.2", CHECKPOINT_SECONDS="600")
    begin = time.monotonic()
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert time.monotonic() - begin > 0.4


def test_a_minimisation_that_prints_nothing_is_no_stall(cloud: Cloud) -> None:
    relax = "min_style fire\nminimize 0 0 4000 1000000\n"
    cloud.admit({"in.relax": f"{BOX}displace_atoms all random 0.1 0.1 0.1 7\n{relax}"}, "in.relax")
    process = cloud.start(1, STALL_SECONDS="0.2")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
