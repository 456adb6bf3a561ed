"""What may be asked of a run: variables, more steps, ranks, checkpoints at other times."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deckhand.domain.options import RunOptions
from deckhand.domain.status import ExitCode
from deckhand.lammps.comparison import followed, read_log
from deckhand.lammps.control import run_control
from deckhand.lammps.thermo import read_rows
from deckhand.lammps.variables import Given
from tests.runner.conftest import ENGINE, PATIENCE_SECONDS, Cloud, often
from tests.runner.decks import BOX
from tests.runner.seams import assert_seamless, steps_of
from tests.runner.test_journeys import physical
from tests.runner.test_ranks import MPIRUN

Undisturbed = Callable[..., dict[str, bytes]]

LADDER = {
    "in.ladder": f"""
variable        T index 1.0 1.1
variable        n index 100
{BOX}
velocity        all create 1.2 4928459
thermo          50
dump            traj all atom 500 melt.lammpstrj
label           again
fix             bath all nvt temp $T $T 0.5
print           "at ${{T}}" append diary.txt
run             $n
next            T
jump            SELF again
"""
}
VARIABLES: Given = {"T": (1.3, 0.9, "0.7"), "n": 4000}
FLAGS = ["-var", "T", "1.3", "0.9", "0.7", "-var", "n", "4000"]

MELT = {
    "in.melt": f"""
{BOX}
velocity        all create 1.2 4928459
fix             bath all nvt temp 1.2 1.2 0.5
fix             curve all ave/time 10 5 100 c_thermo_temp file temp.dat
dump            traj all atom 500 melt.lammpstrj
thermo          50
run             3000
write_data      final.data
run             5000 upto every 1000 "print 'a part' append diary.txt"
"""
}


def assert_like_control(
    cloud: Cloud, last: int, files: dict[str, str], folder: Path, variables: Given
) -> None:
    """Every thermo row in every printed digit."""
    folder.mkdir()
    [deck] = files
    (folder / deck).write_text(files[deck])
    lineage = cloud.completion(last).segments
    environment = {**os.environ, **ENGINE.environment}
    run_control([str(ENGINE.lmp)], environment, folder, deck, lineage, variables)
    rows = read_rows(cloud.results(last)["log.lammps"])
    for row, other in zip(rows, followed(rows, read_log(folder / "log.lammps")), strict=True):
        assert other is not None, row.step
        assert physical(row) == physical(other), row.step


def test_variables_are_those_of_the_command_line_over_interruptions(
    cloud: Cloud, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    expected = undisturbed(LADDER, "in.ladder", FLAGS)
    assert expected["diary.txt"] == b"at 1.3\nat 0.9\nat 0.7\n"
    cloud.options = often(expected)
    cloud.admit(LADDER, "in.ladder", options=RunOptions(variables=dict(VARIABLES)))
    last = cloud.carry([("loss", 5), ("notice", 2)])
    assert last > 1
    assert_seamless(cloud.results(last), expected)
    assert_like_control(cloud, last, LADDER, tmp_path / "control", VARIABLES)


def test_an_undisturbed_run_with_variables_is_that_of_the_command_line(
    cloud: Cloud, undisturbed: Undisturbed
) -> None:
    variables, flags = {"T": -1.0, "n": "20"}, ["-var", "T", "-1.0", "-var", "n", "20"]
    deck = {"in.ladder": LADDER["in.ladder"].replace("nvt temp $T $T 0.5", "addforce $T 0 0")}
    expected = undisturbed(deck, "in.ladder", flags)
    cloud.admit(deck, "in.ladder", options=RunOptions(variables=variables))
    process = cloud.start(1, CHECKPOINT_SECONDS="600")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    got, rows = (read_rows(log["log.lammps"]) for log in (cloud.results(1), expected))
    assert list(map(physical, got)) == list(map(physical, rows))
    assert cloud.results(1)["diary.txt"] == expected["diary.txt"] == b"at -1.0\n"


def extended(files: dict[str, str], *steps: int) -> dict[str, str]:
    [(name, text)] = files.items()
    return {name: text + "".join(f"run {count}\n" for count in steps)}


def test_a_run_that_was_stopped_goes_on_past_its_old_end(
    cloud: Cloud, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    longer = extended(MELT, 3000, 2000)
    expected = undisturbed(longer, "in.melt")
    cloud.options = often(expected)
    cloud.admit(MELT, "in.melt", total_steps=5000)
    first = cloud.start(1)
    cloud.wait_for(first, 1, lambda status: status.checkpoints_written >= 2)
    cloud.metadata.give_notice()
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    cloud.metadata.replace()

    cloud.admit(MELT, "in.melt", total_steps=5000, extensions=(3000, 2000))
    second = cloud.start(2, checkpoint=cloud.newest())
    status = cloud.wait_for(second, 2, lambda status: (status.checkpoint_step or 0) > 5000)
    assert status.steps_total == 10_000
    cloud.metadata.give_notice()
    assert second.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(2)
    cloud.metadata.replace()

    third = cloud.start(3, checkpoint=cloud.newest())
    assert third.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(3)
    assert_seamless(cloud.results(3), expected)
    assert_like_control(cloud, 3, longer, tmp_path / "control", {})


def test_a_run_that_was_completed_goes_on_from_its_last_checkpoint(
    cloud: Cloud, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    longer = extended(MELT, 2000)
    expected = undisturbed(longer, "in.melt")
    cloud.options = often(expected)
    cloud.admit(MELT, "in.melt")
    first = cloud.start(1)
    assert first.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert steps_of(cloud.results(1)["log.lammps"])[-1] == 5000
    cloud.admit(MELT, "in.melt", extensions=(2000,))
    second = cloud.start(2, checkpoint=cloud.newest())
    assert second.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(2)
    assert_seamless(cloud.results(2), expected)
    assert_like_control(cloud, 2, longer, tmp_path / "control", {})


def test_a_deck_that_quits_says_that_it_was_not_extended(cloud: Cloud) -> None:
    deck = f"{BOX}fix move all nve\nrun 10\nif 1 then quit\n"
    cloud.admit({"in.q": deck}, "in.q", extensions=(10,))
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert (status.step, "was not extended" in status.reason) == (10, True)


def test_a_point_of_a_sweep_reads_the_deck_of_its_parent(cloud: Cloud) -> None:
    options = RunOptions(variables={"T": 2.0, "n": 10})
    cloud.admit(LADDER, "in.ladder", parent="sweep-0123456789abcdef", options=options)
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert cloud.results(1)["diary.txt"] == b"at 2.0\n"


@pytest.mark.skipif(not MPIRUN.exists(), reason="needs the MPI of the environment")
def test_a_run_has_the_ranks_it_asks_for(cloud: Cloud) -> None:
    deck = f"{BOX}fix move all nve\nrun 100\n"
    cloud.admit({"in.melt": deck}, "in.melt", options=RunOptions(ranks=2))
    process = cloud.start(1, MPIRUN=f"'{MPIRUN}'", LMP=f"'{MPIRUN}' -n 1 '{ENGINE.lmp}'")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert re.search(rb"Loop time of \S+ on 2 procs", cloud.results(1)["log.lammps"])


def test_a_run_has_checkpoints_as_often_as_it_asks_for(cloud: Cloud) -> None:
    cloud.admit(MELT, "in.melt", options=RunOptions(checkpoint_minutes=0.2 / 60))
    process = cloud.start(1, CHECKPOINT_SECONDS="600")
    status = cloud.wait_for(process, 1, lambda status: status.checkpoints_written >= 1)
    assert status.checkpoint_seconds == pytest.approx(0.2)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
