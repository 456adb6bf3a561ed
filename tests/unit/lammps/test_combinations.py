"""What commands of a deck mean together, where none of them does alone."""

from __future__ import annotations

import pytest

from deckhand.lammps.combinations import Combinations
from deckhand.lammps.errors import Place
from deckhand.lammps.script import words


def reasons(*commands: str) -> list[str]:
    followed = Combinations()
    return [
        promise.reason
        for text in commands
        for promise in followed.take(words(text), Place("in.melt", 1))
    ]


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["restart v_n a", "restart 5 b c"], "both ways"),
        (["restart 5 b c", "restart 10 a.%"], "both ways"),
        (["fix a all print 5 'x' file n", "fix b all print 9 'x' append n"], "the same file"),
        (["thermo_style custom pe", "thermo v_n"], "cannot be told apart"),
    ],
)
def test_together_they_are_refused(commands: list[str], said: str) -> None:
    (reason,) = reasons(*commands)
    assert said in reason


@pytest.mark.parametrize(
    "commands",
    [
        ["restart 10 a", "restart 5 b c"],
        ["restart ${n} a", "restart 5 b c"],
        ["restart v_n a", "restart 0", "restart 5 b c"],
        ["fix a all print 5 'x' file n", "unfix a", "fix b all print 9 'x' append n"],
        ["fix a all print 5 'x' file n", "fix a all print 9 'x' append n"],
        ["fix a all print 5 'x' file n", "fix b all print 9 'x' file m", "fix c all print 1 'x'"],
        ["thermo_style custom step pe", "thermo v_n"],
        ["restart", "fix a all print", "unfix"],
    ],
)
def test_together_they_are_fine(commands: list[str]) -> None:
    assert reasons(*commands) == []
