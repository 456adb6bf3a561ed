"""The frames of binary trajectories: LAMMPS' own (`.bin`), xtc and dcd."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from deckhand.lammps.records.record import Record


class _Torn(Exception):
    """The file ends inside a frame: it is still growing, or it was cut."""


class _Reader:
    """Numbers from a file, one after the other."""

    def __init__(self, file: BinaryIO, begin: int, order: str) -> None:
        self._file, self._order = file, order
        self._size = file.seek(0, 2)
        self.position = begin

    @property
    def at_end(self) -> bool:
        return self.position >= self._size

    def numbers(self, kinds: str) -> tuple[int, ...]:
        size = struct.calcsize(self._order + kinds)
        self._file.seek(self.position)
        self.skip(size)
        return struct.unpack(self._order + kinds, self._file.read(size))

    def skip(self, size: int) -> None:
        if size < 0 or self.position + size > self._size:
            raise _Torn
        self.position += size


_Frame = Callable[[_Reader], int]
"""Moves a reader over a frame; returns its step."""


def native(file: BinaryIO, begin: int) -> Iterator[Record]:
    """https://docs.lammps.org/dump.html, what a `.bin` name gives; in the order of this machine."""
    return _frames(_Reader(file, begin, "="), _native_frame)


def xtc(file: BinaryIO, begin: int) -> Iterator[Record]:
    """https://manual.gromacs.org/current/reference-manual/file-formats.html#xtc, XDR numbers."""
    return _frames(_Reader(file, begin, ">"), _xtc_frame)


def _frames(reader: _Reader, read_frame: _Frame) -> Iterator[Record]:
    while not reader.at_end:
        begin = reader.position
        try:
            step = read_frame(reader)
        except _Torn:
            return
        yield Record(begin, reader.position, step)


_DOUBLE: Final = 8
_BOX: Final = {0: 6, 1: 9, 2: 12}
"""How many numbers describe a box: orthogonal, triclinic, general."""


def _native_frame(reader: _Reader) -> int:
    (step,) = reader.numbers("q")
    revised = step < 0
    if revised:
        reader.skip(-step)  # the name of the format has this length
        reader.numbers("ii")  # byte order, revision
        (step,) = reader.numbers("q")
    reader.numbers("q")
    (triclinic,) = reader.numbers("i")
    reader.skip(6 * 4 + _BOX[triclinic] * _DOUBLE)
    reader.numbers("i")
    if revised:
        (units,) = reader.numbers("i")
        reader.skip(units)
        (has_time,) = reader.numbers("b")
        reader.skip(_DOUBLE if has_time else 0)
        (columns,) = reader.numbers("i")
        reader.skip(columns)
    (chunks,) = reader.numbers("i")
    for _ in range(chunks):
        (values,) = reader.numbers("i")
        reader.skip(values * _DOUBLE)
    return step


_XTC_MAGIC: Final = 1995
_UNCOMPRESSED: Final = 9
"""So few atoms are written as they are."""


def _xtc_frame(reader: _Reader) -> int:
    magic, _, step = reader.numbers("iii")
    if magic != _XTC_MAGIC:
        raise _Torn
    reader.skip(10 * 4)  # the time and the box
    (atoms,) = reader.numbers("i")
    if atoms <= _UNCOMPRESSED:
        reader.skip(3 * atoms * 4)
    else:
        reader.skip(4 + 7 * 4)  # precision, bounds, and how the compression begins
        (size,) = reader.numbers("i")
        reader.skip(-(-size // 4) * 4)
    return step


class DcdHead(NamedTuple):
    """The head of a dcd file, which LAMMPS changes at every frame.

    https://www.ks.uiuc.edu/Research/vmd/plugins/molfile/dcdplugin.html
    """

    bytes: bytes
    frames: int
    first: int
    every: int
    last: int

    def counting(self, frames: int, last: int) -> DcdHead:
        """The head of a file with so many frames, the last of step *last*."""
        text = bytearray(self.bytes)
        struct.pack_into("=i", text, _FRAMES_AT, frames)
        struct.pack_into("=i", text, _LAST_AT, last)
        return self._replace(bytes=bytes(text), frames=frames, last=last)


HEAD_SIZE: Final = 276
_FRAMES_AT: Final = 8
_LAST_AT: Final = 20
_ATOMS_AT: Final = HEAD_SIZE - 8


def dcd_head(text: bytes) -> DcdHead | None:
    """Read the head of a dcd file; None while it is not there."""
    if len(text) < HEAD_SIZE:
        return None
    return DcdHead(text[:HEAD_SIZE], *struct.unpack_from("=iiii", text, _FRAMES_AT))


def dcd_frame_size(head: DcdHead) -> int:
    """A unit cell and three coordinates, each between two lengths."""
    atoms = int.from_bytes(head.bytes[_ATOMS_AT : _ATOMS_AT + 4], sys.byteorder)
    return (8 + 48) + 3 * (8 + 4 * atoms)
