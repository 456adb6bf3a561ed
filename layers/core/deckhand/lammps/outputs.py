"""The files a deck writes: which bytes belong to the steps up to a checkpoint.

A checkpoint stands at step X, but LAMMPS goes on writing. For every output file the book knows
how its records name their step, cuts after the last record up to X, and, in an attempt that
resumed at X, leaves out what an undisturbed run would not have written again: headers and records
up to X.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from deckhand.lammps.thermo import ThermoReader


class Format(StrEnum):
    """How the records of a file name their step."""

    LOG = "log"
    DUMP = "dump"
    XYZ = "xyz"
    ROWS = "rows"
    BLOCKS = "blocks"
    LINES = "lines"


DUMP_FORMATS: Final = {
    "atom": Format.DUMP,
    "custom": Format.DUMP,
    "local": Format.DUMP,
    "grid": Format.DUMP,
    "xyz": Format.XYZ,
}
"""Text dump styles that LAMMPS can append to and that name the step in every frame."""

ROW_FIXES: Final = {
    "ave/time": Format.ROWS,
    "ave/chunk": Format.BLOCKS,
    "ave/histo": Format.BLOCKS,
    "ave/histo/weight": Format.BLOCKS,
    "ave/grid": Format.BLOCKS,
}


BEHIND_VERSIONS: Final = 10**9
"""Sets the pieces of a file that takes the place of another apart from that one's: the versions of
a file that is stored whole are numbered from 0."""


class Record(NamedTuple):
    """A record of an output file: byte range [begin, end) and step."""

    begin: int
    end: int
    step: int


class Gap(NamedTuple):
    """What LAMMPS adds to its log, behind *after*, when a run is halted at *step* and goes on.

    It ends the table, tells how long it took, and begins another one with the row of *step*.
    """

    after: int
    step: int


@dataclass
class OutputFile:
    """An output file of this attempt; offsets are bytes of the local file.

    `begin` is None while it is not settled which leading bytes a resumed attempt repeats. `mark`
    is where the current run began to write, `columns` the thermo columns at the last cut.
    `every`, `lines_per_record` and `counted_from` serve the one format whose records name no step
    (`fix print`): there they are counted, from the first multiple of `every` after that step.
    `title_lines` stand at `titled_at`; they are buffered and may come after the run has started.

    `found`: a file was there that no command known here wrote. `anew`: nothing that the results
    have of this path is left. `will_begin_anew`: the next run empties the file. `base` sets the
    pieces of a file apart from those of the one it replaces.
    """

    path: str
    format: Format
    every: int = 0
    lines_per_record: int = 1
    title_lines: int = 1
    titled_at: int = 0
    counted_from: int = -1
    begin: int | None = 0
    mark: int = 0
    committed: int = 0
    columns: tuple[bytes, ...] | None = None
    found: bool = False
    anew: bool = False
    will_begin_anew: bool = False
    base: int = 0
    gaps: list[Gap] = field(default_factory=list)


@dataclass(frozen=True)
class Cut:
    """Bytes [begin, end) of a file belong to the steps since the last cut.

    `anew`: they replace all that the results have of the file. `base` + `begin` names the piece.
    """

    path: str
    begin: int
    end: int
    base: int = 0
    anew: bool = False


@dataclass
class OutputBook:
    """All output files of an attempt below *root*, in the order they first appeared.

    *resumed_step* is the step of the checkpoint the attempt resumed from, *mid_run* whether a run
    was in progress there, *parents* the files that its lineage has bytes of, *untitled* those of
    them that a command had opened again and not written to yet. `drain` waits until the bytes of
    all cuts have been read; it is called before a file is emptied.
    """

    root: Path
    resumed_step: int | None = None
    mid_run: bool = False
    parents: frozenset[str] = frozenset()
    files: dict[str, OutputFile] = field(default_factory=dict)
    untitled: frozenset[str] = frozenset()
    drain: Callable[[], None] = lambda: None
    _resumed_run_seen: bool = False

    def register(
        self,
        path: str,
        form: Format,
        every: int = 0,
        lines_per_record: int = 1,
        title_lines: int = 1,
    ) -> None:
        """Take note of a file that a command goes on to write."""
        known = self.files.get(path)
        if known is not None:
            known.format = form
            if every:
                known.every, known.lines_per_record = every, lines_per_record
                known.title_lines = title_lines
                if not known.anew:
                    known.titled_at = self._size(known)
            return
        repeats = self.resumed_step is not None and path in self.parents
        if form is Format.LOG and not self.mid_run:
            # Between runs nothing of a log is repeated: the next run prints its own table.
            repeats = False
        if path in self.untitled or (form is Format.LINES and not every):
            # `print … append` has no title and is not told again.
            repeats = False
        begin = None if repeats else 0
        output = OutputFile(path, form, every, lines_per_record, title_lines, begin=begin)
        output.titled_at = -1 if repeats else self._size(output)
        self.files[path] = output

    def opens(self, path: str, *, empties: bool) -> None:
        """The deck opens a file, and empties it or goes on with it; before it is registered.

        What is there already has been stored as a whole file, or came with the deck.
        """
        known = self.files.get(path)
        if known is None:
            known = self.files[path] = OutputFile(path, Format.LINES)
            known.titled_at = 0 if empties else self._size(known)
            if self._size(known) or (empties and path in self.parents):
                known.anew, known.base = True, BEHIND_VERSIONS
        elif empties:
            self._begin_anew(known)
        else:
            known.titled_at = self._size(known)

    def dump_opens(self, path: str, form: Format) -> None:
        """The deck opens a dump: LAMMPS empties the file when it sets up the next run."""
        if path in self.files:
            self.drain()
        output = self.files.get(path)
        if output is None:
            output = self.files[path] = OutputFile(path, form)
            output.found = self._size(output) > 0
        output.format, output.will_begin_anew = form, True

    def dump_appends(self, path: str) -> None:
        """The dump that was opened goes on with what is in its file."""
        output = self.files[path]
        output.will_begin_anew = False
        if output.found:
            output.found, output.anew, output.base = False, True, BEHIND_VERSIONS

    def _empty(self, output: OutputFile) -> None:
        """LAMMPS empties the file of a dump, or has done so; all that is in it is the new one's."""
        output.will_begin_anew = False
        if output.committed or output.found or output.path in self.parents:
            self._begin_anew(output)
        output.found = False
        output.mark = 0

    def _begin_anew(self, output: OutputFile) -> None:
        self.drain()
        output.base += max(self._size(output), output.committed) + BEHIND_VERSIONS
        output.begin = output.mark = output.committed = output.titled_at = 0
        output.columns, output.anew = None, True

    def run_starts(self, step: int) -> None:
        """A run begins at *step*; what is in the files now belongs to earlier ones."""
        first_after_resume = self.resumed_step is not None and not self._resumed_run_seen
        if first_after_resume:
            self._resumed_run_seen = True
            self.resumed_step = step
        for output in self.files.values():
            if not (first_after_resume and output.begin is None):
                self._settle(output)
            repeats = first_after_resume and output.begin is None and self.mid_run
            output.counted_from = step if repeats else step - 1
            if output.begin is not None:
                output.mark = max(self._size(output), output.begin)
                output.columns = None
            if output.will_begin_anew:
                self._empty(output)

    def cut(self, step: int) -> list[Cut]:
        """Bytes to add to the results for the steps since the last cut, up to *step*."""
        return [
            cut
            for output in self.files.values()
            for cut in self._cuts(output, self._end(output, step))
        ]

    def cut_all(self) -> list[Cut]:
        """Bytes to add to the results when no run is in progress."""
        cuts: list[Cut] = []
        for output in self.files.values():
            self._settle(output)
            cuts += self._cuts(output, self._size(output))
        return cuts

    def paused(self, step: int) -> None:
        """A run was halted at *step* and goes on at once: its log must not show it."""
        for output in self.files.values():
            if output.format is Format.LOG:
                self._settle(output)
                after = max(output.mark, output.begin or 0, output.committed)
                ends = (record.end for record in self._records(output, after))
                output.gaps.append(Gap(max(ends, default=after), step))

    def committed(self, cuts: Iterable[Cut]) -> None:
        """The bytes of these cuts are in the results."""
        for cut in cuts:
            output = self.files[cut.path]
            output.committed, output.anew = cut.end, False
            output.gaps = [gap for gap in output.gaps if gap.after >= cut.begin]

    def without_title(self) -> frozenset[str]:
        """Files of which the results have nothing behind the place where they were opened last."""
        return frozenset(
            output.path for output in self.files.values() if output.committed <= output.titled_at
        )

    def _cuts(self, output: OutputFile, end: int) -> Iterator[Cut]:
        """What is not committed yet up to *end*, but for the gaps."""
        if output.begin is None:
            return
        anew = output.anew
        for first, last in self._ranges(output, max(output.begin, output.committed), end):
            if last > first or anew:
                yield Cut(output.path, first, max(first, last), output.base, anew)
                anew = False

    def _ranges(self, output: OutputFile, begin: int, end: int) -> Iterator[tuple[int, int]]:
        for gap in output.gaps:
            first, last = self._extent(output, gap)
            yield begin, min(end, first)
            if last is None:
                return
            begin = last
        yield begin, end

    def _extent(self, output: OutputFile, gap: Gap) -> tuple[int, int | None]:
        """Where a gap begins and ends; None while its end is not there yet."""
        begin = _line_after(self.root / output.path, gap.after, _RUN_OVER)
        if begin is None:
            return gap.after, None
        again = (record.end for record in self._records(output, begin) if record.step == gap.step)
        return begin, next(again, None)

    def _end(self, output: OutputFile, step: int) -> int:
        if output.begin is None:
            self._settle(output, only_if_later=True)
        if output.begin is None:
            return 0
        if output.format is Format.LINES:
            return self._counted_end(output, step)
        floor = max(output.mark, output.begin, output.committed)
        end = floor
        for record in self._records(output, floor):
            if record.step > step:
                break
            end = max(end, record.end)
        return end

    def _counted_end(self, output: OutputFile, step: int) -> int:
        """`fix print` writes at every multiple of N, and once when a run starts at one."""
        start = max(output.mark, output.begin or 0)
        if not output.every:
            return start
        if start == output.titled_at:
            start = _after_lines(self.root / output.path, start, output.title_lines)
        count = step // output.every - output.counted_from // output.every
        return _after_lines(self.root / output.path, start, count * output.lines_per_record)

    def _settle(self, output: OutputFile, *, only_if_later: bool = False) -> None:
        """Find the leading bytes that a resumed attempt repeats: headers, records up to X.

        With *only_if_later*, only a record after X settles it: what is there may still be growing.
        """
        path = self.root / output.path
        if output.begin is not None or self.resumed_step is None or not path.exists():
            return
        if output.format is Format.LINES:
            output.begin = self._repeated_lines(output)
            return
        # A dump that is told again does not repeat a frame: see `replay`.
        last_repeated = self.resumed_step - (output.format in (Format.DUMP, Format.XYZ))
        begin = 0
        for record in self._records(output, 0):
            if record.step > last_repeated:
                output.begin = _after_units(path, record.begin)
                return
            begin = record.end
        if output.format is Format.LOG and not only_if_later:
            # The run ended at the step it was resumed from. Other files have no word behind it.
            output.begin = begin or self._size(output)

    def _repeated_lines(self, output: OutputFile) -> int | None:
        """The end of the title and of the record of X; None until they are there."""
        assert self.resumed_step is not None
        lines = output.title_lines
        if self.mid_run and output.every and self.resumed_step % output.every == 0:
            lines += output.lines_per_record
        with (self.root / output.path).open("rb") as file:
            there = list(islice(_lines(file), lines))
        return sum(map(len, there)) if len(there) == lines else None

    def _records(self, output: OutputFile, begin: int) -> Iterator[Record]:
        try:
            with (self.root / output.path).open("rb") as file:
                if output.format is Format.LOG:
                    yield from _log_records(output, file, begin)
                else:
                    yield from _READERS[output.format](file, begin)
        except FileNotFoundError:
            return

    def _size(self, output: OutputFile) -> int:
        try:
            return (self.root / output.path).stat().st_size
        except FileNotFoundError:
            return 0


_RUN_OVER: Final = b"Loop time of "


def _line_after(path: Path, begin: int, start: bytes) -> int | None:
    """The offset of the first line from *begin* on with this *start*."""
    with path.open("rb") as file:
        file.seek(begin)
        position = begin
        for line in _lines(file):
            if line.startswith(start):
                return position
            position += len(line)
    return None


def _lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Complete lines only: the last one may still be growing."""
    for line in file:
        if line.endswith(b"\n"):
            yield line


def _log_records(output: OutputFile, file: BinaryIO, begin: int) -> Iterator[Record]:
    """Thermo rows; behind the start of the run the columns are those of the row read last."""
    file.seek(begin)
    reader = ThermoReader(output.columns if begin > output.mark else None)
    for row in reader.rows(_lines(file), begin):
        output.columns = reader.columns
        yield Record(row.begin, row.end, row.step)


def _row_records(file: BinaryIO, begin: int) -> Iterator[Record]:
    file.seek(begin)
    position = begin
    for line in _lines(file):
        end = position + len(line)
        step = _leading_step(line)
        if step is not None:
            yield Record(position, end, step)
        position = end


def _block_records(file: BinaryIO, begin: int) -> Iterator[Record]:
    """`step count …` followed by *count* indented rows; a scalar row is a block of none."""
    file.seek(begin)
    position, start, step, left = begin, 0, 0, 0
    for line in _lines(file):
        end = position + len(line)
        if left:
            left -= 1
        elif not line.startswith(b"#"):
            found = _leading_step(line)
            if found is None:
                position = end
                continue
            start, step, left = position, found, int(float(line.split()[1]))
        else:
            position = end
            continue
        if not left:
            yield Record(start, end, step)
        position = end


def _leading_step(line: bytes) -> int | None:
    first = line.split(maxsplit=1)[:1]
    if not first or line.startswith(b"#"):
        return None
    return int(first[0]) if re.fullmatch(rb"-?\d+", first[0]) else None


_FRAME: Final = b"ITEM: TIMESTEP\n"
_UNITS = re.compile(rb"ITEM: UNITS\n[^\n]*\n")
_UNITS_BYTES: Final = 64
_PREAMBLE = re.compile(rb"(?:ITEM: UNITS\n[^\n]*\n)?(?:ITEM: TIME\n[^\n]*\n)?\Z")


def _dump_records(file: BinaryIO, begin: int) -> Iterator[Record]:
    """Frames of a text dump. The last frame is whole: LAMMPS flushes after every snapshot."""
    size = file.seek(0, 2)
    if size <= begin:
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        starts: list[tuple[int, int]] = []
        position = text.find(_FRAME, begin)
        while position >= 0:
            line_end = text.find(b"\n", position + len(_FRAME))
            if line_end < 0:
                break
            step = int(text[position + len(_FRAME) : line_end])
            starts.append((_with_preamble(text, position, begin), step))
            position = text.find(_FRAME, line_end)
        for (first, step), (following, _) in zip(starts, [*starts[1:], (size, 0)], strict=False):
            yield Record(first, following, step)


def _with_preamble(text: mmap.mmap, position: int, floor: int) -> int:
    head = text[max(floor, position - 200) : position]
    match = _PREAMBLE.search(head)
    return position - (len(match[0]) if match else 0)


_XYZ_COMMENT = re.compile(rb" ?Atoms\. Timestep: (-?\d+)")


def _xyz_records(file: BinaryIO, begin: int) -> Iterator[Record]:
    file.seek(begin)
    position = begin
    lines = _lines(file)
    for count in lines:
        comment = next(lines, b"")
        match = _XYZ_COMMENT.match(comment)
        if not match:
            return
        start, position = position, position + len(count) + len(comment)
        for _ in range(int(count)):
            atom = next(lines, None)
            if atom is None:
                return
            position += len(atom)
        yield Record(start, position, int(match[1]))


_READERS: Final = {
    Format.DUMP: _dump_records,
    Format.XYZ: _xyz_records,
    Format.ROWS: _row_records,
    Format.BLOCKS: _block_records,
}


def _after_units(path: Path, begin: int) -> int:
    """The offset after the units that LAMMPS names in front of a dump's first frame."""
    with path.open("rb") as file:
        file.seek(begin)
        match = _UNITS.match(file.read(_UNITS_BYTES))
    return begin + (match.end() if match else 0)


def _after_lines(path: Path, begin: int, count: int) -> int:
    """The offset after *count* lines from *begin*."""
    position = begin
    try:
        with path.open("rb") as file:
            file.seek(begin)
            for _, line in zip(range(count), _lines(file), strict=False):
                position += len(line)
    except FileNotFoundError:
        return begin
    return position
