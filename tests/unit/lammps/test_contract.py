"""The contract: which commands a resume cannot keep its promise for, and which change the noise."""

from __future__ import annotations

import pytest

from deckhand.lammps.contract import parts_ways, refusal
from deckhand.lammps.script import words
from deckhand.lammps.styles import (
    COMMAND_REFUSED,
    COMMAND_WHOLE,
    FIX_EXACT,
    FIX_STATISTICAL,
    SEED_WORD,
    plain,
)

REFUSED = {
    "neb 0.1 0.1 5 5 5 final x": "many runs in one command",
    "rerun a.dump dump x y z": "cannot be entered in the middle",
    "python f file f.py": "runs a program of its own. Take it out",
    "package gpu 1": "chooses accelerators",
    "fix 1 all deposit 100 1 100 7 region slab": "fix deposit has not been proven to resume",
    "fix 1 all rigid molecule": "fix rigid has not been proven",
    "fix 1 all ave/time 1 5 10 c_t ave running file x": "averages over the whole run",
    "fix 1 all ave/chunk 1 5 10 cc vx ave window 5": "Use `ave one`",
    "fix 1 all ave/time 1 5 10 c_t file x.yaml": "a format that cannot be joined",
    "fix 1 all ave/histo 1 5 10 0 1 5 vx append x.gz": "a format that cannot be joined",
    "fix 1 all print v_n 'x'": "variable interval",
    "fix 1 all deform 1 x vol": "`vol`",
    "fix 1 all print 10 '$(elapsed)'": "`elapsed` starts again",
    "compute 1 all pressure/uef t": "compute pressure/uef has not been proven",
    "compute 1 all chunk/atom molecule ids once": "remembers its chunks",
    "pair_style dpd 1 1 1": "random numbers",
    "pair_style hybrid/overlay lj/cut 2.5 dpd/tstat 1 1 1 5": "random numbers",
    "pair_style gran/hooke/history 1 1 1 1 1 1": "contact history",
    "dump 1 all atom 10 x.%": "one file per processor",
    "dump 1 all atom 10 x.gz": "cannot be cut at a checkpoint",
    "dump 1 all dcd 10 x.dcd": "Use dump custom",
    "dump 1 all xtc 10 x.xtc": "cannot be cut at a checkpoint",
    "dump 1 all custom 10 x.bin id": "cannot be cut at a checkpoint",
    "dump_modify 1 header no": "Leave the header in",
    "dump_modify 1 sort id flush no": "Take it out",
    "thermo_style custom temp pe": "Add `step`",
    "thermo_style custom step elapsed": "`elapsed` starts again",
    "variable v world a b": "several partitions",
    "variable v uloop 5": "several partitions",
    "variable v python f": "cannot be told",
    "variable v timer": "cannot be told",
    "variable v equal 2*elapsed": "Use `elaplong`",
    "shell rm x": "Only `shell mkdir`",
    "timer timeout 1:00:00": "stops and resumes",
}

ALLOWED = [
    "fix 1 all nve",
    "fix 1 all nvt/omp temp 1 1 1",
    "fix 1 all npt/kk temp 1 1 1 iso 1 1 10",
    "fix 1 all langevin 1 1 1 5",
    "fix 1 all ave/time 1 5 10 c_t ave one file x.dat",
    "fix 1 all print 10 'x $(elaplong)'",
    "fix 1 all print ${n} 'x'",
    "fix 1 all print",
    "fix 1 all deform 1 x scale 2",
    "compute 1 all msd com yes",
    "compute 1 all chunk/atom bin/1d z lower 0.1",
    "compute 1 all chunk/atom molecule ids every",
    "pair_style lj/cut 2.5",
    "pair_style hybrid lj/cut 2.5 soft 1.0",
    "dump 1 all custom 10 x.dump id x y z",
    "dump 1 all xyz 10 x.xyz",
    "dump 1 all local 10 x.dump c_1",
    "dump 1 all image 10 x.*.png type type",
    "dump 1 all atom 10 x.*.gz",
    "dump_modify 1 sort id header yes",
    "thermo_style one",
    "thermo_style custom step temp",
    "variable v equal 2*elaplong",
    "variable v index 1 2",
    "shell mkdir out",
    "timer full",
    "run 5",
]


@pytest.mark.parametrize("command", REFUSED)
def test_refused(command: str) -> None:
    found = refusal(words(command))
    assert found is not None
    assert REFUSED[command] in found


@pytest.mark.parametrize("command", ALLOWED)
def test_allowed(command: str) -> None:
    assert refusal(words(command)) is None


@pytest.mark.parametrize("name", sorted(COMMAND_WHOLE | COMMAND_REFUSED.keys()))
def test_whole_commands_are_refused_whatever_their_words(name: str) -> None:
    assert refusal([name]) is not None


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        ("fix 1 all langevin 1 1 1 5", "random numbers are not in a restart file"),
        ("fix 1 all langevin/kk 1 1 1 5", "the same ensemble"),
        ("fix 1 all temp/csvr 1 1 1 5", "draws new ones"),
        ("fix 1 all npt temp 1 2 1 iso 1 1 10", "barostat mass"),
        ("fix 1 all nph temp 1 2 1", "barostat mass"),
        ("fix 1 all deform 1 x scale 2", "remapping"),
    ],
)
def test_resumes_that_change_the_trajectory(command: str, sign: str) -> None:
    found = parts_ways(words(command))
    assert found is not None
    assert sign in found


@pytest.mark.parametrize(
    "command",
    [
        "fix 1 all nve",
        "fix 1 all npt temp 1 1 1 iso 1 1 10",
        "fix 1 all npt iso 1 1 temp",
        "fix 1 all nvt temp 1 2 1",
        "run 5",
    ],
)
def test_resumes_that_do_not(command: str) -> None:
    assert parts_ways(words(command)) is None


@pytest.mark.parametrize("suffix", ["", "/kk", "/kk/host", "/gpu", "/omp", "/opt"])
def test_an_accelerator_is_no_other_style(suffix: str) -> None:
    assert plain(f"nvt{suffix}") == "nvt"


def test_every_statistical_fix_is_given_a_new_seed() -> None:
    assert SEED_WORD.keys() == FIX_STATISTICAL
    assert not FIX_STATISTICAL & FIX_EXACT
