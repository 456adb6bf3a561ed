"""The course of a run: when LAMMPS writes what does not name its step.

Thermo rows, the lines of `fix print` and the frames of some dumps come at multiples of an interval
(https://docs.lammps.org/thermo.html, fix_print.html, dump.html); so the nth of them can be told.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Final, NamedTuple

from deckhand.lammps.formats import UNFLUSHED
from deckhand.lammps.journal import Journal, Setting
from deckhand.lammps.openings import Opening, growing_files
from deckhand.lammps.script import references

ROW: Final = None
"""In the place of what a line looks like: it is a thermo row."""

_NUMBER: Final = r" *[-+]?(?:[\d.]+(?:[eE][-+]?\d+)?|nan|inf) *"
_TEXT: Final = 5
_OPTIONS: Final = 6


class Due(NamedTuple):
    """A line that is written to the log at a step: a row, or one that looks like *shape*."""

    step: int
    shape: re.Pattern[bytes] | None = ROW


class Printed(NamedTuple):
    """A `fix print` that writes to the log: how often, and what its lines look like."""

    every: int
    lines: tuple[re.Pattern[bytes], ...]


@dataclass(frozen=True)
class Course:
    """A run from step *first* to *last*.

    `rows` is the interval of the thermo rows: 0 for none but the first and the last, None where
    a variable tells. `set_up` is False for `pre no`: then what is printed at the setup is not.
    `unasked` says that the deck told `pre no` and a resumed run is set up all the same.
    `frames` are the intervals of what may stay in LAMMPS' memory, by the path of its file. `log` is
    the path of the log.
    """

    first: int
    last: int
    rows: int | None = None
    set_up: bool = True
    unasked: bool = False
    printed: tuple[Printed, ...] = ()
    log: str = ""
    frames: Mapping[str, int] = field(default_factory=dict)

    def has_row(self, step: int) -> bool:
        """Whether an undisturbed run has a thermo row of *step*."""
        if self.rows is None or step in (self.first, self.last):
            return True
        return self.rows > 0 and step % self.rows == 0

    def row_step(self, number: int) -> int:
        """The step of a row by its place in the table, the first being 0."""
        if number <= 0 or self.rows is None:
            return self.first
        every = self.rows or max(1, self.last)
        return min((self.first // every + number) * every, self.last)

    def last_printed(self, step: int) -> int:
        """The last step up to *step* at which `fix print` writes to the log; -1 for none."""
        steps = (step // printed.every * printed.every for printed in self.printed)
        return max((last for last in steps if last >= self.first + (not self.set_up)), default=-1)

    def dues(self, after: int) -> Iterator[Due]:
        """What is written to the log behind step *after*, in its order, without an end."""
        printed = [self._printed(item, number, after) for number, item in enumerate(self.printed)]
        last = len(self.printed)
        rows = ((step, last, Due(step)) for step in self._row_steps() if step > after)
        for _, _, due in heapq.merge(*printed, rows, key=lambda item: item[:2]):
            yield due

    def _row_steps(self) -> Iterator[int]:
        if self.rows is None:
            return
        for number in count():
            yield self.row_step(number)

    def _printed(self, item: Printed, number: int, after: int) -> Iterator[tuple[int, int, Due]]:
        begin = max(self.first + (not self.set_up), after + 1)
        for step in multiples(item.every, begin):
            for shape in item.lines:
                yield step, number, Due(step, shape)


def multiples(every: int, begin: int) -> Iterator[int]:
    """Multiples of *every* from *begin* on."""
    return count(-(-begin // every) * every, every)


def course_of(
    journal: Journal, step: int, path_of: Callable[[str], str], *, set_up: bool
) -> Course:
    """The course of the run that the journal has in progress, from *step* on."""
    run = journal.run
    assert run is not None
    return Course(
        first=step,
        last=run.target,
        rows=row_interval(journal),
        set_up=set_up,
        unasked=set_up and not run.pre,
        printed=tuple(_printed_to_log(journal)),
        log=path_of(journal.log) if journal.log is not None else "",
        frames=dict(_late_frames(journal, path_of)),
    )


def late_openings(journal: Journal) -> Iterator[tuple[Setting, Opening]]:
    """Live settings whose newest record is on the disk only when there are more, or all are."""
    for setting in (*journal.of("dump"), *journal.of("fix")):
        for opening in growing_files(setting.words):
            if opening.layout.format in UNFLUSHED:
                yield setting, opening


def _late_frames(journal: Journal, path_of: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    for setting, opening in late_openings(journal):
        command = setting.words
        if command[0] == "dump":
            every = journal.frame_interval(setting)
        else:
            every = int(command[4]) if command[4].isdigit() else None
        if every:
            yield path_of(opening.name), every


def prints_at(journal: Journal, step: int) -> Iterator[bool]:
    """For each `fix print` whether it prints when a run is set up at *step*."""
    for setting in journal.of("fix"):
        command = setting.words
        if command[3] == "print":
            yield not command[4].isdigit() or step % int(command[4]) == 0


def row_interval(journal: Journal) -> int | None:
    """Steps between thermo rows: 0 for none but the first and the last, None for a variable's."""
    for setting in journal.of("thermo"):
        word = setting.words[1]
        return int(word) if word.isdigit() else None
    return 0


def _printed_to_log(journal: Journal) -> Iterator[Printed]:
    for setting in journal.of("fix"):
        command = setting.words
        if command[3] != "print" or ("screen", "no") in pairwise(command[_OPTIONS:]):
            continue
        if command[4].isdigit() and int(command[4]) > 0:
            numbers = {v.key[1] for v in journal.of("variable") if v.words[2] == "equal"}
            yield Printed(int(command[4]), shapes(command[_TEXT], numbers))


def shapes(text: str, numbers: Collection[str] = ()) -> tuple[re.Pattern[bytes], ...]:
    """What the lines of a text look like when its variables have their values.

    *numbers* are the names of the variables whose value is one.
    """
    pattern, position = "", 0
    for reference in references(text):
        is_number = reference.text[1] == "(" or reference.text[1:].strip("{}") in numbers
        pattern += re.escape(text[position : reference.begin]) + (_NUMBER if is_number else ".*")
        position = reference.end
    pattern += re.escape(text[position:])
    lines = pattern.replace("\\\n", "\n").split("\n")
    return tuple(re.compile(line.encode() + rb"\n?") for line in lines)
