"""How the records of a file are found while it grows, run by run; a class for each way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from deckhand.lammps.course import Course, multiples
from deckhand.lammps.formats import Format, Layout
from deckhand.lammps.records import binary, frames, log, tables
from deckhand.lammps.records.record import Record, lines_of
from deckhand.lammps.thermo import TABLE_ENDS, YAML_TABLE_ENDS, ThermoReader

_Read = Callable[[BinaryIO, int], Iterator[Record]]


class Reading(ABC):
    """Reads the records of a file.

    `after` is a step of the current run: its records up to that one stand before the place that is
    read from. `head_size` bytes in front of all records are made by us. `ending` belongs to the
    last record even where LAMMPS has not written it yet.
    """

    head_size: int = 0
    ending: bytes = b""
    after: int = -1

    def run_starts(self, file: BinaryIO, course: Course, mark: int, *, repeats: bool) -> None:
        """A run begins, and writes behind *mark*; *repeats* what stood there at its first step."""
        self.after = course.first - 1

    @abstractmethod
    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        """All whole records behind *begin*."""

    def repeated(self, file: BinaryIO, step: int, *, mid_run: bool, is_over: bool) -> int | None:
        """The end of what a resumed attempt repeats: headers, and records up to *step*.

        None until a later record is there, or the run *is over*.
        """
        for record in self.records(file, self.head_size):
            if record.step > step:
                return record.begin
        return None

    def whole(self, file: BinaryIO) -> int:
        """The end of the last record when no run is going on."""
        return file.seek(0, 2)

    def written(self, file: BinaryIO, begin: int) -> int:
        """Where the next run goes on; a record begins at *begin*."""
        return file.seek(0, 2)

    def holds(self, file: BinaryIO, begin: int, course: Course, path: str, step: int) -> bool:
        """Whether all records before *step* have left LAMMPS; the current run's are behind *begin*.

        Most formats are flushed record by record.
        """
        return True

    def ranges(self, file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [begin, end) that belong to the results."""
        yield begin, end


class Named(Reading):
    """The records name their step."""

    def __init__(self, read: _Read) -> None:
        self._read = read

    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        return self._read(file, begin)


class Native(Named):
    """`dump atom` and its kin, which name their units in front of the first frame."""

    def __init__(self) -> None:
        super().__init__(frames.NATIVE.records)

    def repeated(self, file: BinaryIO, step: int, *, mid_run: bool, is_over: bool) -> int | None:
        found = super().repeated(file, step, mid_run=mid_run, is_over=is_over)
        return None if found is None else frames.after_units(file, found)


class Yaml(Named):
    """`dump yaml`, whose last line comes late."""

    ending = frames.YAML_END

    def __init__(self) -> None:
        super().__init__(frames.yaml)

    def whole(self, file: BinaryIO) -> int:
        size = super().whole(file)
        return size + frames.missing_end(file, size) if size else 0


class Late(Named):
    """LAMMPS keeps the end of the newest record in its memory until there are more."""

    def holds(self, file: BinaryIO, begin: int, course: Course, path: str, step: int) -> bool:
        every = course.frames.get(path)
        if every is None:
            return True  # nothing writes it any more
        if not self.whole(file):
            return next(multiples(every, course.first)) >= step
        return any(
            step <= record.step + every <= course.last + every
            for record in self.records(file, begin)
        )

    def written(self, file: BinaryIO, begin: int) -> int:
        *_, end = (begin, *(record.end for record in self.records(file, begin)))
        return end


class Lines(Reading):
    """`fix print`: lines at every multiple of an interval, behind a title.

    The title is buffered: it stands at `titled_at`, but may come after the run has started.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.titled_at = 0

    def run_starts(self, file: BinaryIO, course: Course, mark: int, *, repeats: bool) -> None:
        self.after = course.first - (course.set_up and not repeats)

    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        if not self.layout.every:
            return
        file.seek(begin)
        lines, position = lines_of(file), begin
        title = self.layout.title_lines if begin == self.titled_at else 0
        for step in multiples(self.layout.every, self.after + 1):
            wanted = title + self.layout.lines_per_record
            there = list(islice(lines, wanted))
            if len(there) < wanted:
                return
            end = position + sum(map(len, there))
            yield Record(position, end, step)
            position, title = end, 0

    def repeated(self, file: BinaryIO, step: int, *, mid_run: bool, is_over: bool) -> int | None:
        """The end of the title and of the record of *step*; None until they are there."""
        every = self.layout.every
        again = mid_run and every > 0 and step % every == 0
        wanted = self.layout.title_lines + (self.layout.lines_per_record if again else 0)
        file.seek(0)
        there = list(islice(lines_of(file), wanted))
        return sum(map(len, there)) if len(there) == wanted else None


@dataclass
class Gap:
    """What LAMMPS adds to its log, behind *after*, when a run is halted and goes on at once.

    It ends the table, tells how long it took, and begins another one with the row it had last.
    """

    after: int
    begin: int | None = None
    end: int | None = None

    def look_for(self, file: BinaryIO, names: bytes) -> None:
        """Find its begin and its end, which may not be there yet."""
        if self.begin is None:
            self.begin = _line_with(file, self.after, (YAML_TABLE_ENDS, TABLE_ENDS))
        if self.begin is not None and self.end is None:
            file.seek(self.begin)
            row = next(ThermoReader(names=names).rows(lines_of(file), self.begin), None)
            self.end = row.end if row is not None else None


class Log(Reading):
    """Thermo rows, and what `fix print` writes between them."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self._columns: tuple[bytes, ...] | None = None
        self._names = b""
        self._course: Course | None = None
        self._mark = 0

    def run_starts(self, file: BinaryIO, course: Course, mark: int, *, repeats: bool) -> None:
        super().run_starts(file, course, mark, repeats=repeats)
        self._course, self._mark, self._columns = course, mark, None

    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        if self._course is None:
            return
        reader = self._reader(begin)
        dues = log.Dues(self._course, self.after)
        for start, end in list(self.ranges(file, begin, file.seek(0, 2))):
            file.seek(start)
            for record in log.records(lines_of(file, end - start), start, reader, dues):
                self._columns, self._names = reader.columns or self._columns, reader.names
                yield record

    def repeated(self, file: BinaryIO, step: int, *, mid_run: bool, is_over: bool) -> int | None:
        """Up to the row that LAMMPS prints first; a run that is over may have no other."""
        end, is_settled = 0, is_over
        for record in self.records(file, 0):
            if record.step > step:
                is_settled = True
                break
            end = record.end
        if not is_settled:
            return None
        self.after = step
        return end or (self.whole(file) if is_over else 0)

    def holds(self, file: BinaryIO, begin: int, course: Course, path: str, step: int) -> bool:
        """What `fix print` writes is flushed with the next row."""
        printed = course.last_printed(step)
        return (
            path != course.log
            or printed <= self.after
            or any(record.step >= printed for record in self.records(file, begin))
        )

    def paused(self, file: BinaryIO, begin: int) -> None:
        """The run was halted and goes on at once; what it wrote before begins at *begin*."""
        for _ in self.records(file, begin):
            pass  # so that the names of the columns are known
        ends = (gap.end for gap in self.gaps if gap.end is not None)
        self.gaps.append(Gap(max([begin, *ends])))

    def ranges(self, file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """What is left of [begin, end) when the gaps are taken out; the last may have no end."""
        self._look_for_gaps(file)
        for gap in self.gaps:
            if gap.begin is None or gap.begin >= end:
                break
            if gap.begin > begin:
                yield begin, gap.begin
            if gap.end is None:
                return
            begin = max(begin, gap.end)
        if begin <= end:
            yield begin, end

    def _look_for_gaps(self, file: BinaryIO) -> None:
        for gap in self.gaps:
            gap.look_for(file, self._names)

    def _reader(self, begin: int) -> ThermoReader:
        return ThermoReader(self._columns if begin > self._mark else None, self._names)


def _line_with(file: BinaryIO, begin: int, start: tuple[bytes, ...]) -> int | None:
    """The offset of the first line from *begin* on that has one of these starts."""
    file.seek(begin)
    position = begin
    for line in lines_of(file):
        if line.startswith(start):
            return position
        position += len(line)
    return None


class Dcd(Reading):
    """The frames have no step; they are as far apart as the head of the file says."""

    head_size = binary.HEAD_SIZE

    def __init__(self) -> None:
        self._mark = self.head_size
        self._first: int | None = None

    def run_starts(self, file: BinaryIO, course: Course, mark: int, *, repeats: bool) -> None:
        super().run_starts(file, course, mark, repeats=repeats)
        head = self.head(file)
        if head is None or mark <= self.head_size:
            self._mark, self._first = self.head_size, None
        else:
            missing = head.last != course.first
            self._mark = mark
            self._first = next(multiples(head.every, course.first + (not missing)))

    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        head = self.head(file)
        if head is None:
            return
        size = binary.dcd_frame_size(head)
        first = head.first if self._first is None else self._first
        counted = head.frames - 1 - (self._mark - self.head_size) // size
        late = head.last - (first + counted * head.every)
        if late > head.every:
            first += late  # the deck delayed its frames; less is only a head half written
        for position in range(begin, self.whole(file), size):
            step = first + (position - self._mark) // size * head.every
            yield Record(position, position + size, step)

    def whole(self, file: BinaryIO) -> int:
        head = self.head(file)
        if head is None:
            return 0
        size = binary.dcd_frame_size(head)
        return self.head_size + (file.seek(0, 2) - self.head_size) // size * size

    def head(self, file: BinaryIO) -> binary.DcdHead | None:
        file.seek(0)
        return binary.dcd_head(file.read(self.head_size))


_NAMED: Final[dict[Format, _Read]] = {
    Format.XYZ: frames.xyz,
    Format.BINARY: binary.native,
    Format.ROWS: tables.rows,
    Format.BLOCKS: tables.blocks,
    Format.KEYED: tables.keyed,
    Format.CORRELATION: frames.CORRELATION.records,
    Format.SPECIES: tables.titled_rows,
    Format.MOLECULES: frames.MOLECULES.records,
    Format.BONDS: frames.BONDS.records,
}

_OTHERS: Final[dict[Format, Callable[[], Reading]]] = {
    Format.LOG: Log,
    Format.DUMP: Native,
    Format.YAML: Yaml,
    Format.DCD: Dcd,
    Format.XTC: lambda: Late(binary.xtc),
    Format.CHARGES: lambda: Late(frames.charges),
}


def reading_of(layout: Layout) -> Reading:
    """A reading of a new file of this layout."""
    if layout.format is Format.LINES:
        return Lines(layout)
    if layout.format in _NAMED:
        return Named(_NAMED[layout.format])
    return _OTHERS[layout.format]()
