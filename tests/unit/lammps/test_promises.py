"""What a deck is promised before it runs, where the promise hangs on several of its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.domain.run import CheckReport, Contract
from deckhand.lammps.errors import Place
from deckhand.lammps.journal import Journal, RunInProgress
from deckhand.lammps.pacing import clean_interval, is_clean, wrapping
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.script import words
from tests.engine import ONE_ATOM


def checked(root: Path, text: str) -> CheckReport:
    (root / "in.deck").write_text(f"{ONE_ATOM}\n{text}\nrun 100\n")
    return check_folder(root, "in.deck")


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("fix b all npt temp 1 1 1 iso 1 1 1", Contract.EXACT),
        ("kspace_style pppm 1e-4\nfix b all nvt temp 1 1 1", Contract.EXACT),
        ("kspace_style pppm 1e-4\nfix b all npt temp 1 1 1 iso 1 1 1", Contract.STATISTICAL),
        ("fix b all press/berendsen iso 1 1 1\nkspace_style ewald 1e-4", Contract.STATISTICAL),
        (
            "kspace_style pppm 1e-4\nkspace_modify gewald 0.3 mesh 8 8 8\nfix b all nph iso 1 1 1",
            Contract.EXACT,
        ),
        ("variable r equal random(0,1,77)", Contract.STATISTICAL),
        ("velocity all create 1.0 $(ceil(normal(9,1,77)))", Contract.STATISTICAL),
        ("variable normalised equal 1", Contract.EXACT),
    ],
)
def test_contract(tmp_path: Path, text: str, contract: Contract) -> None:
    assert checked(tmp_path, text).contract is contract


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print 'a' append list.txt\nvariable l file list.txt", "read again"),
        ("fix p all print 10 'a' file list.txt\ninclude list.txt", "read again"),
        ("thermo_modify format line 'step %d of %g'", "more than numbers"),
    ],
)
def test_refused(tmp_path: Path, text: str, said: str) -> None:
    report = checked(tmp_path, text)
    assert report.contract is Contract.REFUSED
    assert any(said in problem.message for problem in report.problems)


@pytest.mark.parametrize(
    "text",
    [
        "thermo_modify format line '%8d %15.10g %g'",
        "thermo_modify format float %15.10g format int %ld",
        "print 'variable a equal 1' file made.inc\ninclude made.inc",
    ],
)
def test_taken(tmp_path: Path, text: str) -> None:
    assert checked(tmp_path, text).contract is Contract.EXACT


@pytest.mark.parametrize(
    ("commands", "clean"),
    [
        (["fix a all ave/time 10 10 200 c_t"], range(0, 111, 10)),
        (["fix a all ave/time 10 1 200 c_t"], range(0, 201, 10)),
        (["fix a all ave/correlate 10 3 200 c_t"], range(0, 1)),
        (["fix a all ave/atom 10 10 200 vx"], range(0, 111, 10)),
        (["fix a all reaxff/species 10 10 200 s.out"], range(0, 111, 10)),
        (["fix a all dt/reset 10 1 1 1"], range(0, 201, 10)),
        (["fix a all vector 10 c_t"], ()),
        (["fix a all deform 1 x erate 0.1"], range(0, 201, 10)),
        (["fix a all deform 1 x erate 0.1 remap v"], ()),
        (["fix a all ave/time 10 10 200 c_t", "variable m equal f_a"], ()),
        (["fix a all ave/time 10 10 200 c_t", "variable m equal f_ab"], range(0, 111, 10)),
    ],
)
def test_steps_at_which_a_deck_may_be_left_between_runs(commands: list[str], clean: range) -> None:
    journal = Journal(deck="in.deck", box=True)
    for text in commands:
        journal.record(words(text), text, Place("in.deck", 1))
    assert [step for step in range(0, 200, 10) if is_clean(journal, step)] == [
        step for step in clean if step < 200
    ]


@pytest.mark.parametrize(
    ("command", "interval"),
    [
        ("fix a all ave/time 10 10 200 c_t", 200),
        ("fix a all ave/atom 10 10 200 vx", 200),
        ("fix a all ave/correlate 10 3 200 c_t", 200),
        ("fix a all reaxff/species 10 10 200 s.out", 200),
        ("fix a all adapt 70 pair lj/cut epsilon 1 1 v_e", 70),
        ("fix a all dt/reset/kk 70 1 1 1", 70),
        ("fix a all adapt 1 pair lj/cut epsilon 1 1 v_e", 10),
        ("fix a all nve", 10),
    ],
)
def test_steps_between_checkpoints_in_a_run(command: str, interval: int) -> None:
    journal = Journal(deck="in.deck", box=True)
    journal.record(words(command), command, Place("in.deck", 1))
    assert clean_interval(journal) == interval


def test_atoms_are_wrapped_by_a_run_where_the_box_gives_them_another_velocity() -> None:
    command = "fix a all deform 1 xy erate 0.1 remap v"
    journal = Journal(deck="in.deck", box=True)
    journal.record(words(command), command, Place("in.deck", 1))
    assert list(wrapping(journal)) == []
    journal.run = RunInProgress(file="in.deck", line=2, first=100, last=900)
    zero = "run 0 start 100 stop 900 post no"
    assert list(wrapping(journal)) == ["log none", zero, "log log.lammps append"]
    journal.log = None
    assert list(wrapping(journal)) == ["log none", zero]
    journal.record(["unfix", "a"], "unfix a", Place("in.deck", 3))
    assert list(wrapping(journal)) == []
