"""The records of tables of averages, and of what ReaxFF tells of its molecules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from deckhand.lammps.records.record import Record, lines_of

_STEP = re.compile(rb"\s*(-?\d+)\s")
_BLOCK = re.compile(rb"\s*(-?\d+)\s+(\d+)\s")
_KEY = re.compile(rb"  (-?\d+):")
_ITEM = b"  - "
_KEYED_ROW = re.compile(rb"  - \[(-?\d+),")


def rows(file: BinaryIO, begin: int) -> Iterator[Record]:
    """A row for each step, which it begins with."""
    for position, line in _lines(file, begin):
        match = _STEP.match(line)
        if match:
            yield Record(position, position + len(line), int(match[1]))


def titled_rows(file: BinaryIO, begin: int) -> Iterator[Record]:
    """The same, each with a title of its own: `fix reaxff/species` names the species that are."""
    title: int | None = None
    for position, line in _lines(file, begin):
        match = _STEP.match(line)
        if match:
            start = position if title is None else title
            yield Record(start, position + len(line), int(match[1]))
            title = None
        elif title is None:
            title = position


def blocks(file: BinaryIO, begin: int) -> Iterator[Record]:
    """`step count …` followed by *count* rows."""
    start, step, left = 0, 0, 0
    for position, line in _lines(file, begin):
        if left:
            left -= 1
        else:
            match = _BLOCK.match(line)
            if not match:
                continue
            start, step, left = position, int(match[1]), int(match[2])
        if not left:
            yield Record(start, position + len(line), step)


def keyed(file: BinaryIO, begin: int) -> Iterator[Record]:
    """YAML: `- [step, …]`, or `step:` with its rows below."""
    key: tuple[int, int] | None = None
    end = begin
    for position, line in _lines(file, begin):
        match = _KEY.match(line)
        if key is not None and (match or not line.startswith(_ITEM)):
            yield Record(key[0], end, key[1])
            key = None
        end = position + len(line)
        row = _KEYED_ROW.match(line)
        if match:
            key = position, int(match[1])
        elif row and key is None:
            yield Record(position, end, int(row[1]))
    if key is not None:
        yield Record(key[0], end, key[1])


def _lines(file: BinaryIO, begin: int) -> Iterator[tuple[int, bytes]]:
    file.seek(begin)
    position = begin
    for line in lines_of(file):
        yield position, line
        position += len(line)
