"""Pacing: checkpoints at clean steps, by the wall clock, and on request."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.pacing import (
    ANY_STEP,
    PACE_BETWEEN_RUNS,
    ControlFiles,
    clean_interval,
    halt_commands,
    is_clean,
    is_set_up_anew,
    may_pause,
    restart_commands,
)
from deckhand.lammps.restart_file import restart_step
from deckhand.lammps.thermo import read_rows
from tests.engine import LMP, ONE_ATOM
from tests.makers import journal_of

BOX = f"{ONE_ATOM}thermo 10\n"


@pytest.mark.parametrize(
    ("commands", "interval"),
    [
        ([], ANY_STEP),
        (["thermo 100"], 100),
        (["thermo 0"], ANY_STEP),
        (["thermo v_when"], ANY_STEP),
        (["thermo 100", "fix 1 all ave/time 2 5 30 c_t"], 300),
        (["fix 1 all ave/chunk 2 5 30 cc vx", "fix 2 all ave/histo 1 1 70 0 1 5 vx"], 210),
        (["fix 1 all ave/time 2 5 30 c_t", "unfix 1", "thermo 50"], 50),
        (["fix 1 all ave/time 2 5"], ANY_STEP),
        (["fix 1 all nve", "fix 2 all print 7 'x'"], ANY_STEP),
    ],
)
def test_clean_steps(commands: list[str], interval: int) -> None:
    assert clean_interval(journal_of(*commands)) == interval


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(0, 500), st.integers(1, 50)
)
def test_a_clean_step_has_no_average_half_accumulated(
    every: int, repeat: int, more: int, step: int, thermo: int
) -> None:
    frequency = every * (repeat + more)
    journal = journal_of(f"thermo {thermo}", f"fix 1 all ave/time {every} {repeat} {frequency} c_t")
    assert is_clean(journal, step * clean_interval(journal))
    window = (repeat - 1) * every
    taken = [
        sample
        for end in range(step + 1, step + frequency + 1)
        if end % frequency == 0
        for sample in range(end - window, end, every)
        if sample < step
    ]
    assert is_clean(journal, step) == (not taken)


def test_the_files_of_the_runner_lie_in_its_own_folder() -> None:
    control = ControlFiles(Path("/scratch/control"))
    files = {control.stop, control.final, *control.toggles}
    assert len(files) == 4
    assert {file.parent for file in files} == {control.directory}


MELT = """\
lattice fcc 0.8442
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 2.0 4711
pair_style lj/cut 2.5
pair_coeff * * 1 1
fix move all nve
thermo 10
thermo_style custom step pe ke press
thermo_modify format float %.17g
"""


def run(folder: Path, *commands: str, box: str = BOX) -> None:
    subprocess.run(
        [LMP, "-log", "log.lammps", "-screen", "none"],
        input=(box + "\n".join(commands) + "\n").encode(),
        cwd=folder,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("single_taken", [False, True])
def test_lammps_writes_restart_files_at_clean_steps(tmp_path: Path, single_taken: bool) -> None:
    control = ControlFiles(tmp_path)
    pace = restart_commands(control, 30, 20, 1e-5, single_taken=single_taken)
    run(tmp_path, *pace, "run 100", PACE_BETWEEN_RUNS, "reset_timestep 0", *pace, "run 20")
    written = {restart_step(path) for path in tmp_path.glob("auto.*")}
    assert written
    assert written <= {30, 60, 90}


def test_the_decks_own_restart_files_are_left_alone(tmp_path: Path) -> None:
    pace = restart_commands(ControlFiles(tmp_path), 10, 20, 1e-5, single_taken=False)
    run(tmp_path, "restart 40 own.a own.b", *pace, "run 100")
    assert {restart_step(tmp_path / "own.a"), restart_step(tmp_path / "own.b")} == {40, 80}
    assert restart_step(tmp_path / "auto.30.restart") == 30


@pytest.mark.parametrize("asked", [False, True])
def test_a_run_ends_at_a_clean_step_when_it_is_asked_to(tmp_path: Path, asked: bool) -> None:
    control = ControlFiles(tmp_path)
    if asked:
        control.stop.touch()
    run(
        tmp_path, *halt_commands(control, 30), "run 10", "run 100", f"write_restart {control.final}"
    )
    assert restart_step(control.final) == (30 if asked else 110)


def test_a_pause_leaves_no_trace_in_the_trajectory(tmp_path: Path) -> None:
    """The speed of a run is measured so: a restart file would have had its effect on round-off."""
    control = ControlFiles(tmp_path)
    never = list(restart_commands(control, 30, None, 1.0, single_taken=False))
    (tmp_path / "plain").mkdir()
    run(tmp_path / "plain", "run 300", box=MELT)
    control.stop.touch()
    (tmp_path / "paused").mkdir()
    halt = list(halt_commands(control, 30))
    on = list(restart_commands(control, 30, 120, 1e9, single_taken=False))
    run(
        tmp_path / "paused",
        *(*halt, *never, "run 300 upto"),
        *(f"shell rm {control.stop}", *on, "run 300 upto pre no"),
        box=MELT,
    )
    plain, paused = (
        {row.step: row.values for row in read_rows((tmp_path / name / "log.lammps").read_bytes())}
        for name in ("plain", "paused")
    )
    assert len(plain) == 31
    assert {step: row for step, row in paused.items() if step < 180} == {
        step: row for step, row in plain.items() if step < 180
    }
    assert restart_step(Path(str(control.inside).replace("*", "180"))) == 180


@pytest.mark.parametrize(
    ("command", "may"),
    [
        ("thermo 10", True),
        ("dump 1 all atom 100 d.txt", True),
        ("fix 1 all print 10 'x'", True),
        ("fix 1 all halt 10 v_hot > 1.0", False),
        ("fix 1 all adapt 10 pair lj/cut epsilon * * v_e reset yes", False),
        ("fix 1 all adapt 10 pair lj/cut epsilon * * v_e", True),
        ("fix 1 all npt/uef temp 1 1 1 iso 1 1 1 erate 0.1 0.1", False),
        ("thermo v_when", False),
        ("restart v_when r", False),
        ("fix 1 all print v_when 'x'", False),
        ("dump_modify 1 every v_when", False),
        ("dump_modify 1 every/time 0.5", False),
    ],
)
def test_a_run_may_pause_where_no_variable_paces_it(command: str, may: bool) -> None:
    assert may_pause(journal_of(command)) is may


@pytest.mark.parametrize("style", ["respa 2 2 bond 1 pair 2", "respa/omp 2 2 bond 1 pair 2"])
def test_r_respa_is_set_up_anew_behind_a_pause(style: str) -> None:
    assert may_pause(journal_of(f"run_style {style}"))
    assert is_set_up_anew(journal_of(f"run_style {style}"))
    assert not is_set_up_anew(journal_of(f"run_style {style}", "run_style verlet"))
