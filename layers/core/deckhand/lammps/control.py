"""The control of a resumed run: one LAMMPS process, cut and continued where the run was resumed.

Dynamics is chaotic: a resumed run parts from an undisturbed one however well it was resumed, for a
restart file makes LAMMPS build its neighbour lists anew. The control writes the same restart files
at the same steps and sets its runs up anew at the same steps, but keeps its memory. What a resume
has lost, and only that, makes the two differ: they have to agree in every printed digit.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from deckhand.domain.manifest import Moment, RestartFile, Segment
from deckhand.lammps.data_file import note_coefficients
from deckhand.lammps.errors import Place
from deckhand.lammps.files import folders
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.own_restarts import shared, takes_single
from deckhand.lammps.pacing import (
    NEVER,
    PACE_BETWEEN_RUNS,
    VARIABLES,
    ControlFiles,
    clean_interval,
    halt_commands,
    removed_to_write,
    restart_commands,
    wrapping,
)
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import reseed
from deckhand.lammps.script import Script, folder_reader
from deckhand.lammps.variables import Given, give
from deckhand.lammps.watch import Stopped

NO_ATTEMPT: Final = 0


class Point(NamedTuple):
    """A restart file of the run, and the attempt that was resumed from it, if one was."""

    written: RestartFile
    heir: int = NO_ATTEMPT


def points_of(lineage: Sequence[Segment]) -> Iterator[Point]:
    """All restart files along a lineage; the last one of a segment is what its heir was given."""
    for segment, heir in zip(lineage, [*lineage[1:], None], strict=True):
        *others, last = segment.restart_files or (None,)
        yield from (Point(written) for written in others if written is not None)
        if last is not None:
            yield Point(last, heir.attempt if heir is not None else NO_ATTEMPT)


def run_control(
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    root: Path,
    deck: str,
    lineage: Sequence[Segment],
    variables: Given | None = None,
) -> None:
    """Carry the *deck* below *root* in one process, cut and continued as *lineage* was resumed.

    *command* starts LAMMPS, *variables* are those that the deck was given from outside; the outputs
    are left beside the deck. Raises DeckError and EngineDiedError.
    """
    cwd = root / Path(deck).parent
    with tempfile.TemporaryDirectory(prefix="deckhand-control-") as folder:
        journal = Journal(deck=Path(deck).name)
        shared = Path(folder)
        lammps = Lammps([*command, "-log", str(journal.log)], cwd, shared, environment)
        points = deque(points_of(lineage))
        watch = _Cutter(lammps, journal, ControlFiles(shared), points, cwd)
        try:
            for variable in VARIABLES:
                lammps.send(variable)
            give(lammps, journal, variables or {})
            _carry(lammps, journal, folder_reader(cwd), watch)
        finally:
            lammps.kill()


def _carry(
    lammps: Lammps, journal: Journal, read_script: Callable[[str], Script], watch: _Cutter
) -> None:
    interpreter = Interpreter(lammps, journal, read_script, watch)
    while True:
        try:
            interpreter.execute()
            break
        except Stopped as stopped:
            watch.cut(stopped.step)
            interpreter = Interpreter(lammps, journal, read_script, watch, resumed=True)
    lammps.close()


@dataclass
class _Cutter:
    """A watch that stops the deck where the plan says that the run was resumed."""

    lammps: Lammps
    journal: Journal
    files: ControlFiles
    plan: deque[Point]
    cwd: Path
    _interval: int = 0
    _boundary: list[str] = field(default_factory=list)
    _armed: list[Point] = field(default_factory=list)

    @property
    def stopping(self) -> bool:
        if self._armed:
            return self._armed[-1].heir != NO_ATTEMPT
        head = self.plan[0] if self.plan else None
        return head is not None and head.heir != NO_ATTEMPT and self._is_here(head)

    @property
    def pausing(self) -> bool:
        return bool(self._armed) and self._armed[-1].written.moment is Moment.PAUSED

    def _is_here(self, point: Point) -> bool:
        """Whether the run it was resumed for, or the file was written before, comes next."""
        written = point.written
        here = (self.journal.stage, self.journal.steps_done)
        return written.moment is Moment.BETWEEN and (written.stage, written.step) == here

    def command_comes(self, command: list[str], place: Place) -> None:
        """Make the folders that the runner makes too."""
        for folder in folders(command):
            (self.cwd / folder).mkdir(parents=True, exist_ok=True)

    def command_given(self, command: list[str]) -> None:
        """Follow the deck in what the boundaries of its box are, and its force field."""
        note_coefficients(self.journal, command, self.cwd)
        if command[0] == "boundary":
            self._boundary = command[1:4]
        elif command[0] == "change_box" and "boundary" in command[:-3]:
            at = command.index("boundary") + 1
            self._boundary = command[at : at + 3]

    def box_made(self) -> None:
        self._arm_halt()

    def can_stand(self, step: int) -> bool:
        return True

    def run_comes(self, step: int) -> bool:
        written = False
        while self.plan and self._is_here(self.plan[0]) and not self.plan[0].heir:
            self.plan.popleft()
            self.lammps.send(f"write_restart {self.files.final}")
            written = True
        return written

    def run_starts(self, step: int, *, set_up: bool) -> None:
        if clean_interval(self.journal) != self._interval:
            self._arm_halt()
        self._arm_points()

    def _arm_points(self) -> None:
        """Let LAMMPS write the files of the chunk, and halt where the run was left or paused."""
        run = self.journal.run
        assert run is not None
        offset = run.first - self.journal.steps_done
        self._armed = list(self._points_inside(run.target - offset))
        steps = [point.written.step + offset for point in self._armed]
        cut = steps[-1] if self.stopping or self.pausing else -1
        if self._armed and self._armed[-1].written.moment in (Moment.HALTED, Moment.PAUSED):
            steps.pop()
        owns = [setting.words for setting in self.journal.of("restart")]
        taken = takes_single(owns) and not shared(owns)
        for command in restart_commands(self.files, 1, None, 1.0, single_taken=taken):
            self.lammps.send(
                _written_at(steps) if command.startswith("variable dh_next") else command
            )
        self.lammps.send(f"variable dh_stop equal step=={cut}")

    def _points_inside(self, end: int) -> Iterator[Point]:
        """Those of the chunk that begins, up to run step *end* or where the run was resumed."""
        for point in self.plan:
            written = point.written
            inside = written.moment is not Moment.BETWEEN and written.stage == self.journal.stage
            if not inside or not self.journal.steps_done < written.step <= end:
                return
            yield point
            if point.heir or written.moment is Moment.PAUSED:
                return

    def run_goes_on(self, step: int) -> None:
        """A pause that left a trace is over; those that left none were not made here."""
        self._forget_armed()
        self._arm_points()

    def run_ended(self, step: int) -> None:
        self._forget_armed()
        self.lammps.send(PACE_BETWEEN_RUNS)

    def cut(self, step: int) -> None:
        """Do in this process what a new one was told when the run was resumed here."""
        point = self._armed[-1] if self._armed else self.plan.popleft()
        self._forget_armed()
        if point.written.moment is not Moment.INSIDE:
            for command in wrapping(self.journal):
                self.lammps.send(command)
            removed = list(removed_to_write(self.journal))
            for fix in removed:
                self.lammps.send(f"unfix {fix.key[1]}")
            self.lammps.send(f"write_restart {self.files.final}")
            for fix in removed:
                self.lammps.send(fix.text)
        self._fit_box()
        reseed(self.lammps, self.journal, step, point.heir)

    def _fit_box(self) -> None:
        """The box that follows the atoms leaves them a margin, a part of what the box is when made.

        `read_restart` makes one (`Domain::set_initial_box` in LAMMPS), `change_box` too, but that
        would take the box as the least one there may be (`m`), which `read_restart` does not.
        """
        flags = "".join(self._boundary)
        if "s" in flags and "m" not in flags:
            self.lammps.send(f"change_box all boundary {' '.join(self._boundary)}")

    def _forget_armed(self) -> None:
        for _ in self._armed:
            self.plan.popleft()
        self._armed = []
        for file in self.files.directory.glob(self.files.inside.name):
            file.unlink()

    def _arm_halt(self) -> None:
        self._interval = clean_interval(self.journal)
        for command in halt_commands(self.files, self._interval):
            self.lammps.send(command)


def _written_at(steps: Sequence[int]) -> str:
    """The variable that tells LAMMPS the next of *steps*, and none behind the last."""
    terms = [
        f"(step>={begin})*(step<{end})*{end}"
        for begin, end in zip([-1, *steps], steps, strict=False)
    ]
    last = steps[-1] if steps else -1
    return f'variable dh_next equal "{"+".join([*terms, f"(step>={last})*(step+{NEVER})"])}"'
