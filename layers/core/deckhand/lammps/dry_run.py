"""Carries a deck through LAMMPS without computing a step: what only the engine itself can tell.

`lmp -skiprun` (https://docs.lammps.org/Run_options.html) executes every command and skips the
runs. The interpreter is the one that carries real runs, so loops and branches are followed too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deckhand.domain.deck import Problem, Severity
from deckhand.domain.run import Stage
from deckhand.lammps import failure
from deckhand.lammps.errors import DeckError, EngineDiedError, Place
from deckhand.lammps.files import folders
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.process import Lammps
from deckhand.lammps.script import folder_reader

MEMORY_BYTES: Final = 4 * 1024**3


@dataclass(frozen=True)
class DryRun:
    """What the dry run found. `ended` is False if it was given up when its time was over.

    `checkpoint_bytes` is the size of a restart file before compression.
    """

    stages: tuple[Stage, ...]
    atoms: int | None
    checkpoint_bytes: int | None
    problem: Problem | None
    ended: bool


class _TimeOverError(Exception):
    """The dry run took longer than it may."""


@dataclass
class _Observer:
    """A watch that lets everything pass and notes how far the runs would go."""

    cwd: Path
    journal: Journal
    stages: list[Stage] = field(default_factory=list)
    stopping: bool = False
    pausing: bool = False

    def command_comes(self, command: list[str]) -> None:
        """Make the folders that the runner makes too."""
        for folder in folders(command):
            (self.cwd / folder).mkdir(parents=True, exist_ok=True)

    def command_given(self, command: list[str]) -> None:
        """Note a minimisation."""
        if command[0] == "minimize":
            self.stages.append(Stage(kind="minimize", steps=None, file=self.journal.deck, line=0))

    def box_made(self) -> None:
        """Nothing to arm."""

    def can_stand(self, step: int) -> bool:
        return False

    def run_comes(self, step: int) -> bool:
        return False

    def run_starts(self, step: int) -> None:
        run = self.journal.run
        if run is not None:
            steps = run.target - run.first
            self.stages.append(Stage(kind="run", steps=steps, file=run.file, line=run.line))

    def run_goes_on(self, step: int) -> None:
        """No run is halted."""

    def run_ended(self, step: int) -> None:
        """Nothing was computed."""


class _Skipping(Lammps):
    """A LAMMPS that skips its runs, and an interpreter that is to believe they took place."""

    skipped = 0

    def send(self, command: str, place: Place | None = None) -> None:
        words = command.split()
        if words[:1] == ["run"]:
            self.skipped = int(words[1]) - super().step()
        elif words[:1] in (["reset_timestep"], ["clear"]):
            self.skipped = 0
        super().send(command, place)

    def step(self) -> int:
        return super().step() + self.skipped


def dry_run(
    root: Path,
    deck: str,
    lmp: Sequence[str],
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> DryRun:
    """Carry the deck *deck* in the folder *root* through *lmp*, in a copy, *seconds* at most."""
    with _scratch_copy(root) as (copy, control):
        cwd = copy / Path(deck).parent
        journal = Journal(deck=Path(deck).name)
        observer = _Observer(cwd, journal)
        bounds = [str(max(1, int(seconds))), str(MEMORY_BYTES)]
        command = [sys.executable, "-m", "deckhand.lammps.confined", *bounds, *lmp]
        lammps = _Skipping([*command, "-skiprun", "-log", "none"], cwd, control, environment)
        lammps.tick = _deadline(seconds)
        try:
            return _carried(
                lammps, Interpreter(lammps, journal, folder_reader(cwd), observer), observer
            )
        finally:
            lammps.kill()


def _carried(lammps: Lammps, interpreter: Interpreter, observer: _Observer) -> DryRun:
    problem: Problem | None = None
    ended, atoms, size = True, None, None
    try:
        interpreter.execute()
        if interpreter.journal.box:
            atoms = int(lammps.ask("$(atoms:%.0f)"))
            size = _checkpoint_bytes(lammps, lammps.screen_path.with_name("size.restart"))
    except _TimeOverError:
        ended = False
    except DeckError as error:
        problem = _problem(error, interpreter.journal.deck)
    except EngineDiedError as error:
        found = failure.explain(lammps.screen(), error.returncode, lammps.last_places())
        problem = _problem(found, interpreter.journal.deck)
    return DryRun(tuple(observer.stages), atoms, size, problem, ended)


def _problem(error: DeckError, deck: str) -> Problem:
    place = error.place or Place(deck, 0)
    return Problem(severity=Severity.ERROR, file=place.file, line=place.line, message=error.message)


def _checkpoint_bytes(lammps: Lammps, file: Path) -> int | None:
    """The size of a restart file of the system as the deck leaves it, by writing one."""
    try:
        lammps.send(f"write_restart {file}")
        lammps.ask("")
        return file.stat().st_size
    except (EngineDiedError, OSError):
        return None  # a deck may leave a system that cannot be written; that is no fault of it


def _deadline(seconds: float) -> Callable[[], None]:
    until = time.monotonic() + seconds

    def tick() -> None:
        if time.monotonic() > until:
            raise _TimeOverError

    return tick


@contextmanager
def _scratch_copy(root: Path) -> Iterator[tuple[Path, Path]]:
    """A copy of the deck's folder, and a folder without blanks in its path for the engine."""
    with tempfile.TemporaryDirectory(prefix="deckhand-dry-") as folder:
        copy, control = Path(folder) / "deck", Path(folder) / "control"
        shutil.copytree(root, copy, symlinks=True)
        control.mkdir()
        yield copy, control
