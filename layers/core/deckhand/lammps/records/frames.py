"""The frames of text dumps, and the blocks of other files that name their step in a title.

The last frame counts as whole: LAMMPS flushes after every one, and writes no restart file before.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from deckhand.lammps.records.record import Record, lines_of

YAML_END: Final = b"...\n"
"""Comes after each frame of `dump yaml`, but only leaves LAMMPS together with the next one."""

_UNITS: Final = re.compile(rb"ITEM: UNITS\n[^\n]*\n")
_UNITS_BYTES: Final = 64
_WINDOW: Final = 4 * 1024 * 1024
_LONGEST_PREAMBLE: Final = 200
_NUMBER: Final = re.compile(rb"-?\d+")


@dataclass(frozen=True)
class Title:
    """How a frame begins: *preamble*, then *marker*, and right behind it the step."""

    marker: bytes
    preamble: re.Pattern[bytes] | None = None

    def records(self, file: BinaryIO, begin: int) -> Iterator[Record]:
        size = file.seek(0, 2)
        if size <= begin:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            before: tuple[int, int] | None = None
            for start, step in self._starts(text, begin):
                if before is not None:
                    yield Record(before[0], start, before[1])
                before = start, step
            if before is not None:
                yield Record(before[0], size, before[1])

    def _starts(self, text: mmap.mmap, begin: int) -> Iterator[tuple[int, int]]:
        seen = position = _find(text, self.marker, begin)
        while position >= 0:
            if position - seen > _WINDOW:
                text.madvise(mmap.MADV_DONTNEED)
                seen = position
            behind = position + len(self.marker)
            line_end = text.find(b"\n", behind)
            if line_end < 0:
                return
            if step := _NUMBER.match(text, behind):
                yield self._with_preamble(text, position, begin), int(step[0])
            position = _find(text, self.marker, line_end)

    def _with_preamble(self, text: mmap.mmap, position: int, floor: int) -> int:
        if self.preamble is None:
            return position
        head = text[max(floor, position - _LONGEST_PREAMBLE) : position]
        match = self.preamble.search(head)
        return position - (len(match[0]) if match else 0)


def _find(text: mmap.mmap, marker: bytes, begin: int) -> int:
    """Like `find`, but of a long frame only a window counts as memory of ours at a time."""
    for start in range(begin, len(text), _WINDOW):
        found = text.find(marker, start, start + _WINDOW + len(marker) - 1)
        if found >= 0:
            return found
        text.madvise(mmap.MADV_DONTNEED)
    return -1


NATIVE: Final = Title(
    b"ITEM: TIMESTEP\n", re.compile(rb"(?:ITEM: UNITS\n[^\n]*\n)?(?:ITEM: TIME\n[^\n]*\n)?\Z")
)
BONDS: Final = Title(b"# Timestep ")
CORRELATION: Final = Title(b"# Timestep: ")
MOLECULES: Final = Title(b"Timestep ")
_CHARGES: Final = Title(b"Charge equilibration on step ")
_CHARGES_END: Final = re.compile(rb"\nCharges [^\n]*\n\Z")
_LONGEST_END: Final = 200
_YAML: Final = Title(b"---\ncreator: LAMMPS\ntimestep: ")


def yaml(file: BinaryIO, begin: int) -> Iterator[Record]:
    """The end of the last frame may be beyond that of the file: see YAML_END."""
    size = file.seek(0, 2)
    for record in _YAML.records(file, begin):
        yield record if record.end < size else record._replace(end=size + missing_end(file, size))


def missing_end(file: BinaryIO, size: int) -> int:
    """How much of YAML_END is not in the file yet."""
    file.seek(max(0, size - len(YAML_END)))
    there = file.read()
    return next(
        missing
        for missing in range(len(YAML_END) + 1)
        if there.endswith(YAML_END[: len(YAML_END) - missing])
    )


def charges(file: BinaryIO, begin: int) -> Iterator[Record]:
    """`fix qeq/comb`; the last one counts when its own last line is there."""
    size = file.seek(0, 2)
    for record in _CHARGES.records(file, begin):
        if record.end == size:
            file.seek(max(record.begin, size - _LONGEST_END))
            if not _CHARGES_END.search(file.read()):
                return
        yield record


_XYZ_COMMENT = re.compile(rb" ?Atoms\. Timestep: (-?\d+)|Timestep=(-?\d+) ")


def xyz(file: BinaryIO, begin: int) -> Iterator[Record]:
    """Plain and extended."""
    file.seek(begin)
    position = begin
    lines = lines_of(file)
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
        yield Record(start, position, int(match[1] or match[2]))


def after_units(file: BinaryIO, begin: int) -> int:
    """The offset after the units that LAMMPS names in front of a dump's first frame."""
    file.seek(begin)
    match = _UNITS.match(file.read(_UNITS_BYTES))
    return begin + (match.end() if match else 0)
