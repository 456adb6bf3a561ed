"""`deckhand rehearse` on real decks and real LAMMPS; its judgement sees what is put in its way."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deckhand.cli.app import app
from deckhand.cli.engine import find_engine
from deckhand.cli.proof import Proof, prove
from deckhand.cli.rehearsal import Kind, Moment, Played, Rehearsal, choose_moments
from deckhand.domain.run import Contract
from deckhand.lammps.comparison import read_log
from deckhand.lammps.preflight import check_folder
from tests.runner.decks import BOX

DECK = f"""
{BOX}
velocity        all create 1.2 4928459
fix             bath all nvt temp 1.2 0.8 0.5
fix             curve all ave/time 10 5 50 c_thermo_temp file temp.dat
dump            traj all custom 100 fluid.lammpstrj id x y z
thermo          50
run             3000
run             3000
"""

KEYS = [
    "contract",
    "verdict",
    "rows",
    "frames",
    "final_step",
    "first_deviation",
    "max_deviation",
    "control_deviation",
    "interruptions",
    "overhead",
]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rehearsal, Played]]:
    """A deck whose resume is exact, interrupted once of each kind."""
    root, work = tmp_path_factory.mktemp("deck"), tmp_path_factory.mktemp("work")
    moments = [Moment(0.3, Kind.KILL), Moment(0.5, Kind.NOTICE), Moment(0.7, Kind.CORRUPT)]
    rehearsal = rehearsal_of(DECK, root, work, moments)
    yield rehearsal, rehearsal.play()
    shutil.rmtree(work)


def rehearsal_of(text: str, root: Path, work: Path, moments: Sequence[Moment]) -> Rehearsal:
    (root / "in.fluid").write_text(text)
    report = check_folder(root, "in.fluid")
    assert report.contract is Contract.EXACT
    return Rehearsal(
        root=root,
        deck="in.fluid",
        report=report,
        total_steps=report.total_steps,
        engine=find_engine("This test"),
        work=work,
        moments=list(moments),
        chance=random.Random(1),
    )


def test_interrupted_deck_passes(rehearsed: tuple[Rehearsal, Played]) -> None:
    rehearsal, played = rehearsed
    proof = prove(rehearsal, played)
    assert proof.faults == ()
    answer = proof.as_json()
    assert list(answer) == KEYS
    assert answer["rows"] == {"expected": 242, "got": 242, "missing": 0, "doubled": 0}
    assert answer["frames"] == {"expected": 61, "got": 61, "missing": 0, "doubled": 0}
    assert answer["final_step"] == {"expected": 6000, "got": 6000}
    assert [item["kind"] for item in answer["interruptions"]] == ["kill", "notice", "corrupt"]
    assert answer["interruptions"][1]["lost_steps"] == 0
    assert all(item["seconds"] > 0 for item in answer["interruptions"])
    # An attempt that was stopped before its first row has none.
    assert {*answer["first_deviation"]} <= {0.0, None}
    assert answer["control_deviation"] == 0.0
    assert answer["max_deviation"] > 0.0


def test_control_shows_a_single_neighbour_rebuild(rehearsed: tuple[Rehearsal, Played]) -> None:
    """The control is sharp: one restart file that it does not write, and it goes another way."""
    rehearsal, played = rehearsed
    segments = list(played.completion.segments)
    index = next(i for i, segment in enumerate(segments) if len(segment.restart_files) > 1)
    fewer = segments[index].restart_files[1:]
    segments[index] = segments[index].model_copy(update={"restart_files": fewer})
    completion = played.completion.model_copy(update={"segments": tuple(segments)})
    control = rehearsal.run_control(completion)
    proof = prove(rehearsal, replace(played, control=control))
    assert proof.control_deviation is not None
    assert proof.control_deviation > 1e-3


def test_what_a_minimisation_prints_is_compared_with_the_control(tmp_path: Path) -> None:
    """How many steps it takes from where dynamics has led to, round-off decides."""
    relax = "minimize        0 1.0e-3 1000 100000\nrun             500\n"
    (tmp_path / "deck").mkdir()
    (tmp_path / "work").mkdir()
    moments = [Moment(0.4, Kind.KILL)]
    rehearsal = rehearsal_of(DECK + relax, tmp_path / "deck", tmp_path / "work", moments)
    played = rehearsal.play()
    ends = [
        read_log(files["log.lammps"])[-1].step
        for files in (played.undisturbed, played.control, played.resumed)
    ]
    assert ends[0] != ends[1] == ends[2]
    assert prove(rehearsal, played).faults == ()
    shorter = tmp_path / "log.lammps"
    log = played.resumed["log.lammps"].read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(log) if line.split()[:1] == [str(ends[2])])
    shorter.write_text("".join(log[:last] + log[last + 1 :]))
    proof = prove(rehearsal, replace(played, resumed={**played.resumed, "log.lammps": shorter}))
    assert proof.as_json()["rows"]["missing"] == 1


def test_work_is_in_one_folder(rehearsed: tuple[Rehearsal, Played]) -> None:
    rehearsal, _ = rehearsed
    assert [path.name for path in rehearsal.root.iterdir()] == ["in.fluid"]


def damaged(
    rehearsed: tuple[Rehearsal, Played], folder: Path, path: str, damage: Callable[[str], str]
) -> Proof:
    """The proof of results with one file changed."""
    rehearsal, played = rehearsed
    file = folder / Path(path).name
    file.write_text(damage(played.resumed[path].read_text()))
    return prove(rehearsal, replace(played, resumed={**played.resumed, path: file}))


def test_doubled_frame_fails(rehearsed: tuple[Rehearsal, Played], tmp_path: Path) -> None:
    def double(dump: str) -> str:
        return dump + "ITEM: TIMESTEP" + dump.rpartition("ITEM: TIMESTEP")[2]

    proof = damaged(rehearsed, tmp_path, "fluid.lammpstrj", double)
    assert proof.as_json()["verdict"] == "fail"
    assert proof.as_json()["frames"]["doubled"] == 1


def test_missing_average_fails(rehearsed: tuple[Rehearsal, Played], tmp_path: Path) -> None:
    proof = damaged(rehearsed, tmp_path, "temp.dat", lambda text: text[: text.rfind("\n6000 ") + 1])
    assert proof.as_json()["rows"]["missing"] == 1
    assert not proof.passed


def test_other_physics_from_the_first_row_on_fails(
    rehearsed: tuple[Rehearsal, Played], tmp_path: Path
) -> None:
    _, played = rehearsed
    first = read_log(played.resumed["log.lammps"])[0]
    digits = first.values[1]
    proof = damaged(rehearsed, tmp_path, "log.lammps", lambda log: log.replace(digits, "9.9", 1))
    assert "before anything was interrupted" in proof.faults[0]


def test_state_that_was_not_restored_fails(
    rehearsed: tuple[Rehearsal, Played], tmp_path: Path
) -> None:
    """All rows after the first resume a thousandth too warm."""
    _, played = rehearsed
    resume = played.completion.segments[1]
    begin = sum(
        output.size
        for output in played.completion.segments[0].outputs
        if output.path == "log.lammps"
    )
    assert resume.attempt == 2

    def warm(log: str) -> str:
        text = log.encode()
        for row in read_log(played.resumed["log.lammps"]):
            if row.begin >= begin:
                old = row.values[1].encode()
                new = f"{float(old) * 1.001:.{len(old)}f}"[: len(old)].encode()
                text = text[: row.begin] + text[row.begin :].replace(old, new, 1)
        return text.decode()

    proof = damaged(rehearsed, tmp_path, "log.lammps", warm)
    assert any("something was not restored" in fault for fault in proof.faults)


def test_rehearsal_without_an_interruption_proves_nothing(
    rehearsed: tuple[Rehearsal, Played],
) -> None:
    rehearsal, played = rehearsed
    proof = prove(rehearsal, replace(played, interruptions=()))
    assert "nothing was rehearsed" in proof.faults[0]


def test_command_shows_a_verdict_and_a_plot(tmp_path: Path) -> None:
    (tmp_path / "in.fluid").write_text(DECK)
    result = CliRunner().invoke(
        app, ["rehearse", str(tmp_path), "--interruptions", "1", "--kinds", "notice"]
    )
    assert result.exit_code == 0, result.output
    assert "pass  the contract is: exact" in result.stdout
    assert "Temp from" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["in.fluid"]


LADDER = f"""
{BOX}
velocity        all create 1.2 4928459
fix             move all nve
thermo          50
label           again
fix             push all addforce ${{push}} 0.0 0.0
run             $n
next            push
jump            SELF again
"""


def test_variables_are_those_of_the_undisturbed_run_too(tmp_path: Path) -> None:
    (tmp_path / "in.fluid").write_text(LADDER)
    told = [word for text in ("push=0.1", "push=-0.1", "n=2000") for word in ("--var", text)]
    options = ["--interruptions", "1", "--kinds", "kill", "--json", *told]
    result = CliRunner().invoke(app, ["rehearse", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["rows"] == {"expected": 82, "got": 82, "missing": 0, "doubled": 0}
    assert found["final_step"] == {"expected": 4000, "got": 4000}
    assert found["control_deviation"] == 0.0


def test_refused_deck_is_exit_1_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "in.melt").write_text("units lj\nread_data chains.data\nrun 10\n")
    said = CliRunner().invoke(app, ["rehearse", str(tmp_path)])
    assert (said.exit_code, "chains.data" in said.stderr) == (1, True)
    result = CliRunner().invoke(app, ["rehearse", str(tmp_path), "--json"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (list(answer), answer["verdict"]) == (KEYS, "fail")


@pytest.mark.parametrize(
    "words", [["nowhere"], [".", "--kinds", "flood"], [".", "--interruptions", "-1"]]
)
def test_wrong_usage_is_exit_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["rehearse", *words]).exit_code == 2


def test_moments_are_those_of_the_seed() -> None:
    kinds = list(Kind)
    first, again, other = (choose_moments(random.Random(seed), 5, kinds) for seed in (1, 1, 2))
    assert first == again != other
    assert [m.fraction for m in first] == sorted(m.fraction for m in first)
    assert {m.kind for m in first[:3]} == set(Kind)
