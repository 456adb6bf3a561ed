"""The files a deck writes: which bytes belong to the steps up to a checkpoint.

A checkpoint stands at step X, but LAMMPS goes on writing. For every output file the book knows
how its records name their step, cuts after the last record up to X, and, in an attempt that
resumed at X, leaves out what an undisturbed run would not have written again: headers and records
up to X.
"""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from deckhand.lammps.course import Course
from deckhand.lammps.formats import FRAMES, OPENED_AT_ONCE, UNFLUSHED, Format, Layout, Packing
from deckhand.lammps.records.binary import DcdHead, dcd_frame_size, dcd_head
from deckhand.lammps.records.reading import Dcd, Lines, Log, Reading, reading_of
from deckhand.lammps.records.record import Record

BEHIND_VERSIONS: Final = 10**9
"""Sets the pieces of a file that takes the place of another apart from that one's: the versions of
a file that is stored whole are numbered from 0."""


@dataclass
class OutputFile:
    """An output file of this attempt; offsets are bytes of the local file, which is at `source`.

    `begin` is None while it is not settled which leading bytes a resumed attempt repeats. `mark`
    is where the current run began to write, `titled_at` where the newest command put a title.
    `head` is what the results begin with, for a format whose head changes with every record.

    `found`: a file was there that no command known here wrote. `anew`: nothing that the results
    have of this path is left. `will_begin_anew`: the next run empties the file. `base` sets the
    pieces of a file apart from those of the one it replaces. `listed`: the results know of it.
    """

    path: str
    source: str
    layout: Layout
    reading: Reading = field(init=False)
    begin: int | None = field(init=False)
    mark: int = field(init=False)
    committed: int = field(init=False)
    titled_at: int = 0
    head: DcdHead | None = None
    found: bool = False
    anew: bool = False
    will_begin_anew: bool = False
    base: int = 0
    listed: bool = False

    def __post_init__(self) -> None:
        self._read_from_the_start()

    def _read_from_the_start(self) -> None:
        self.reading = reading_of(self.layout)
        self.begin = self.mark = self.committed = self.reading.head_size

    def begin_anew(self) -> None:
        self._read_from_the_start()
        self.head, self.anew, self.titled_at = None, True, 0

    def titled(self, place: int) -> None:
        """Take note of where the newest command that writes the file puts a title."""
        self.titled_at = place
        if isinstance(self.reading, Lines):
            self.reading.titled_at = place

    @property
    def floor(self) -> int:
        """Where the records of the current run begin that no cut has."""
        return max(self.mark, self.begin or 0, self.committed)


@dataclass(frozen=True)
class Cut:
    """Bytes [begin, end) of a file belong to the steps since the last cut.

    `anew`: they replace all that the results have of the file. `base` + `begin` names the piece.
    They stand in the file *source* (below the root), but for the end of *ending* where LAMMPS has
    not written it yet. *head* is what the whole file begins with, as of this cut. *gone* says that
    the deck has removed all files of this path, which may be a pattern, instead.
    """

    path: str
    begin: int
    end: int
    base: int = 0
    anew: bool = False
    source: str = ""
    packing: Packing | None = None
    ending: bytes = b""
    head: bytes = b""
    gone: bool = False

    def chunks(self, root: Path, size: int) -> Iterator[bytes]:
        """The bytes themselves, at most *size* of them at a time."""
        left = self.end - self.begin
        with (root / (self.source or self.path)).open("rb") as file:
            file.seek(self.begin)
            while left and (chunk := file.read(min(size, left))):
                left -= len(chunk)
                yield chunk
        if left:
            yield self.ending[-left:]


@dataclass
class OutputBook:
    """All output files of an attempt below *root*, in the order they first appeared.

    *resumed_step* is the step of the checkpoint the attempt resumed from, *mid_run* whether a run
    was in progress there, *parents* the files that its lineage has bytes of, *untitled* those of
    them that a command had opened again and not written to yet, *heads* what some of them begin
    with. `keep` copies what is not stored yet of all cuts; it is called before a file is emptied.
    `removed` are patterns of files that the deck has removed and the results still have.
    """

    root: Path
    resumed_step: int | None = None
    mid_run: bool = False
    parents: frozenset[str] = frozenset()
    untitled: frozenset[str] = frozenset()
    heads: Mapping[str, bytes] = field(default_factory=dict)
    keep: Callable[[], None] = lambda: None
    removed: set[str] = field(default_factory=set)
    files: dict[str, OutputFile] = field(default_factory=dict)
    _course: Course | None = None
    _cut_at: int = -1
    _bases: dict[str, int] = field(default_factory=dict)

    @property
    def paths(self) -> frozenset[str]:
        """The files whose bytes the cuts have, those that only LAMMPS sees included."""
        return frozenset(
            path for output in self.files.values() for path in (output.path, output.source)
        )

    def register(self, path: str, layout: Layout, source: str = "") -> None:
        """Take note of a file that LAMMPS is told to go on with when a run is resumed."""
        known = self.files.get(path)
        if known is not None:
            self._write_differently(known, layout)
            return
        output = self._add(path, layout, source)
        if self._repeats(path, layout):
            output.begin = None
            output.head = dcd_head(self.heads.get(path, b""))
            output.titled(-1)
        else:
            output.titled(self._size(output))

    def _repeats(self, path: str, layout: Layout) -> bool:
        """Whether LAMMPS writes again what the lineage has of a file, from its first byte on."""
        if self.resumed_step is None or path not in self.parents or path in self.untitled:
            return False
        if layout.format is Format.LOG:
            # Between runs nothing of a log is repeated: the next run prints its own table.
            return self.mid_run
        # `print … append` has no title and is not told again.
        return layout.format is not Format.LINES or layout.every > 0

    def opens(self, path: str, layout: Layout, source: str = "", *, empties: bool) -> None:
        """The deck opens a file, and empties it or goes on with it.

        What is there already has been stored as a whole file, or came with the deck.
        """
        output = self.files.get(path)
        if output is None:
            output = self._add(path, layout, source)
            if self._size(output) or (empties and path in self.parents):
                output.anew, output.base = True, output.base + BEHIND_VERSIONS
        else:
            if empties:
                self._begin_anew(output)
            self._write_differently(output, layout)
        output.titled(0 if empties else self._size(output))

    def dump_opens(self, path: str, layout: Layout, source: str = "") -> None:
        """The deck opens a dump: LAMMPS empties the file at once, or when it sets up a run."""
        if layout.format in OPENED_AT_ONCE:
            self.opens(path, layout, source, empties=True)
            return
        if path in self.files:
            self.keep()
        output = self.files.get(path)
        if output is None:
            output = self._add(path, layout, source)
            output.found = self._size(output) > 0
        self._write_differently(output, layout)
        output.will_begin_anew = True

    def dump_appends(self, path: str) -> None:
        """The dump that was opened goes on with what is in its file."""
        output = self.files[path]
        output.will_begin_anew = False
        if output.found:
            output.found, output.anew = False, True
            output.base += BEHIND_VERSIONS

    def removes(self, pattern: str) -> None:
        """The deck removes files."""
        for path in fnmatch.filter([*self.files], pattern):
            output = self.files.pop(path)
            self._begin_anew(output)
            self._bases[path] = output.base
        self.parents = self.parents.difference(fnmatch.filter(self.parents, pattern))
        self.removed.add(pattern)

    def _add(self, path: str, layout: Layout, source: str) -> OutputFile:
        output = self.files[path] = OutputFile(path, source or path, layout)
        output.base = self._bases.get(path, 0)
        output.anew = output.base > 0
        return output

    def _write_differently(self, output: OutputFile, layout: Layout) -> None:
        """Another command goes on with the file."""
        self._settle(output, is_over=True)
        if layout.format is not output.layout.format or layout.every:
            output.layout, output.reading = layout, reading_of(layout)
            output.titled(self._size(output))

    def _empty(self, output: OutputFile) -> None:
        """LAMMPS empties the file of a dump, or has done so; all that is in it is the new one's."""
        output.will_begin_anew = False
        if output.committed or output.found or output.path in self.parents:
            self._begin_anew(output)
        output.found = False
        output.mark = 0

    def _begin_anew(self, output: OutputFile) -> None:
        self.keep()
        output.base += max(self._size(output), output.committed) + BEHIND_VERSIONS
        output.begin_anew()

    def run_starts(self, course: Course) -> None:
        """A run begins; what is in the files now belongs to earlier ones."""
        first_after_resume = self.resumed_step is not None and self._course is None
        self._course, self._cut_at = course, -1
        if first_after_resume:
            self.resumed_step = course.first
            self.mid_run = self.mid_run or course.unasked
        for output in self.files.values():
            if not (first_after_resume and output.begin is None):
                self._settle(output, is_over=True)
            repeats = first_after_resume and output.begin is None and self.mid_run
            with self._open(output) as file:
                if output.begin is not None:
                    output.mark = max(output.begin, output.reading.written(file, output.floor))
                output.reading.run_starts(file, course, output.mark, repeats=repeats)
            if output.will_begin_anew:
                self._empty(output)

    def holds(self, step: int, form: Format | None = None) -> bool:
        """Whether all that was written before *step* has left LAMMPS: it does not flush it all.

        With *form*, only what has this format is looked at.
        """
        course = self._course
        return course is None or all(
            self._has_left(output, course, step)
            for output in self.files.values()
            if form in (None, output.layout.format)
        )

    def _has_left(self, output: OutputFile, course: Course, step: int) -> bool:
        self._settle(output)
        with self._open(output) as file:
            return output.reading.holds(file, output.floor, course, output.path, step)

    def cut(self, step: int) -> list[Cut]:
        """Bytes to add to the results for the steps since the last cut, up to *step*.

        The frame of *step* itself is left to the resumed attempt where LAMMPS does not flush it.
        """
        self._cut_at = step
        return self._cut_removed() + [
            cut
            for output in self.files.values()
            for cut in self._cut(output, self._end(output, step))
        ]

    def cut_all(self) -> list[Cut]:
        """Bytes to add to the results when no run is in progress."""
        cuts = self._cut_removed()
        for output in self.files.values():
            self._settle(output, is_over=True)
            with self._open(output) as file:
                end = output.reading.whole(file)
            cuts += self._cut(output, end)
        return cuts

    def paused(self) -> None:
        """A run was halted and goes on at once: its log must not show it."""
        for output in self.files.values():
            if isinstance(output.reading, Log):
                self._settle(output)
                with self._open(output) as file:
                    output.reading.paused(file, output.floor)

    def committed(self, cuts: Iterable[Cut]) -> None:
        """The bytes of these cuts are in the results."""
        for cut in cuts:
            if cut.gone:
                self.removed.discard(cut.path)
                continue
            output = self.files[cut.path]
            output.committed, output.anew, output.listed = cut.end, False, True
            output.head = dcd_head(cut.head) or output.head
        for output in self.files.values():
            if output.begin is not None:
                output.reading.after = max(output.reading.after, self._cut_at)

    def without_title(self) -> frozenset[str]:
        """Files of which the results have nothing behind the place where they were opened last."""
        return frozenset(
            output.path for output in self.files.values() if output.committed <= output.titled_at
        )

    def _end(self, output: OutputFile, step: int) -> int:
        """The end of the last record up to *step*."""
        self._settle(output)
        if output.begin is None:
            return 0
        assert self._course is not None
        end = output.floor
        limit = step - (output.layout.format in UNFLUSHED)
        for record in self._records(output, end):
            # What is later than the end of the run was written by one before it.
            if limit < record.step <= self._course.last:
                break
            end = record.end
        return end

    def _cut_removed(self) -> list[Cut]:
        return [Cut(pattern, 0, 0, gone=True) for pattern in sorted(self.removed)]

    def _cut(self, output: OutputFile, end: int) -> Iterator[Cut]:
        begin = max(output.begin or 0, output.committed)
        if output.begin is None or (end <= begin and output.listed and not output.anew):
            return
        if not output.anew and end <= begin and not self._is_there(output):
            return
        with self._open(output) as file:
            ranges = list(output.reading.ranges(file, begin, max(begin, end)))
        for number, (first, last) in enumerate(ranges):
            yield Cut(
                path=output.path,
                begin=first,
                end=last,
                base=output.base,
                anew=output.anew and number == 0,
                source=output.source,
                packing=output.layout.packing,
                ending=output.reading.ending,
                head=self._head(output, first, last),
            )

    def _head(self, output: OutputFile, begin: int, end: int) -> bytes:
        """What the joined file begins with, as of a cut."""
        if not isinstance(output.reading, Dcd) or end <= begin:
            return b""
        with self._open(output) as file:
            here = output.reading.head(file)
            *_, newest = (r for r in output.reading.records(file, begin) if r.end <= end)
        assert here is not None
        before = output.head or here.counting(0, here.first)
        frames = before.frames + (end - begin) // dcd_frame_size(here)
        return before.counting(frames, newest.step).bytes

    def _settle(self, output: OutputFile, *, is_over: bool = False) -> None:
        """Find the leading bytes that a resumed attempt repeats: headers, records up to X."""
        if output.begin is not None or self.resumed_step is None:
            return
        # A dump that is told again does not repeat a frame: see `replay`.
        step = self.resumed_step - (output.layout.format in FRAMES | UNFLUSHED)
        with self._open(output) as file:
            found = output.reading.repeated(file, step, mid_run=self.mid_run, is_over=is_over)
        if found is not None:
            output.begin = found

    def _records(self, output: OutputFile, begin: int) -> Iterator[Record]:
        with self._open(output) as file:
            yield from output.reading.records(file, begin)

    @contextmanager
    def _open(self, output: OutputFile) -> Iterator[BinaryIO]:
        """The local file; an empty one where there is none yet."""
        try:
            file: BinaryIO = (self.root / output.source).open("rb")
        except FileNotFoundError:
            file = io.BytesIO()
        with file:
            yield file

    def _is_there(self, output: OutputFile) -> bool:
        return (self.root / output.source).exists()

    def _size(self, output: OutputFile) -> int:
        with self._open(output) as file:
            return file.seek(0, io.SEEK_END)
