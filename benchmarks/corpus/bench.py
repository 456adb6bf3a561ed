"""The phases that each deck goes through, and what is kept of them."""

from __future__ import annotations

import shutil
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.corpus.bounded import run_bounded
from benchmarks.corpus.check import check
from benchmarks.corpus.decks import Corpus, Deck
from benchmarks.corpus.plain import WHOLE_SECONDS, PlainRuns
from benchmarks.corpus.record import Fidelity, Order, Phase, Plain, Record, Resume, Shelf
from benchmarks.corpus.verdict import is_refused

INTERRUPTIONS: Final = 2
TRIAL_SECONDS: Final = 180.0
"""What a rehearsal may take, and again so much for each time the deck runs in plain `lmp`."""

TIMES: Final = 10
INTERRUPTIBLE_SECONDS: Final = 2.5
SETUP_SECONDS: Final = 0.2
LENGTHENING: Final = 4.0
LENGTHENINGS: Final = 2
NOT_BORNE: Final = "Undisturbed, in plain LAMMPS"
"""How a rehearsal says that the deck fails without Deckhand too: it was made too long."""

_TOLD: Final = 400


@dataclass(frozen=True)
class Bench:
    """What every phase works with; *environment* is that of LAMMPS.

    A deck that takes more than *longest* seconds is made shorter.
    """

    corpus: Corpus
    shelf: Shelf
    scratch: Path
    lmp: Path
    environment: Mapping[str, str]
    longest: float

    def seconds(self, deck: Deck) -> float:
        """What the deck takes in plain `lmp`, as far as it is known."""
        plain = self.shelf.read(deck.name).plain
        return plain.seconds if plain else 0.0

    def carry(self, deck: Deck, phases: Sequence[Phase], again: bool) -> None:
        """Do with a deck what is not done yet."""
        for phase in phases:
            record = self.shelf.read(deck.name)
            if record.has(phase) and not again:
                continue
            work = self.scratch / f"{phase.value}__{deck.name.replace('/', '__')}"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            try:
                done = self._do(phase, deck, record, work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            if done is not None:
                known = self.shelf.read(deck.name)
                self.shelf.write(known.model_copy(update={phase.value: done}))

    def _do(self, phase: Phase, deck: Deck, record: Record, work: Path) -> object:
        """What comes of a phase; None where there is nothing to be asked."""
        lay = partial(self.corpus.lay, deck)
        if phase is Phase.CHECK:
            lay(work / "deck", 1.0)
            return check(work / "deck", deck.file)
        if phase is Phase.PLAIN:
            runs = PlainRuns(self.lmp, self.environment, work, deck.file, lay)
            return runs.measure(record.check.steps if record.check else None)
        plain = record.plain
        if plain is None or not plain.runs:
            return None
        if is_refused(record):
            return None
        if phase is Phase.FIDELITY:
            return self._compare(deck, plain, work)
        return self._interrupt(deck, plain, work) if record.has_dynamics else None

    def _compare(self, deck: Deck, plain: Plain, work: Path) -> Fidelity:
        factor = min(plain.factor, fitting(plain, self.longest))
        found = self._compared(deck, plain, work, factor)
        if factor != plain.factor and NOT_BORNE in found.detail:
            return self._compared(deck, plain, work, plain.factor)
        return found

    def _compared(self, deck: Deck, plain: Plain, work: Path, factor: float) -> Fidelity:
        shutil.rmtree(work)
        work.mkdir()
        said, failure = self._rehearse(deck, plain, work, factor, interruptions=0)
        if failure:
            return Fidelity(identical=False, detail=failure)
        return Fidelity.model_validate_json(said)

    def _interrupt(self, deck: Deck, plain: Plain, work: Path) -> Resume:
        """Interrupt a deck; one that is over before is made longer, as far as it bears that."""
        found = self._rehearsed(deck, plain, work, fitting(plain, self.longest))
        for _ in range(LENGTHENINGS):
            if not found.played or found.interruptions:
                break
            found = self._rehearsed(deck, plain, work, found.factor * LENGTHENING)
        if found.factor != plain.factor and NOT_BORNE in found.failure:
            return self._rehearsed(deck, plain, work, plain.factor)
        return found

    def _rehearsed(self, deck: Deck, plain: Plain, work: Path, factor: float) -> Resume:
        shutil.rmtree(work)
        work.mkdir()
        said, failure = self._rehearse(deck, plain, work, factor, INTERRUPTIONS)
        if failure:
            return Resume(played=False, factor=factor, failure=failure)
        return Resume.model_validate_json(said).model_copy(update={"factor": factor})

    def _rehearse(
        self, deck: Deck, plain: Plain, work: Path, factor: float, interruptions: int
    ) -> tuple[str, str]:
        """The answer of a rehearsal, or else why there is none."""
        self.corpus.lay(deck, work / "deck", factor)
        lengthening = factor / plain.factor
        order = Order(
            root=work / "deck",
            deck=deck.file,
            work=work,
            total_steps=round(plain.steps * lengthening),
            interruptions=interruptions,
            seed=zlib.crc32(deck.name.encode()),
        )
        said = work / "said"
        ended = run_bounded(
            [sys.executable, "-m", "benchmarks.corpus.trial", order.model_dump_json()],
            Path.cwd(),
            self.environment,
            said,
            TRIAL_SECONDS + TIMES * min(plain.seconds * lengthening, WHOLE_SECONDS),
        )
        text = said.read_text(encoding="utf-8", errors="replace").strip()
        text = text.replace(f"{work}/", "")
        if ended.code == 0:
            return text.rpartition("\n")[2], ""
        return "", f"{'crashed' if ended.code else 'given up'}: {text[-_TOLD:]}"


def fitting(plain: Plain, longest: float) -> float:
    """A factor that makes a deck last long enough to be interrupted, and not too long."""
    if plain.seconds > longest:
        return float(f"{plain.factor * longest / plain.seconds:.2g}")
    if plain.seconds < INTERRUPTIBLE_SECONDS:
        wanted = INTERRUPTIBLE_SECONDS / max(plain.seconds, SETUP_SECONDS)
        return float(f"{plain.factor * wanted:.1g}")
    return plain.factor
