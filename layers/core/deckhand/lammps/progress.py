"""Where a simulation is, read from the log that LAMMPS writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from deckhand.lammps.course import Course
from deckhand.lammps.journal import Journal
from deckhand.lammps.thermo import NO_STEP, ThermoReader

_SPEED_MEMORY: Final = 0.5
"""Seconds of a run before its speed means something."""


@dataclass
class Progress:
    """Steps of the run done, LAMMPS' time step, the stage of the deck, speed in steps/s.

    `path_of` gives the path of a log, below *workspace*; `last_step` is the one seen last.
    `is_measured` says that the speed is that of the run that goes on, not of one before.
    """

    journal: Journal
    workspace: Path
    path_of: Callable[[str], str]
    step: int = 0
    time_step: int = 0
    stage: int = 0
    steps_per_second: float | None = None
    is_measured: bool = False
    last_step: int = -1
    _began: tuple[int, float] | None = None
    _course: Course | None = None
    _offset: int = 0
    _reader: ThermoReader = field(default_factory=ThermoReader)

    def log_opened(self) -> None:
        """Read the journal's log from its beginning, which LAMMPS has just opened."""
        self._course = None
        self._offset, self._reader = 0, ThermoReader()

    def run_comes(self, step: int) -> None:
        """All that the log says up to here is of the runs before."""
        self.last_step = step
        self.read()

    def run_starts(self, step: int, course: Course) -> None:
        self._course = course
        self._began = (step, time.monotonic())
        self.is_measured = False

    def run_goes_on(self, step: int) -> None:
        """The run was halted; its rows are counted from here."""
        self.read()
        if self._course is not None:
            self._course = replace(self._course, first=step)

    def run_ended(self, step: int) -> None:
        """The iterations of a minimisation are no steps of a run: they have another speed."""
        self.reached(step)
        self._began = None

    def read(self) -> None:
        """Look at the rows that are new in the log."""
        if self.journal.log is None:
            return
        try:
            with (self.workspace / self.path_of(self.journal.log)).open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        for row in self._reader.rows(whole.splitlines(keepends=True)):
            if row.step != NO_STEP:
                self.reached(row.step)
            elif self._course is not None:
                self.reached(self._course.row_step(self._reader.number))
        self._offset += len(whole)

    def reached(self, step: int) -> None:
        """Take note of LAMMPS' time step."""
        self.last_step = step
        self.time_step = step
        self.stage = self.journal.stage
        self.step = self.journal.steps_at(step)
        if self._began is not None:
            self._measure(step, *self._began)

    def _measure(self, step: int, first: int, began: float) -> None:
        elapsed = time.monotonic() - began
        if step > first and elapsed > _SPEED_MEMORY:
            self.steps_per_second = (step - first) / elapsed
            self.is_measured = True
