"""The systems that a GPU is measured on are what they say; a machine without one says so."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.gpu.measures import farthest
from benchmarks.gpu.modes import names_of
from benchmarks.gpu.systems import READY, System, melt, rhodo, water

KOKKOS = "KOKKOS package API: CUDA Serial\nKOKKOS package precision: double\n"
GPU = "GPU package API: CUDA\nGPU package precision: mixed\n"


def section(system: System, name: str) -> list[list[str]]:
    body = re.split(r"\n\n([A-Z]\w+)[^\n]*\n\n", system.raw)
    lines = body[body.index(name) + 1].splitlines()
    return [line.split() for line in lines if line]


def count(system: System, what: str) -> int:
    found = re.search(rf"^(\d+) {what}$", system.raw, re.MULTILINE)
    assert found
    return int(found[1])


def volume(system: System) -> float:
    sides = re.findall(r"^0\.0 (\S+) [xyz]lo", system.raw, re.MULTILINE)
    return math.prod(map(float, sides))


@pytest.mark.parametrize("atoms", [4000, 4321])
def test_a_melt_is_chains_of_fifty_at_its_density(atoms: int) -> None:
    system = melt(atoms)
    beads = section(system, "Atoms")
    bonds = section(system, "Bonds")
    assert len(beads) == count(system, "atoms") == atoms // 50 * 50
    assert len(bonds) == count(system, "bonds") == len(beads) // 50 * 49
    assert len(beads) / volume(system) == pytest.approx(0.85)
    at = {bead[0]: tuple(map(float, bead[3:])) for bead in beads}
    chain = {bead[0]: bead[1] for bead in beads}
    assert len(set(at.values())) == len(beads)
    for _, _, one, other in bonds:
        assert chain[one] == chain[other]
        assert 0.9 < math.dist(at[one], at[other]) < 1.2  # FENE breaks at 1.5
    assert {first for first, _ in pairwise(sorted(map(int, chain)))} == set(range(1, len(beads)))


def test_water_is_neutral_and_made_of_whole_molecules() -> None:
    system = water(3000)
    atoms = section(system, "Atoms")
    assert len(atoms) == count(system, "atoms") == 3000
    assert (count(system, "bonds"), count(system, "angles")) == (2000, 1000)
    assert sum(float(atom[3]) for atom in atoms) == pytest.approx(0.0, abs=1e-9)
    at = {atom[0]: tuple(map(float, atom[4:])) for atom in atoms}
    for _, _, oxygen, hydrogen in section(system, "Bonds"):
        assert math.dist(at[oxygen], at[hydrogen]) == pytest.approx(1.0, abs=1e-5)
    for _, _, one, _, other in section(system, "Angles"):
        assert math.dist(at[one], at[other]) == pytest.approx(1.633, abs=1e-3)


def test_a_restart_file_takes_the_place_of_the_data_and_a_bath_without_noise_that_of_one() -> None:
    system = melt(100)
    assert f"read_data {READY}" in system.deck("run 10")
    assert "langevin" in system.deck("run 10")
    later = system.deck("run 10", noise=False, restart="at.restart")
    assert "read_restart at.restart" in later
    assert "read_data" not in later
    assert "fix bath all nvt" in later


def test_rhodo_is_left_out_where_it_is_not_at_hand(tmp_path: Path) -> None:
    assert rhodo(tmp_path) is None


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("OPENMP package API: OpenMP\n", []),
        ("KOKKOS package API: Serial\n", []),
        (KOKKOS, ["kokkos", "kokkos-half"]),
        (GPU, ["gpu"]),
        (KOKKOS + GPU, ["kokkos", "kokkos-half", "gpu"]),
    ],
)
def test_the_modes_of_a_program_are_those_it_names(said: str, names: list[str]) -> None:
    assert names_of(said) == names


def test_two_runs_are_compared_where_both_have_rows() -> None:
    assert farthest({0: (1.0, 2.0), 10: (4.0, 1.0)}, {10: (4.2, 1.0)}) == pytest.approx(0.05)
    with pytest.raises(RuntimeError, match="no step in common"):
        farthest({0: (1.0,)}, {10: (1.0,)})


def test_a_machine_without_a_gpu_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"],
        env={"PATH": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("There is no GPU here")
    assert len(done.stdout.splitlines()) == 1
