"""The thermo rows of a log, and the lines that `fix print` writes between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from deckhand.lammps.course import ROW, Course, Due
from deckhand.lammps.records.record import Record
from deckhand.lammps.thermo import NO_STEP, Row, Text, ThermoReader

_NEVER_PRINTED: Final = b"WARNING"


def records(
    lines: Iterable[bytes], begin: int, reader: ThermoReader, dues: Dues
) -> Iterator[Record]:
    """Rows and printed lines; *begin* is the offset of the first line.

    A row of a step that is not due is none of the run's own: LAMMPS prints one where it is halted.
    """
    for item in reader.items(lines, begin, dues.printed):
        step = item.step if isinstance(item, Text) else dues.row(item)
        if step is not None:
            yield Record(item.begin, item.end, step)


class Dues:
    """What comes next in the log of a run, behind step *after*."""

    def __init__(self, course: Course, after: int) -> None:
        self._course = course
        self._coming = course.dues(after)
        self._next: deque[Due] = deque()
        self._in_a_cycle = sum(len(printed.lines) for printed in course.printed)

    def printed(self, line: bytes) -> int | None:
        """The step of a line that looks like one which is due before the next row."""
        if line.startswith(_NEVER_PRINTED):
            return None
        for place in range(self._in_a_cycle):
            due = self._at(place)
            if due is None or due.shape is ROW:
                return None
            if due.shape.fullmatch(line):
                for _ in range(place + 1):
                    self._next.popleft()
                return due.step
        return None

    def row(self, row: Row) -> int | None:
        """The step of a thermo row, None if none is due there."""
        if row.step == NO_STEP:
            return self._next_row()
        if not self._course.has_row(row.step):
            return None
        while (due := self._at(0)) is not None and due.step <= row.step < self._course.last:
            self._next.popleft()
        return row.step

    def _next_row(self) -> int | None:
        if self._course.rows is None:
            return None
        while (due := self._at(0)) is not None:
            self._next.popleft()
            if due.shape is ROW:
                return due.step
        return None

    def _at(self, place: int) -> Due | None:
        while len(self._next) <= place:
            due = next(self._coming, None)
            if due is None:
                return None
            self._next.append(due)
        return self._next[place]
