"""What a user would notice of an interruption in the outputs of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deckhand.lammps.thermo import Row, read_rows

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_FRAME = re.compile(rb"(?:ITEM: TIMESTEP\n|Atoms\. Timestep: )(\d+)")
_CLOCKS = frozenset({"CPU", "S/CPU", "T/CPU", "CPULeft"})


def steps_of(log: bytes) -> list[int]:
    return [row.step for row in read_rows(log)]


def frames_of(dump: bytes) -> list[int]:
    return [int(step) for step in _FRAME.findall(dump)]


def outline(path: str, text: bytes) -> object:
    """What two runs of the same deck have in common: the values of atoms are not in it."""
    if text.startswith(b"LammpS RestartT"):
        return "restart file"
    if text.startswith(b"LAMMPS data file"):
        return "data file"
    if b"Loop time of" in text:
        return steps_of(text)
    if _FRAME.search(text):
        return frames_of(text), text.count(b"\n")
    return [_shape(line) for line in text.splitlines()]


def _shape(line: bytes) -> bytes:
    """The first word as it is, the numbers behind it as a mark."""
    first, _, rest = line.partition(b" ")
    return first + b" " + b" ".join(_NUMBER.sub(b"#", rest).split())


def assert_seamless(got: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """The same files, each with the same rows, frames and lines in the same order."""
    assert sorted(got) == sorted(expected)
    for path in expected:
        assert outline(path, got[path]) == outline(path, expected[path]), path


def assert_same_values(row: Row, other: Row, tolerance: float) -> None:
    """Two rows agree in the columns they share."""
    mine, theirs = _values(row), _values(other)
    for column in mine.keys() & theirs.keys():
        scale = max(abs(mine[column]), abs(theirs[column]), 0.1)
        apart = abs(mine[column] - theirs[column])
        assert apart <= tolerance * scale, (row.step, column, mine[column], theirs[column])


def _values(row: Row) -> dict[str, float]:
    """All but the clocks, and the averages: LAMMPS has none at once after it was started."""
    return {
        column: float(value)
        for column, value in zip(row.columns, row.values, strict=True)
        if column not in _CLOCKS and not column.startswith("f_")
    }


def first_table(log: bytes) -> Iterator[Row]:
    """The rows up to where the steps begin again."""
    last = -1
    for row in read_rows(log):
        if row.step <= last:
            return
        last = row.step
        yield row
