"""`deckhand check` on decks good and bad, with the real LAMMPS where a dry run is asked for."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deckhand.cli.app import app

EXAMPLE = Path(__file__).parents[3] / "examples/polymer_melt"
FLUID = """
units           lj
atom_style      atomic
lattice         fcc 0.8
region          box block 0 4 0 4 0 4
create_box      1 box
create_atoms    1 box
mass            1 1.0
pair_style      lj/cut 2.5
pair_coeff      {coefficients}
variable        i loop 3
label           again
run             ${{i}}00
next            i
jump            SELF again
"""


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def answer(*arguments: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(check(*arguments, "--json").stdout)
    return document


@pytest.fixture
def fluid(tmp_path: Path) -> Path:
    (tmp_path / "in.fluid").write_text(FLUID.format(coefficients="1 1 1.0 1.0"))
    return tmp_path


def test_example_can_be_run() -> None:
    result = check(EXAMPLE)
    assert result.exit_code == 0
    assert "in.melt can be run" in result.stdout
    assert "102,000 steps" in result.stdout


def test_the_accelerator_is_told_with_what_it_leaves_to_the_host(fluid: Path) -> None:
    assert "on a GPU  kokkos: Every style" in check(fluid).stdout
    deck = (
        (fluid / "in.fluid")
        .read_text()
        .replace("variable", "fix w all viscosity 9 x y 2\nvariable")
    )
    (fluid / "in.fluid").write_text(deck)
    found = answer(fluid)
    assert found["acceleration"]["accelerator"] == "gpu"
    assert found["acceleration"]["on_host"] == ["fix viscosity"]
    assert "with KOKKOS, fix viscosity (in.fluid, line 11)" in found["acceleration"]["why"]
    [note] = [item for item in found["problems"] if "GPU package" in item["message"]]
    assert (note["severity"], note["file"], note["line"]) == ("note", "in.fluid", 11)


def test_an_accelerator_that_cannot_be_is_refused_with_its_line(fluid: Path) -> None:
    (fluid / "run.yaml").write_text("accelerator: kokkos\n")
    assert answer(fluid)["ok"]
    deck = (fluid / "in.fluid").read_text().replace("variable", "run_style respa 2 2\nvariable")
    (fluid / "in.fluid").write_text(deck)
    result = check(fluid)
    assert result.exit_code == 1
    told = " ".join(result.stdout.split())
    assert "in.fluid, line 11: KOKKOS has no `run_style respa`" in told
    assert "Take that out of run.yaml: Deckhand would choose gpu." in told


def test_dry_run_counts_atoms_and_weighs_a_checkpoint() -> None:
    found = answer(EXAMPLE / "in.melt", "--dry-run")
    assert found["ok"] is True
    assert found["atoms"] == 3000
    assert found["checkpoint_bytes"] > 3000 * 100
    assert [stage["kind"] for stage in found["stages"]] == ["minimize", "run", "run", "run"]


def test_dry_run_follows_loops(fluid: Path) -> None:
    assert [stage["steps"] for stage in answer(fluid)["stages"]] == [None]
    stages = answer(fluid, "--dry-run")["stages"]
    assert [stage["steps"] for stage in stages] == [100, 200, 300]


def test_dry_run_finds_what_only_lammps_can(fluid: Path) -> None:
    deck = fluid / "in.fluid"
    deck.write_text(FLUID.format(coefficients="1 1 1.0"))
    assert check(fluid).exit_code == 0
    result = check(fluid, "--dry-run")
    assert result.exit_code == 1
    assert "in.fluid, line 10" in result.stdout
    assert "Incorrect args" in result.stdout


def test_dry_run_leaves_the_folder_alone(fluid: Path) -> None:
    before = sorted(fluid.rglob("*"))
    (fluid / "in.fluid").write_text(FLUID.format(coefficients="1 1 1 1") + "write_data left.data\n")
    assert check(fluid, "--dry-run").exit_code == 0
    assert sorted(fluid.rglob("*")) == before


def test_variables_are_those_of_run_yaml_and_then_those_it_is_told(tmp_path: Path) -> None:
    text = FLUID.format(coefficients="1 1 1 1").replace("run             ${i}00", "run $n")
    (tmp_path / "in.fluid").write_text(f"variable n index 5\n{text}")
    (tmp_path / "run.yaml").write_text("variables: {n: 40, i: [1, 2]}\n")
    stages = answer(tmp_path, "--dry-run")["stages"]
    assert [stage["steps"] for stage in stages] == [40, 40]
    found = answer(tmp_path, "--dry-run", "--var", "n=70", "--var", "i=-1")
    assert [stage["steps"] for stage in found["stages"]] == [70]
    found = answer(tmp_path, "--dry-run", "--var", "i=a=b", "--var", "i=", "--var", "i=-2 c")
    assert [stage["steps"] for stage in found["stages"]] == [40, 40, 40]
    assert found["problems"] == []


@pytest.mark.parametrize("sweep", ["{n: [30, 60], i: [1]}", "[{n: 30, i: 1}, {n: 60, i: 2}]"])
def test_of_a_sweep_the_first_point_is_checked(tmp_path: Path, sweep: str) -> None:
    text = FLUID.format(coefficients="1 1 1 1").replace("run             ${i}00", "run $n")
    (tmp_path / "in.fluid").write_text(text)
    (tmp_path / "run.yaml").write_text(f"sweep: {sweep}\n")
    found = answer(tmp_path, "--dry-run")
    assert [stage["steps"] for stage in found["stages"]] == [30]
    assert found["sweep"] == 2


@pytest.mark.parametrize("told", ["n", "=5", "a-b=1", "n=a\nclear"])
def test_a_variable_that_is_none_is_exit_2(fluid: Path, told: str) -> None:
    assert check(fluid, "--var", told).exit_code == 2


def test_archive_is_looked_into(fluid: Path, tmp_path: Path) -> None:
    archive = tmp_path / "fluid.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(fluid / "in.fluid", "in.fluid")
    assert check(archive).exit_code == 0


def test_missing_file_is_named_with_its_line(tmp_path: Path) -> None:
    deck = tmp_path / "in.melt"
    deck.write_text("units lj\nread_data chains.data\nrun 10\n")
    result = check(deck)
    assert result.exit_code == 1
    assert "in.melt, line 2: the file chains.data is not in the drop" in " ".join(
        result.stdout.split()
    )


def test_folder_without_a_deck_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "chains.data").write_text("nothing")
    result = check(tmp_path)
    assert result.exit_code == 1
    assert "no LAMMPS input script" in result.stderr
    assert answer(tmp_path)["ok"] is False
