"""Watches a deck being run: arms checkpoints, collects them, keeps the book of outputs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deckhand.domain.manifest import Moment, RestartFile
from deckhand.lammps import fence
from deckhand.lammps.course import course_of, late_openings, prints_at, row_interval
from deckhand.lammps.data_file import note_coefficients
from deckhand.lammps.errors import DeckError, Place, ResumeError
from deckhand.lammps.formats import Format
from deckhand.lammps.journal import MAKES_BOX, Journal
from deckhand.lammps.outputs import Cut, OutputBook
from deckhand.lammps.own_restarts import shared, takes_single
from deckhand.lammps.pacing import (
    PACE_BETWEEN_RUNS,
    PROBE_STEPS,
    ControlFiles,
    clean_interval,
    halt_commands,
    is_clean,
    is_set_up_anew,
    may_pause,
    removed_to_write,
    restart_commands,
    wrapping,
)
from deckhand.lammps.process import Lammps
from deckhand.lammps.progress import Progress
from deckhand.lammps.registrar import Registrar
from deckhand.lammps.replay import state_lost
from deckhand.lammps.restart_file import write_seconds
from deckhand.lammps.run_restarts import RunRestarts
from deckhand.lammps.script import quoted
from deckhand.lammps.witness import FIX as WITNESS
from deckhand.lammps.witness import Witnessed, asked, is_needed, testimony
from deckhand.lammps.witness import commands as witness_commands

FLUSH_ROWS: Final = "thermo_modify flush yes"
"""A log that the deck opens itself is buffered, and a checkpoint needs its rows on the disk."""

_RUN_SET_UP: Final = "Per MPI rank memory allocation"
_LOOK_SECONDS: Final = 0.2
_LOOKS: Final = 5
"""How many times at least to look at a run's outputs in an interval between checkpoints."""
_ROW_PATIENCE_SECONDS: Final = 5.0
_WORTH_A_PAUSE: Final = 0.2
"""How much an interval has to change for a run to be told of it."""

SLOWEST: Final = 0.1
"""Steps per second, as long as nothing is known of the speed of a run."""

SLOWED_DOWN: Final = 3.0
"""How much slower than measured a run may become: another process may need the machine too."""

PATIENCE: Final = 1.1
"""How much later than asked for, in intervals, the first restart file of a run may come."""


@dataclass(frozen=True)
class Snapshot:
    """A restart file with all that belongs to it: one checkpoint, not yet stored.

    `restart` is a copy that belongs to the receiver. `cuts` are the output bytes since the
    snapshot before. `step` counts the steps of the run, `time_step` is LAMMPS' own. `written` are
    all restart files of this process up to this one. The simulation stood still for `stalled`
    seconds, None where that is not known.
    """

    step: int
    time_step: int
    restart: Path
    journal: Journal
    cuts: tuple[Cut, ...]
    mid_run: bool
    written: tuple[RestartFile, ...]
    stalled: float | None


@dataclass
class _Pending:
    """A restart file whose checkpoint is not complete yet; `since` is when it was found."""

    step: int
    copy: Path
    since: float
    written: tuple[RestartFile, ...]
    stalled: float | None
    flushing: bool = False


@dataclass
class Session:
    """The watch over one LAMMPS process; `sink` takes each snapshot when it is complete.

    *cwd* is the deck's folder, below the *workspace* root; *seconds* the wall-clock interval.
    """

    lammps: Lammps
    journal: Journal
    workspace: Path
    cwd: Path
    control: ControlFiles
    book: OutputBook
    seconds: float
    sink: Callable[[Snapshot], None]
    heartbeat: Callable[[], None] = lambda: None
    check_state: bool = False
    files: Registrar = field(init=False)
    progress: Progress = field(init=False)
    written: list[RestartFile] = field(default_factory=list)
    _stopping: bool = False
    _pausing: bool = False
    _has_to_tell: bool = False
    _halted: bool = False
    _first_due: float = 0.0
    _interval: int = 0
    _row_steps: float = 0.0
    _last_snapshot: float = field(default_factory=time.monotonic)
    _last_look: float = 0.0
    _run_origin: tuple[int, int] = (0, 0)
    _clock: tuple[int, float, float] = (0, 0.0, 0.0)
    _has_witness: bool = False
    _pending: _Pending | None = None
    _restarts: RunRestarts = field(init=False)

    def __post_init__(self) -> None:
        self.files = Registrar(self.lammps, self.journal, self.workspace, self.cwd, self.book)
        self.progress = Progress(self.journal, self.workspace, self.files.path_of)
        self._restarts = RunRestarts(self.control, self.cwd)

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def pausing(self) -> bool:
        return self._pausing

    def stop(self) -> None:
        """Ask the run to end at the next clean step; safe from any thread and from a signal."""
        self._stopping = True
        self.control.stop.touch()

    def pace(self, seconds: float) -> None:
        """From now on, go *seconds* from one checkpoint to the next; safe from any thread."""
        changed = abs(seconds - self.seconds) > _WORTH_A_PAUSE * self.seconds
        self.seconds = seconds
        self._has_to_tell = self._has_to_tell or changed

    def hasten(self) -> None:
        """Write the next checkpoint as soon as the run allows; safe from any thread."""
        self._last_snapshot = -math.inf
        self._has_to_tell = True

    def command_comes(self, command: list[str], place: Place) -> None:
        """Prepare for what a command does, before LAMMPS is told it.

        Raises DeckError for one that the check would have refused, had it known the values of the
        deck's variables.
        """
        refusal = fence.refusal(command, self.files.folder)
        if refusal is not None:
            raise DeckError(refusal, place)
        if command[0] == "clear" or command[0] in MAKES_BOX:
            # From here on LAMMPS may say of a restart file of the deck's own what it likes.
            self.check_state = False
        self._row_steps = 0.0
        if command[0] == "minimize":
            # It is repeated from its beginning: no iteration of it is worth waiting for.
            self._arm_halt(1)
            most = command[3] if len(command) > 3 else ""
            self._rows_come(row_interval(self.journal), int(most) if most.isdigit() else math.inf)
        self.files.command_comes(command)

    def command_given(self, command: list[str]) -> None:
        """Follow LAMMPS to its new log; keep the rows unbuffered; see what a data file gave."""
        note_coefficients(self.journal, command, self.cwd)
        if command[0] == "log":
            self.progress.log_opened()
        elif command[0] == "thermo_style" or (command[0] == "thermo_modify" and "flush" in command):
            self.lammps.send(FLUSH_ROWS)

    def box_made(self) -> None:
        """Arm what needs a simulation box."""
        self._arm_halt(clean_interval(self.journal))
        self.lammps.send(FLUSH_ROWS)

    def _arm_halt(self, interval: int) -> None:
        self._interval = interval
        for command in halt_commands(self.control, self._interval):
            self.lammps.send(command)

    def run_starts(self, step: int, *, set_up: bool) -> None:
        interval = clean_interval(self.journal)
        if interval != self._interval:
            self._arm_halt(interval)
        self._drop_pending()
        self.progress.run_comes(step)
        course = course_of(self.journal, step, self.files.path_of, set_up=set_up)
        self.book.run_starts(course)
        self.progress.run_starts(step, course)
        self._arm_witness()
        self._arm_restart(self._first_steps())
        self._restarts.begin(step)
        self._rows_come(course.rows, course.last - course.first)
        self._run_origin = (self.journal.stage, self.journal.steps_at(step) - step)
        self._clock = (step, *self._times())

    def _arm_witness(self) -> None:
        """Let LAMMPS write down what a restart file does not hold, if there is such a thing."""
        if self._has_witness:  # it has to stand behind the fixes that it looks at
            self.lammps.send(f"unfix {WITNESS}")
        if is_needed(self.journal):
            for command in witness_commands(self.control, self._interval, self.journal):
                self.lammps.send(command)
        self._has_witness = is_needed(self.journal)

    def _arm_restart(self, first_steps: int | None) -> None:
        owns = [setting.words for setting in self.journal.of("restart")]
        self._restarts.shared = shared(owns)
        commands = restart_commands(
            *(self.control, self._interval, first_steps, self.seconds),
            single_taken=takes_single(owns),
            own_interval=self._restarts.shared[1] if self._restarts.shared else "",
        )
        for command in commands:
            self.lammps.send(command)
        late = 1.0 if first_steps is None else PATIENCE
        self._first_due = self._last_snapshot + late * self.seconds

    def run_goes_on(self, step: int) -> None:
        """Now the speed is known."""
        self._end_pause()
        self.progress.reached(step)
        if is_set_up_anew(self.journal):
            self._note_written(self.journal.stage, self.progress.step, Moment.PAUSED)
        self._flush_log()
        self.book.paused()
        self.progress.run_goes_on(step)
        self._finish_pending()
        self._arm_restart(self._first_steps() or 1)
        self._first_due = math.inf

    def _end_pause(self) -> None:
        self._pausing = False
        self.control.stop.unlink(missing_ok=True)
        if self._stopping:
            self.control.stop.touch()

    def _pause_to_flush(self, now: float) -> None:
        """What `fix print` writes to the log is flushed with the next row, which may be far."""
        pending = self._pending
        if pending is None or pending.flushing or self._stopping or self._pausing:
            return
        waits = now - pending.since > _ROW_PATIENCE_SECONDS and self.journal.mid_run
        traceless = may_pause(self.journal) and not is_set_up_anew(self.journal)
        if waits and traceless and not self.book.holds(pending.step, Format.LOG):
            pending.flushing = self._pausing = True
            self.control.stop.touch()

    def _pause_if_late(self, now: float) -> None:
        """No restart file where one is due: LAMMPS is slower than thought, or nobody knew.

        Or it shall come at another time than LAMMPS was told.
        """
        wanted = now > self._first_due or self._has_to_tell
        idle = self._pending is None and not self._stopping and not self._pausing
        if wanted and idle and self.journal.mid_run and may_pause(self.journal):
            self._first_due = math.inf
            self._has_to_tell = False
            self._pausing = True
            self.control.stop.touch()

    def _times(self) -> tuple[float, float]:
        """The simulated time and the length of a step."""
        now, length = self.lammps.ask("$(time:%.17g) $(dt:%.17g)").split()
        return float(now), float(length)

    def _first_steps(self) -> int | None:
        """Steps until the next checkpoint is due, counted from the one before this run."""
        due = max(0.0, self.seconds - (time.monotonic() - self._last_snapshot))
        speed = self.progress.steps_per_second
        if speed:
            return max(1, int(due * speed))
        return None if may_pause(self.journal) else PROBE_STEPS

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._last_look < min(_LOOK_SECONDS, self.seconds / _LOOKS):
            return
        self._last_look = now
        self.progress.read()
        if self.check_state:
            self._check_state()
        self._look_for_restart()
        self._finish_pending()
        self._pause_to_flush(now)
        self._pause_if_late(now)
        self.heartbeat()

    def signs(self) -> tuple[int, ...]:
        """Signs of life: numbers of which some change as long as LAMMPS gets on."""
        files = [self.lammps.screen_path, self.control.witness]
        files += [self.workspace / path for path in self.book.paths]
        sizes = (_size(file) for file in files)
        return (self.lammps.answers, self.progress.last_step, len(self.written), sum(sizes))

    @property
    def silence(self) -> float:
        """For how many seconds a LAMMPS that gets on may show no sign of life.

        In a run it prints a row or, at a clean step behind the time of a checkpoint, writes one; a
        minimisation prints rows. Nothing is known of other commands.
        """
        known = self.progress.steps_per_second
        speed = SLOWEST if known is None else min(SLOWEST, known)
        if known is not None and self.progress.is_measured and self.journal.mid_run:
            speed = known / SLOWED_DOWN
        rows = self._row_steps / speed
        return min(rows, self.seconds + self._interval / speed) if self.journal.mid_run else rows

    def _rows_come(self, every: int | None, steps: float) -> None:
        self._row_steps = math.inf if every is None else min(every or steps, steps)

    def can_stand(self, step: int) -> bool:
        return is_clean(self.journal, step)

    def run_comes(self, step: int) -> bool:
        """A checkpoint before a run, when the runs are too short to have one inside."""
        due = time.monotonic() - self._last_snapshot >= self.seconds
        if (
            not due
            or not self.can_stand(step)
            or any(late_openings(self.journal))
            or self._prints_at(step)
        ):
            return False
        self.write_checkpoint()
        return True

    def run_ended(self, step: int) -> None:
        self._row_steps = 0.0
        self._leave_restart_files()
        self._drop_pending()
        self._first_due = math.inf
        if self._pausing:
            self._end_pause()  # the run reached its end before it saw that it was to pause
        self.progress.run_ended(step)
        self.lammps.send(PACE_BETWEEN_RUNS)

    def write_checkpoint(self) -> int:
        """Write a restart file now, while no run is going on; returns its step."""
        # One that LAMMPS wrote at the step where it halted is not wanted besides.
        self._drop_pending()
        self._halted = True
        if self.journal.mid_run:  # this process is about to be left
            for command in wrapping(self.journal):
                self.lammps.send(command)
            for fix in removed_to_write(self.journal):
                self.lammps.send(f"unfix {fix.key[1]}")
        began = time.monotonic()
        self.lammps.send(f"write_restart {self.control.final}")
        step = self.lammps.step()
        stalled = time.monotonic() - began
        self.progress.reached(step)
        self._clock = (step, *self._times())
        self._flush()
        mid_run = self.journal.mid_run
        if mid_run:
            self._leave_restart_files()  # LAMMPS may have written one at the very step it halted
        moment = Moment.HALTED if mid_run else Moment.BETWEEN
        self._note_written(self.journal.stage, self.journal.steps_at(step), moment)
        cuts = self.book.cut(step) if mid_run else self.book.cut_all()
        copy = self._restarts.keep(self.control.final, step)
        assert copy is not None
        pending = _Pending(step, copy, began, tuple(self.written), stalled)
        self._hand_over(pending, cuts, mid_run=mid_run)
        self._halted = False
        return step

    def _prints_at(self, step: int) -> bool:
        """Whether a run with `pre no` would print at its start if it had to be set up after all."""
        run = self.journal.run
        return run is not None and not run.pre and any(prints_at(self.journal, step))

    def _flush(self) -> None:
        """Let LAMMPS write what it has in its memory; some files have to be closed for that."""
        self._flush_log()
        if self._stopping:
            for setting, _ in late_openings(self.journal):
                self.lammps.send(f"un{setting.key[0]} {setting.key[1]}")
        self.lammps.ask("")

    def _flush_log(self) -> None:
        if self.journal.log is not None:
            self.lammps.send(f"log {quoted(self.journal.log)} append")
            self.lammps.ask("")

    def _check_state(self) -> None:
        """The first run after a resume tells whether every fix found its state again."""
        screen, set_up, _ = self.lammps.screen().partition(_RUN_SET_UP)
        lost = state_lost(screen, self.journal)
        if lost:
            raise ResumeError(
                f"the restart file holds state that no fix took up again: {'; '.join(lost)}"
            )
        if set_up:
            self.check_state = False

    def _look_for_restart(self) -> None:
        if not self.journal.mid_run or self._halted:
            return  # what lies there is of a run before
        for step, path in self._new_restart_files():
            # At the end of the run its last values are still wanted: see `Interpreter`.
            assert self.journal.run is not None
            if step >= self.journal.run.target or not self._is_due():
                self._restarts.drop(path)
                continue
            stalled = write_seconds(path)
            copy = self._restarts.keep(path, step)
            if copy is not None:
                written = tuple(self.written)
                self._pending = _Pending(step, copy, time.monotonic(), written, stalled)

    def _new_restart_files(self) -> list[tuple[int, Path]]:
        """Steps and paths of the files that the current run has written since the last look."""
        found = self._restarts.come()
        stage, origin = self._run_origin
        for step, _ in found:
            self._note_written(stage, origin + step, Moment.INSIDE)
        return found

    def _leave_restart_files(self) -> None:
        """Take note of what LAMMPS has written up to the end of a run."""
        for _, path in self._new_restart_files():
            self._restarts.drop(path)

    def _note_written(self, stage: int, step: int, moment: Moment) -> None:
        new = RestartFile(stage=stage, step=step, moment=moment)
        if new not in self.written[-2:]:
            self.written.append(new)

    def _is_due(self) -> bool:
        """The first restart file of a run measures the speed; it may come too early to keep."""
        return time.monotonic() - self._last_snapshot >= self.seconds / 2

    def _finish_pending(self) -> None:
        """A snapshot is complete when the thermo row of its step is in the log too.

        LAMMPS writes dumps, then the restart file, then the row.
        """
        pending = self._pending
        if pending is None or not self.journal.mid_run:
            return
        if self._has_witness and testimony(self.control, pending.step, self.journal) is None:
            self._drop_pending()  # written at a step of the deck's own, which is not a clean one
            return
        waited = time.monotonic() - pending.since
        if self.book.holds(pending.step) and (
            self.progress.last_step >= pending.step
            or self._has_row(pending.step) is False
            or (waited > _ROW_PATIENCE_SECONDS and self._has_row(pending.step) is None)
        ):
            self._pending = None
            cuts = self.book.cut(pending.step)
            self._hand_over(pending, cuts, mid_run=True)
            self.progress.reached(max(self.progress.last_step, pending.step))

    def _drop_pending(self) -> None:
        if self._pending is not None:
            self._pending.copy.unlink(missing_ok=True)
        self._pending = None

    def _has_row(self, step: int) -> bool | None:
        """Whether LAMMPS prints a thermo row at *step*; None where a variable decides."""
        if self.journal.log is None:
            return False
        if self.journal.run is not None and step == self.journal.run.target:
            return True
        for setting in self.journal.of("thermo"):
            word = setting.words[1]
            return int(word) > 0 and step % int(word) == 0 if word.isdigit() else None
        return False

    def _hand_over(self, made: _Pending, cuts: list[Cut], *, mid_run: bool) -> None:
        self.book.committed(cuts)
        self._last_snapshot = time.monotonic()
        self._first_due = math.inf
        journal = self.journal.model_copy(deep=True)
        step, (since, then, length) = made.step, self._clock
        journal.untitled = self.book.without_title()
        journal.time = then + (step - since) * length
        if is_needed(journal):
            seen = self._witnessed(step, mid_run=mid_run)
            journal.time, journal.poured = seen.time, seen.poured
            journal.witnessed = seen.values
        self.sink(
            Snapshot(
                step=journal.steps_at(step),
                time_step=step,
                restart=made.copy,
                journal=journal,
                cuts=tuple(cuts),
                mid_run=mid_run,
                written=made.written,
                stalled=made.stalled,
            )
        )

    def _witnessed(self, step: int, *, mid_run: bool) -> Witnessed:
        seen = testimony(self.control, step, self.journal) if mid_run else None
        if seen is not None:
            return seen
        seen = asked(self.lammps, self.journal)
        # Stopped before the run went on: LAMMPS does not know these values any more.
        return seen._replace(values=self.journal.witnessed) if self.check_state else seen


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
