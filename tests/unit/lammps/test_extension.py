"""Runs behind a deck's end: when there can be none, and where a journal stands among them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from deckhand.lammps.errors import DeckError
from deckhand.lammps.extension import why_not_extended
from deckhand.lammps.interpreter import EXTENSION, Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.watch import Stopped
from tests.unit.lammps.test_interpreter import Eyes, FakeLammps, reader

BOX = "create_box 1 b\nfix move all nve\n"


@pytest.mark.parametrize(
    ("deck", "says"),
    [
        (f"{BOX}run 10\n", ""),
        (f"{BOX}run 10 every 5 'print a'\nwrite_data x\nminimize 0 0 1 1\n", ""),
        (f"{BOX}run 10\nunfix move\nfix move all nvt temp 1 1 1\n", ""),
        (f"{BOX}run 10\nunfix ${{id}}\n", ""),
        (f"{BOX}run 10\nclear\n{BOX}", ""),
        ("read_restart x\nrun 10\n", ""),
        ("include setup.inc\nrun 10\n", ""),
        (f"{BOX}label a\nrun 10\nnext i\njump SELF a\n", ""),
        (f"{BOX}run 10\nif '$a > 1' then quit\n", ""),
        (f"{BOX}print \"it's\"\nprint it's\nrun 10\n", ""),
        (f"{BOX}run 10\nquit\n", "in.melt, line 4: the deck ends itself with `quit`"),
        (f"{BOX}run 10\njump end.inc\n", "end.inc, line 2: the deck ends itself with `quit`"),
        (f"{BOX}minimize 0 0 1 1\n", "no `run` that could go on"),
        (f"{BOX}run 10\nclear\n", "takes it away with `clear`"),
        (f"{BOX}run 10\nunfix move\n", "takes back every fix"),
        ("", "no `run` that could go on"),
    ],
)
def test_why_a_deck_cannot_be_extended(deck: str, says: str) -> None:
    files = {"in.melt": deck, "setup.inc": BOX, "end.inc": "print x\nquit 0\n"}
    reason = why_not_extended("in.melt", files.get)
    assert says in reason
    assert bool(reason) is bool(says)


def carried(
    engine: FakeLammps, journal: Journal, deck: str, extensions: Sequence[int], watch: Eyes
) -> Interpreter:
    interpreter = Interpreter(
        engine, journal, reader({"in.melt": deck}), watch, extensions=extensions
    )
    interpreter.execute()
    return interpreter


def runs(engine: FakeLammps) -> list[str]:
    return [" ".join(text.split()[:2]) for text in engine.sent if text.startswith("run")]


DECK = "create_box 1 b\nrun 10\nrun 5\n"


def test_each_is_a_run_behind_the_end() -> None:
    engine, journal = FakeLammps(), Journal(deck="in.melt")
    interpreter = carried(engine, journal, DECK, (100, 7), Eyes())
    assert runs(engine) == ["run 10", "run 15", "run 115", "run 122"]
    assert (journal.steps_done, interpreter.extensions_left, journal.frames) == (122, 0, [])


def test_a_journal_from_before_it_was_extended_is_still_good() -> None:
    engine, journal = FakeLammps(halts=frozenset({12})), Journal(deck="in.melt")
    with pytest.raises(Stopped):
        carried(engine, journal, DECK, (), Eyes(lambda: engine.halted))
    text = journal.model_dump_json(exclude={"extended"})
    later = FakeLammps(now=12)
    carried(later, Journal.model_validate_json(text), DECK, (100,), Eyes())
    assert runs(later) == ["run 15", "run 115"]


def test_a_journal_from_inside_an_extension_knows_which() -> None:
    engine, journal = FakeLammps(halts=frozenset({20})), Journal(deck="in.melt")
    with pytest.raises(Stopped):
        carried(engine, journal, DECK, (100, 7), Eyes(lambda: engine.halted))
    assert journal.run is not None
    assert (journal.run.file, journal.run.line) == (EXTENSION, 1)
    later = FakeLammps(now=20)
    again = Journal.model_validate_json(journal.model_dump_json())
    carried(later, again, DECK, (100, 7, 1), Eyes())
    assert runs(later) == ["run 115", "run 122", "run 123"]


def test_nothing_comes_behind_a_quit() -> None:
    engine, journal = FakeLammps(), Journal(deck="in.melt")
    interpreter = carried(engine, journal, f"{DECK}quit\n", (100,), Eyes())
    assert runs(engine) == ["run 10", "run 15"]
    assert interpreter.extensions_left == 1


def test_an_extension_that_is_wrong_is_named() -> None:
    with pytest.raises(DeckError, match="extension, line 1: "):
        carried(FakeLammps(), Journal(deck="in.melt"), DECK, (10**20,), Eyes())
