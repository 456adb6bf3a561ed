"""What is known of each deck, in one JSON file per deck: what was done once is not done again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from deckhand.domain.deck import Frozen
from deckhand.domain.run import Contract


class Phase(StrEnum):
    """What is done with each deck, in this order."""

    CHECK = "check"
    PLAIN = "plain"
    FIDELITY = "fidelity"
    RESUME = "resume"


class Reason(Frozen):
    """A sentence of `deckhand check`, and the line that it is about."""

    message: str
    file: str
    line: int


class Check(Frozen):
    """What `deckhand check` says; `steps` is None where only a running LAMMPS knows."""

    contract: Contract
    ok: bool
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    steps: int | None = None


class Plain(Frozen):
    """What plain `lmp` makes of the deck.

    `factor` is what every run was multiplied with so that it ends in some seconds; 1.0 is the
    whole deck. `steps` are those of molecular dynamics.
    """

    runs: bool
    seconds: float
    factor: float = 1.0
    steps: int = 0
    atoms: int = 0
    error: str = ""


class Fidelity(Frozen):
    """Whether the runner, undisturbed, gives what plain `lmp` gives; `detail` is what differs."""

    identical: bool
    rows: int = 0
    detail: str = ""


class Resume(Frozen):
    """How a rehearsal with interruptions ended; `faults` is empty where it passed.

    `factor` is what every run of the deck was multiplied with; a short deck is made longer.
    `control_deviation` is the largest of any row from the control's, `effect` how far the first of
    the control's rows to differ is from the undisturbed run.
    """

    played: bool
    factor: float = 1.0
    interruptions: int = 0
    faults: tuple[str, ...] = ()
    control_deviation: float | None = None
    effect: float | None = None
    failure: str = ""


class Order(Frozen):
    """What to rehearse: the deck in *root*, interrupted so often, with this seed for its chance."""

    root: Path
    deck: str
    work: Path
    total_steps: int
    interruptions: int
    seed: int


class Record(Frozen):
    """A deck, named by its path in the corpus, and the phases that are done."""

    deck: str
    check: Check | None = None
    plain: Plain | None = None
    fidelity: Fidelity | None = None
    resume: Resume | None = None

    def has(self, phase: Phase) -> bool:
        return getattr(self, phase.value) is not None

    @property
    def has_dynamics(self) -> bool:
        """Whether it has a `run` of some steps; there are loops of other commands too."""
        wanted = self.check is None or self.check.steps != 0
        return self.plain is not None and self.plain.runs and self.plain.steps > 0 and wanted


class Shelf:
    """The records of a corpus, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, deck: str) -> Record:
        file = self._file(deck)
        return Record.model_validate_json(file.read_bytes()) if file.exists() else Record(deck=deck)

    def write(self, record: Record) -> None:
        """Whole or not at all: the script may be stopped at any moment."""
        file = self._file(record.deck)
        new = file.with_suffix(".new")
        new.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        new.replace(file)

    def _file(self, deck: str) -> Path:
        return self.folder / f"{deck.replace('/', '__')}.json"
