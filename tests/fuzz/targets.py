"""What is fuzzed: each target takes any bytes, and raises what is a fault of Deckhand's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.lammps.errors import DeckError, EngineDiedError
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal, restated
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.script import (
    Script,
    as_line,
    decode,
    parse,
    references,
    replaced,
    without_comment,
    words,
)
from deckhand.lammps.watch import Stopped
from tests.fuzz.bystander import Bystander
from tests.fuzz.memory import EnoughError, MemoryEngine

DECK: Final = "in.deck"
PARTS: Final = ("a.inc", "b.inc")
BETWEEN: Final = b"\n%%\n"
"""Between the files of a deck in the bytes that a target is given."""


def files_of(body: bytes) -> dict[str, bytes]:
    """The deck, and the files that it may include."""
    return dict(zip((DECK, *PARTS), body.split(BETWEEN, len(PARTS)), strict=False))


def language(body: bytes) -> None:
    """Lines, words and references of any text: a typed error, or what LAMMPS reads too."""
    for line in parse(DECK, decode(body)).lines:
        with suppress(DeckError):
            text = without_comment(line.text)
            assert replaced(text, lambda reference: reference) == text
            command = words(text)
            if command and not any(references(text)):
                told = parse(DECK, as_line(text, command) + "\n").lines
                assert [words(without_comment(again.text)) for again in told] == [command]


def preflight(body: bytes) -> None:
    """Any deck in a folder is checked, whatever it is."""
    folder = Path(tempfile.mkdtemp(prefix="deckhand-fuzz-"))
    try:
        for name, text in files_of(body).items():
            (folder / name).write_bytes(text)
        report = check_folder(folder, DECK)
        assert report.model_dump_json()
    finally:
        shutil.rmtree(folder)


def interpreter(body: bytes) -> None:
    """Any deck is carried on the same way from a journal of any of its runs."""
    read = _reader(files_of(body))
    whole = _Walk(MemoryEngine(), Journal(deck=DECK))
    whole.carry(read)
    for halt in _halts(whole.engine.sent):
        _resumed(read, whole, _Walk(MemoryEngine(halt=halt), Journal(deck=DECK)))
    for runs in range(min(_MOST_HALTS, whole.runs + 1)):
        _resumed(read, whole, _Walk(MemoryEngine(), Journal(deck=DECK), stop_after=runs))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "language": language,
    "preflight": preflight,
    "interpreter": interpreter,
}

_MOST_HALTS: Final = 6


@dataclass
class _Walk(Bystander):
    """One engine that a deck is given to, until its end, a fault of its own, or a stop."""

    engine: MemoryEngine
    journal: Journal
    resumed: bool = False
    stopped: bool = False
    runs: int = 0
    stop_after: int | None = None

    @property
    def stopping(self) -> bool:
        return self.engine.halted or (self.stop_after is not None and self.runs >= self.stop_after)

    def carry(self, read: Callable[[str], Script]) -> None:
        try:
            Interpreter(self.engine, self.journal, read, self, resumed=self.resumed).execute()
        except Stopped:
            self.stopped = True
        except (DeckError, EngineDiedError, EnoughError):
            pass

    def run_ended(self, step: int) -> None:
        self.runs += 1

    def can_stand(self, step: int) -> bool:
        return True


def _reader(files: Mapping[str, bytes]) -> Callable[[str], Script]:
    def read(file: str) -> Script:
        if file not in files:
            raise DeckError(f"cannot read {file}")
        return parse(file, decode(files[file]))

    return read


def _halts(sent: list[str]) -> list[int]:
    """Steps in the middle of the first runs."""
    middles = [
        (int(start) + int(target)) // 2
        for _, target, _, _, start, *_ in (line.split() for line in sent if line[:4] == "run ")
    ]
    return sorted(set(middles))[:_MOST_HALTS]


def _resumed(read: Callable[[str], Script], whole: _Walk, first: _Walk) -> None:
    first.carry(read)
    if not first.stopped:
        return
    journal = Journal.model_validate_json(first.journal.model_dump_json())
    assert journal == first.journal
    engine = MemoryEngine(now=first.engine.now, left=whole.engine.left + len(whole.engine.sent))
    for setting in journal.of("variable"):
        for command in restated(setting):
            engine.send(command)
    engine.sent.clear()
    second = _Walk(engine, journal, resumed=True)
    second.carry(read)
    # The run that was left in the middle is told twice, to the same end.
    done = [*_told(first.engine)[: -1 if first.journal.mid_run else None], *_told(second.engine)]
    expected = _told(whole.engine)
    shorter = min(len(done), len(expected)) if whole.engine.left <= 0 else len(expected)
    assert done[:shorter] == expected[:shorter], (done, expected)


def _told(engine: MemoryEngine) -> list[str]:
    """Commands, without what a run that goes on says of its beginning."""
    return [line.partition(" pre ")[0] if line[:4] == "run " else line for line in engine.sent]
