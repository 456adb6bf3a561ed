"""The deck's own restart files: which they are, and which of two comes next."""

from __future__ import annotations

import pytest

from deckhand.lammps.own_restarts import (
    begun_with_second,
    can_be_shared,
    due_name,
    names_of,
    shared,
    uses_two,
    written,
)
from deckhand.lammps.script import words

ONE, TWO = words("restart 100 keep.*.restart"), words("restart 50 a.restart b.restart nfile 2")


def test_names() -> None:
    assert names_of(ONE) == ["keep.*.restart"]
    assert names_of(TWO) == ["a.restart", "b.restart"]
    assert names_of(["restart", "0"]) == []
    assert (uses_two(ONE), uses_two(TWO)) == (False, True)


def test_ours_share_the_way_of_those_that_are_named_by_their_step() -> None:
    assert shared([ONE, TWO]) == ONE
    assert shared([ONE]) == shared([TWO]) == shared([]) == []


@pytest.mark.parametrize(
    ("text", "step", "name"),
    [
        ("restart 100 keep.*.restart", 300, "keep.300.restart"),
        ("restart 100 keep.restart fileper 4", 300, "keep.restart.300"),
        ("restart 100 keep.*.restart", 350, ""),
        ("restart 0", 350, ""),
    ],
)
def test_due_name(text: str, step: int, name: str) -> None:
    assert due_name(words(text), step) == name


@pytest.mark.parametrize(
    ("text", "answer"), [("restart 5 a", True), ("restart v_n a", False), ("restart 5 a.%", False)]
)
def test_what_our_files_can_stand_for(text: str, answer: bool) -> None:
    assert can_be_shared(words(text)) is answer


def test_files_are_counted_behind_the_first_step() -> None:
    assert [written(TWO, 0, last) for last in (0, 49, 50, 120)] == [0, 0, 1, 2]
    assert written(TWO, 50, 120) == 1
    assert written(words("restart v_n a b"), 0, 100) == 0


def test_the_order_of_two_files_can_be_turned() -> None:
    assert begun_with_second(TWO) == words("restart 50 b.restart a.restart nfile 2")
