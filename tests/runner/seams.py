"""What a user would notice of an interruption in the outputs of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from deckhand.lammps.packing import unpacked
from deckhand.lammps.restart_file import restart_step
from deckhand.lammps.thermo import Row, ThermoReader, read_rows
from deckhand.lammps.trajectory import frames, is_trajectory

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def steps_of(log: bytes) -> list[int]:
    return [row.step for row in read_rows(log)]


def frames_of(dump: bytes) -> list[int]:
    return [frame.step for frame in frames(dump)]


def step_of(restart: bytes) -> int | None:
    with NamedTemporaryFile() as file:
        file.write(restart)
        file.flush()
        return restart_step(Path(file.name))


def lines_of_tables(log: bytes) -> Iterator[object]:
    """The rows of a log by their steps, and what was printed between them."""
    reader = ThermoReader()
    for item in reader.items(log.splitlines(keepends=True)):
        if isinstance(item, Row):
            yield item.step, len(item.columns)
        elif reader.columns is not None:
            yield _shape(log[item.begin : item.end])


def outline(path: str, text: bytes) -> object:
    """What two runs of the same deck have in common: the values of atoms are not in it."""
    text = unpacked(text)
    if text.startswith(b"LammpS RestartT"):
        return "restart file", step_of(text)
    if text.startswith(b"LAMMPS data file"):
        return "data file"
    if is_trajectory(text):
        return [*frames(text)]
    if b"Loop time of" in text:
        return [*lines_of_tables(text)]
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
