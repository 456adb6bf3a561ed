"""Carries a deck through LAMMPS without computing a step: what only the engine itself can tell.

LAMMPS executes every command but the runs. The first of them is set up, which finds coefficients
that are missing and systems that blow up at once; later ones are not, because nothing has moved.
The interpreter is the one that carries real runs, so loops and branches are followed too.
Started by `sandbox.py`; reads a Request from its standard input, writes a DryRun to its output.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from deckhand.domain.deck import Problem, Severity
from deckhand.domain.run import Bound, DryRun, Stage
from deckhand.lammps import failure, fence
from deckhand.lammps.doubt import Doubts, bound_of
from deckhand.lammps.errors import DeckError, EngineDiedError, Place
from deckhand.lammps.files import folders
from deckhand.lammps.interpreter import WHOLE, Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.process import Lammps
from deckhand.lammps.sandbox import Request
from deckhand.lammps.script import Script, folder_reader, words
from deckhand.lammps.variables import Given, give

MOST_STAGES = 1000
"""A loop may have a run for each of a million windows; their steps are counted all the same."""


class _TimeOverError(Exception):
    """The dry run took longer than it may."""


class _FenceError(DeckError):
    """A command that a dry run does not let pass."""


class _SkippedError(Exception):
    """The deck needs what a run that was skipped would have written; the text says what."""


@dataclass
class _Observer:
    """A watch that lets everything pass and notes how far the runs would go."""

    cwd: Path
    journal: Journal
    engine: _Skipping
    stages: list[Stage] = field(default_factory=list)
    total_steps: int = 0
    stopping: bool = False
    pausing: bool = False

    def command_comes(self, command: list[str], place: Place) -> None:
        """Make the folders that the runner makes too."""
        for folder in folders(command):
            (self.cwd / folder).mkdir(parents=True, exist_ok=True)

    def command_given(self, command: list[str]) -> None:
        """Note a minimisation."""
        if command[0] == "minimize":
            place = self.engine.latest
            self._add(Stage(kind="minimize", steps=None, file=place.file, line=place.line))

    def box_made(self) -> None:
        """Nothing to arm."""

    def can_stand(self, step: int) -> bool:
        return False

    def run_comes(self, step: int) -> bool:
        return False

    def run_starts(self, step: int, *, set_up: bool) -> None:
        run = self.journal.run
        if run is not None:
            steps = run.target - run.first
            self.total_steps += steps
            self._add(Stage(kind="run", steps=steps, file=run.file, line=run.line))

    def run_goes_on(self, step: int) -> None:
        """No run is halted."""

    def run_ended(self, step: int) -> None:
        """Nothing was computed."""

    def _add(self, stage: Stage) -> None:
        if len(self.stages) < MOST_STAGES:
            self.stages.append(stage)


class _Skipping(Lammps):
    """A LAMMPS that skips its runs, and an interpreter that is to believe they took place."""

    def __init__(
        self, command: Sequence[str], cwd: Path, control: Path, deck: str, doubts: Doubts
    ) -> None:
        super().__init__(command, cwd, control)
        self._folder = PurePosixPath(deck).parent.as_posix()
        self._doubts = doubts
        self.latest = Place(PurePosixPath(deck).name, 0)
        self._skipped = 0
        self._is_set_up = False

    def send(self, command: str, place: Place | None = None) -> None:
        if place is not None:
            given = words(command, place)
            self._let_pass(given, place)
            self.latest = place
            if given[0] == "run":
                self._run(int(given[1]), place)
                return
            if given[0] in WHOLE:
                self._skip(given, place)
                return
        super().send(command, place)
        if place is not None:
            # Wait for it: some errors do not say which command they are about, so it must be this.
            super().ask("")

    def ask(self, text: str) -> str:
        self._doubts.asked(text)
        return super().ask(text)

    def current(self) -> str:
        """The newest command of the deck; LAMMPS is given the next when it has done this one."""
        return next((text for text, place in reversed(self.last_places()) if place), "")

    def holds(self, condition: str) -> bool:
        self._doubts.asked(condition)
        return super().holds(condition)

    def step(self) -> int:
        return self._real_step() + self._skipped

    def _real_step(self) -> int:
        # Not by our own `ask`: it is not the deck that asks.
        return int(super().ask("$(step:%.0f)"))

    def _let_pass(self, command: list[str], place: Place) -> None:
        refusal = fence.refusal(command, self._folder)
        if refusal is not None:
            raise _FenceError(refusal, place)
        self._doubts.command_comes(command)
        if command[0] in ("reset_timestep", "clear"):
            self._skipped = 0
        self._is_set_up = self._is_set_up and command[0] != "clear"

    def _run(self, target: int, place: Place) -> None:
        before, self._skipped = self._skipped, target - self._real_step()
        if self._skipped == before:
            super().send("run 0", place)  # it is that long, and sets up what the deck then asks for
        else:
            self._skip(["run"], place)

    def _skip(self, command: list[str], place: Place) -> None:
        """Let the first of the runs of a system begin, and end at once; leave out the others."""
        if not self._is_set_up and command[0] == "run":
            super().send("run 0 post no", place)
        elif not self._is_set_up and command[0] == "minimize":
            super().send(" ".join([*command[:3], "0", "0", *command[5:]]), place)
        self._real_step()
        self._is_set_up = True
        self._doubts.skipped = True


def carry(request: Request) -> DryRun:
    """Carry the deck to its end, or as far as it goes in its time."""
    copy, control = request.scratch / "deck", request.scratch / "control"
    shutil.copytree(request.root, copy, symlinks=True)
    control.mkdir()
    cwd = copy / Path(request.deck).parent
    folder = Path(request.deck).parent.as_posix()
    doubts = Doubts()
    journal = Journal(deck=Path(request.deck).name)
    command = [*request.lmp, "-log", "none"]
    lammps = _Skipping(command, cwd, control, request.deck, doubts)
    try:
        lammps.tick = _deadline(request.seconds)
        observer = _Observer(cwd, journal, lammps)
        interpreter = Interpreter(lammps, journal, _reader(cwd, folder, doubts), observer)
        return _carried(lammps, interpreter, observer, doubts, request.variables)
    finally:
        lammps.kill()


def _carried(
    lammps: _Skipping,
    interpreter: Interpreter,
    observer: _Observer,
    doubts: Doubts,
    variables: Given,
) -> DryRun:
    found = DryRun()
    try:
        give(lammps, interpreter.journal, variables)
        interpreter.execute()
        if interpreter.journal.box:
            found = _weighed(lammps)
    except _TimeOverError:
        # One that goes by results of runs, and finds none, may never come to an end.
        found = DryRun(ended=False, bound=None if doubts.strayed else Bound.TIME)
    except _SkippedError as reason:
        found = DryRun(trouble=str(reason))
    except _FenceError as error:
        found = DryRun(problem=_problem(error, observer))
    except DeckError as error:
        found = _judged(error, error.message, lammps, observer, doubts)
    except EngineDiedError as error:
        message = failure.error_of(lammps.screen())
        sent = lammps.last_places()
        said = failure.explain(lammps.screen(), error.returncode, sent, lammps.current())
        if message is None:
            found = _died(said.message, failure.tail(lammps.screen()), error.returncode)
        else:
            found = _judged(said, message, lammps, observer, doubts)
    return found.model_copy(
        update={"stages": tuple(observer.stages), "total_steps": observer.total_steps}
    )


def _judged(
    error: DeckError, message: str, lammps: _Skipping, observer: _Observer, doubts: Doubts
) -> DryRun:
    """The error as a problem of the deck, unless a real run may not have it."""
    place = error.place or observer.engine.latest
    doubt = doubts.about(message, lammps.current().split() or [""])
    if doubt:
        said = f"{place}: {error.message} That may be none of the deck's: {doubt}."
        return DryRun(trouble=said, bound=bound_of(message))
    return DryRun(problem=_problem(error, observer))


def _died(said: str, screen: Sequence[str], returncode: int | None) -> DryRun:
    """LAMMPS ended without an error message of its own."""
    # The kernel has killed it, and nobody but a lack of memory makes the kernel do so.
    killed = Bound.MEMORY if returncode == -signal.SIGKILL else None
    bound = killed or bound_of(" ".join(screen))
    return DryRun(trouble=" ".join([said, *screen[-1:]]), bound=bound)


def _problem(error: DeckError, observer: _Observer) -> Problem:
    place = error.place or observer.engine.latest
    return Problem(severity=Severity.ERROR, file=place.file, line=place.line, message=error.message)


def _weighed(lammps: Lammps) -> DryRun:
    """Atoms of the system as the deck leaves it, and the size of a restart file, by writing one."""
    atoms = int(lammps.ask("$(atoms:%.0f)"))
    file = lammps.screen_path.with_name("size.restart")
    try:
        lammps.send(f"write_restart {file}")
        lammps.ask("")
        return DryRun(atoms=atoms, checkpoint_bytes=file.stat().st_size)
    except (EngineDiedError, OSError):
        # A deck may leave a system that cannot be written; that is no fault of it.
        return DryRun(atoms=atoms)


def _reader(cwd: Path, folder: str, doubts: Doubts) -> Callable[[str], Script]:
    """Reads the scripts of the deck; one that a run writes is not there."""

    def read(file: str) -> Script:
        if not (cwd / file).is_file() and doubts.comes_of_a_run(file):
            raise _SkippedError(f"{file} is written by a run, and runs are skipped.")
        return whole(file)

    whole = folder_reader(cwd)
    return fence.fenced(read, folder)


def _deadline(seconds: float) -> Callable[[], None]:
    until = time.monotonic() + seconds

    def tick() -> None:
        if time.monotonic() > until:
            raise _TimeOverError

    return tick


def main(arguments: list[str]) -> None:
    request = Request.model_validate_json(sys.stdin.buffer.read())
    found = DryRun.model_validate({**carry(request).model_dump(), "network": arguments[0]})
    print(found.model_dump_json())


if __name__ == "__main__":
    main(sys.argv[1:])
