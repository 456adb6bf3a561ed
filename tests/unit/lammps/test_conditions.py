"""What the conditions of `if` come to without a run, against LAMMPS' own verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deckhand.lammps.conditions import changing, holds, taken
from deckhand.lammps.process import Lammps
from tests.engine import LMP


@pytest.fixture(scope="module")
def lammps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lammps]:
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("deck", "control")]
    process = Lammps([str(LMP), "-log", "none"], *folders)
    yield process
    process.kill()


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("0 == 0", True),
        ("1.0 == 1", True),
        ("-1<=-1.5", False),
        ("1e3 > 999", True),
        ("nvt == npt", False),
        ("nvt != npt", True),
        ("1 > 0 && 2 > 3", False),
        ("1 > 2 || yes == yes && 3 >= 3", True),
        ("1", True),
        ("0.0", False),
    ],
)
def test_it_is_that_of_lammps(condition: str, verdict: bool, lammps: Lammps) -> None:
    assert holds(condition) is verdict
    assert lammps.holds(condition) is verdict


@pytest.mark.parametrize(
    "condition",
    ["${n} == 1", "!(1 == 1)", "(1 == 1)", "1 == a", "a < b", "yes", "1 |^ 1", "1 == 1 |^ 0", ""],
)
def test_what_is_not_plain_is_left_open(condition: str) -> None:
    assert holds(condition) is None


def test_the_first_branch_that_holds_is_taken() -> None:
    command = ["if", "$a == 1", "then", "run 1", "elif", "$a == 2", "run 2", "run 3", "else", "x"]
    for value, expected in (("1", ["run 1"]), ("2", ["run 2", "run 3"]), ("3", ["x"])):
        assert taken(command, lambda text, value=value: text.replace("$a", value)) == expected
    assert taken(command[:4], lambda text: "0") == []
    assert taken(command, lambda text: text) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("variable a equal 1\nvariable b index 2 3", set()),
        ("variable a equal 1\nvariable a equal 2", {"a"}),
        ("variable i loop 3\nvariable a equal v_i+1\nvariable b string x${a}\nnext i", set("iab")),
        ('variable a equal 1\nif "1" then "variable a equal 2"', {"a"}),
        ("variable f string part\ninclude ${f}\nvariable a equal 1", {"a"}),
        ("variable $x equal 1", None),
        ("include ${unknown}", None),
        ("include elsewhere", None),
    ],
)
def test_the_variables_that_change(text: str, names: set[str] | None) -> None:
    found = changing("in.deck", {"in.deck": text, "part": "variable a equal 3"}.get)
    assert found == names
