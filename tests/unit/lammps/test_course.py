"""The course of a run: when what names no step is written."""

from __future__ import annotations

from itertools import islice

import pytest

from deckhand.lammps.course import ROW, Course, Printed, course_of, prints_at, shapes
from deckhand.lammps.journal import Journal, RunInProgress
from tests.makers import journal_of


def running(*commands: str, first: int = 0, last: int = 1000, pre: bool = True) -> Journal:
    journal = journal_of(*commands)
    journal.run = RunInProgress(file="in.melt", line=9, first=first, last=last, pre=pre)
    return journal


def course(*commands: str, step: int = 0, set_up: bool = True, pre: bool = True) -> Course:
    return course_of(running(*commands, pre=pre), step, lambda name: f"sub/{name}", set_up=set_up)


@pytest.mark.parametrize(
    ("commands", "rows"),
    [(["thermo 50"], 50), (["thermo v_when"], None), ([], 0), (["thermo 50", "thermo 70"], 70)],
)
def test_the_interval_of_the_rows(commands: list[str], rows: int | None) -> None:
    assert course(*commands).rows == rows


@pytest.mark.parametrize(
    ("rows", "first", "steps"),
    [
        (100, 0, [0, 100, 200, 250, 250]),
        (100, 130, [130, 200, 250, 250, 250]),
        (100, 200, [200, 250, 250, 250, 250]),
        (0, 30, [30, 250, 250, 250, 250]),
    ],
)
def test_rows_come_at_both_ends_and_between(rows: int, first: int, steps: list[int]) -> None:
    run = Course(first, 250, rows)
    assert [run.row_step(number) for number in range(5)] == steps
    assert [due.step for due in islice(run.dues(-1), 5)] == steps
    assert all(run.has_row(step) for step in steps)
    assert run.has_row(150) is False


def test_lines_come_before_the_row_of_their_step_in_the_order_of_the_fixes() -> None:
    run = course(
        "thermo 100",
        "fix a all print 50 'at $(step)'",
        "fix b all print 50 'again'",
        "fix c all print 10 'not in the log' screen no",
        "fix d all print v_when 'nobody knows when'",
    )
    looks = [due.shape is not ROW and due.shape.pattern[:2] for due in islice(run.dues(0), 5)]
    assert looks == [b"at", b"ag", b"at", b"ag", False]
    assert [due.step for due in islice(run.dues(0), 6)] == [50, 50, 100, 100, 100, 150]


def test_without_a_setup_nothing_is_printed_at_the_first_step() -> None:
    fix = "fix a all print 50 'x'"
    assert next(course(fix).dues(-1)).step == 0
    assert course(fix, set_up=False).last_printed(49) == -1
    assert course(fix, set_up=False).last_printed(120) == 100
    assert course(fix, set_up=True, pre=False).unasked is True


@pytest.mark.parametrize(
    ("text", "line", "matches"),
    [
        ("at $(step) $x", b"at 100 anything\n", True),
        ("at $(step) $x", b"at last\n", False),
        ("${n} $(pe)", b"1.5e-3 -7\n", True),
        ("${n} $(pe)", b"WARNING: no number\n", False),
        ("a+b (c)", b"a+b (c)\n", True),
    ],
)
def test_shapes(text: str, line: bytes, matches: bool) -> None:
    (shape,) = shapes(text, {"n"})
    assert bool(shape.fullmatch(line)) is matches


def test_a_text_of_several_lines_has_several_shapes() -> None:
    run = Course(0, 100, 100, printed=(Printed(40, shapes("one\ntwo $(step)")),))
    assert [due.step for due in islice(run.dues(0), 5)] == [40, 40, 80, 80, 100]


def test_what_may_stay_in_lammps_memory_is_known_with_its_interval() -> None:
    run = course(
        "dump x all xtc 100 melt.xtc",
        "dump_modify x every 50",
        "dump a all atom 10 melt.dump",
        "fix q all qeq/comb 5 0.001 file fq.out",
    )
    assert run.frames == {"sub/melt.xtc": 50, "sub/fq.out": 5}
    assert run.log == "sub/log.lammps"


def test_what_prints_at_a_setup() -> None:
    journal = journal_of("fix a all print 50 'x'", "fix b all print v_n 'x'", "fix c all nve")
    assert list(prints_at(journal, 120)) == [False, True]
    assert list(prints_at(journal, 150)) == [True, True]
