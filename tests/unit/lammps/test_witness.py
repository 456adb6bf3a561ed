"""What no restart file holds and LAMMPS writes down: particles poured, and the time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deckhand.lammps import witness
from deckhand.lammps.errors import Place
from deckhand.lammps.pacing import ControlFiles
from deckhand.lammps.script import words
from deckhand.lammps.witness import Witnessed, asked, commands, is_needed, reached, remaining
from tests.makers import journal_of

HERE = Place("in.deck", 1)
POUR = "fix ins all pour 3000 1 77 region slab"
OTHER = "fix more all pour 40 2 78 region slab"


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (POUR, True),
        ("fix d all dt/reset 10 1 1 1", True),
        ("variable t internal 0.5", True),
        ("variable t equal 0.5", False),
        ("fix n all nve", False),
    ],
)
def test_when_it_is_needed(command: str, needed: bool) -> None:
    assert is_needed(journal_of(command)) is needed


def test_what_lammps_wrote_is_found_again_by_its_step(tmp_path: Path) -> None:
    control, journal = ControlFiles(tmp_path), journal_of(POUR, OTHER)
    (command,) = commands(control, 50, journal)
    assert "all print 50 " in command
    assert re.findall(r"\$\((\w+)", command) == ["step", "time", "f_ins", "f_more"]
    assert witness.testimony(control, 50, journal) is None
    control.witness.write_text("#\n50 0.25 112 3\n100 0.5 224 40\n150 0.")
    assert witness.testimony(control, 100, journal) == Witnessed(0.5, {"ins": 224, "more": 40}, {})
    assert witness.testimony(control, 150, journal) is None
    assert witness.testimony(control, 75, journal) is None


def test_an_internal_variable_is_given_the_value_it_had_come_to() -> None:
    journal = journal_of("variable t internal 0.5", "variable k equal 2")
    seen = asked(Answers("0.5 0.72999999999999998"), journal)
    assert seen == Witnessed(0.5, {}, {"v_t": "0.72999999999999998"})
    internal, other = journal.of("variable")
    assert reached(internal, journal, 100) == ["variable t internal 0.5"]
    journal.witnessed = seen.values
    assert reached(internal, journal, 100) == ["variable t internal 0.72999999999999998"]
    assert reached(other, journal, 100) == ["variable k equal 2"]


class Answers:
    """An engine that has one answer."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def ask(self, text: str) -> str:
        return self.answer


def test_the_count_goes_on_from_one_process_to_the_next() -> None:
    journal = journal_of(POUR, OTHER)
    journal.poured = {"ins": 200}
    assert asked(Answers("0.5 24 40"), journal) == Witnessed(0.5, {"ins": 224, "more": 40}, {})
    fix, other = journal.of("fix")
    assert remaining(fix, journal) == words("fix ins all pour 2800 1 77 region slab")
    assert remaining(other, journal) == words(OTHER)


@pytest.mark.parametrize("command", [POUR, "unfix ins", "clear"])
def test_a_fix_that_is_gone_or_new_has_poured_nothing(command: str) -> None:
    journal = journal_of(POUR)
    journal.poured = {"ins": 200}
    journal.record(words(command), command, HERE)
    assert journal.poured == {}
