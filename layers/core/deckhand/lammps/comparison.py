"""Whether the outputs of an interrupted run are those of an undisturbed one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from deckhand.lammps.thermo import Row, read_rows

TORN: Final = -1
"""In the place of a number of atoms: a line of the frame is missing, doubled or cut."""

UNPHYSICAL: Final = frozenset({"CPU", "T/CPU", "S/CPU", "CPULeft", "Nbuild", "Ndanger"})
"""Thermo columns of the clock and of the neighbour lists: no two processes print the same."""

_HEAD_BYTES: Final = 4096
_XYZ = re.compile(rb"\d+\n.*Timestep: (-?\d+)")
_XYZ_FRAME = re.compile(rb"^(\d+)\n.*Timestep: (-?\d+).*\n", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


class Form(StrEnum):
    """What the records of an output file are."""

    LOG = "log"
    FRAMES = "frames"
    ROWS = "rows"
    STRUCTURE = "structure"
    TEXT = "text"
    BINARY = "binary"


class Frame(NamedTuple):
    """A frame of a trajectory; *atoms* is TORN unless each of its atoms is there once."""

    step: int
    atoms: int


@dataclass(frozen=True)
class Tally:
    """Records that must be there, and that are. A doubled one is one that is there too often."""

    expected: int = 0
    got: int = 0
    missing: int = 0
    doubled: int = 0
    in_order: bool = True

    @property
    def is_whole(self) -> bool:
        return self.missing == self.doubled == 0 and self.in_order

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.expected + other.expected,
            self.got + other.got,
            self.missing + other.missing,
            self.doubled + other.doubled,
            self.in_order and other.in_order,
        )


@dataclass(frozen=True)
class Completeness:
    """What became of every record of every file; `problems` names files, for people."""

    rows: Tally
    frames: Tally
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return self.rows.is_whole and self.frames.is_whole and not self.problems


def tally(expected: Sequence[Hashable], got: Sequence[Hashable]) -> Tally:
    """Compare the names of records, in the order in which they stand in their files."""
    wanted, found = Counter(expected), Counter(got)
    return Tally(
        expected=len(expected),
        got=len(got),
        missing=(wanted - found).total(),
        doubled=(found - wanted).total(),
        in_order=wanted != found or list(expected) == list(got),
    )


def compare_files(expected: Mapping[str, Path], got: Mapping[str, Path]) -> Completeness:
    """Compare the files of two runs, which are given by their paths in the deck's folder."""
    rows, frames = Tally(), Tally()
    problems = [f"{path} is written only by the interrupted run" for path in got.keys() - expected]
    for path, file in sorted(expected.items()):
        form = form_of(file)
        ours = got.get(path)
        found = _differences(form, file, ours)
        if ours is None:
            problems.append(f"{path} is missing")
        elif not found.is_whole:
            problems.append(f"{path}: {_told(form, found)}")
        if form in (Form.LOG, Form.ROWS):
            rows += found
        elif form is Form.FRAMES:
            frames += found
    return Completeness(rows, frames, tuple(sorted(problems)))


def form_of(file: Path) -> Form:
    """What kind of output a file is, by its first bytes."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    if b"\0" in head or head.startswith(b"\x1f\x8b"):
        return Form.BINARY
    if head.startswith(b"ITEM: ") or _XYZ.match(head):
        return Form.FRAMES
    if head.startswith(b"LAMMPS data file"):
        return Form.STRUCTURE
    if head.startswith(b"LAMMPS (") or read_rows(file.read_bytes()):
        return Form.LOG
    return Form.ROWS if head.startswith(b"#") else Form.TEXT


def read_log(file: Path) -> list[Row]:
    """The whole thermo rows of a log; the last line of a process that was killed may be torn."""
    text = file.read_bytes()
    return read_rows(text[: text.rfind(b"\n") + 1])


def frames(file: Path) -> list[Frame]:
    """The frames of a text dump, native or xyz."""
    text = file.read_bytes()
    if text.startswith(b"ITEM: "):
        return list(_native_frames(text))
    return list(_xyz_frames(text))


def first_words(table: str) -> list[str]:
    """How the rows of a table of averages begin: with a step, or the number of a bin."""
    return [line.split()[0] for line in table.splitlines() if line.split("#", 1)[0].strip()]


def sections(structure: str) -> Iterator[tuple[str, str]]:
    """Section and first number of each line of a data file, for its order is LAMMPS' own."""
    section = ""
    for line in structure.splitlines():
        words = line.split()
        if words and words[0][0].isalpha():
            section = words[0]
        elif words and section:
            yield section, words[0]


@dataclass(frozen=True)
class Deviations:
    """How far rows are from those of the undisturbed run, relative to what their columns hold.

    A column is measured by the larger of the expected value and the column's median magnitude:
    a pressure that passes through zero is no infinite deviation.
    """

    scales: Mapping[tuple[str, ...], tuple[float, ...]]

    @classmethod
    def measured_by(cls, expected: Iterable[Row]) -> Deviations:
        tables: dict[tuple[str, ...], list[tuple[float, ...]]] = defaultdict(list)
        for row in expected:
            tables[row.columns].append(numbers(row))
        return cls(
            {
                columns: tuple(map(_magnitude, zip(*rows, strict=True)))
                for columns, rows in tables.items()
            }
        )

    def of(self, row: Row, expected: Row) -> float:
        """The largest relative deviation among the columns of a row; infinite for nan."""
        scales = self.scales.get(expected.columns, (0.0,) * len(expected.columns))
        pairs = zip(row.columns, numbers(row), numbers(expected), scales, strict=True)
        return max(
            (
                _relative(found, wanted, scale)
                for name, found, wanted, scale in pairs
                if name not in UNPHYSICAL
            ),
            default=0.0,
        )


def numbers(row: Row) -> tuple[float, ...]:
    return tuple(float(value) for value in row.values)


def partners(rows: Iterable[Row], expected: Iterable[Row]) -> list[Row | None]:
    """For each row the expected one of the same table and step; the nth for the nth of several."""
    waiting: dict[Hashable, list[Row]] = defaultdict(list)
    for row in expected:
        waiting[_name(row)].append(row)
    for queue in waiting.values():
        queue.reverse()
    return [waiting[_name(row)].pop() if waiting.get(_name(row)) else None for row in rows]


def _magnitude(column: Iterable[float]) -> float:
    return median(abs(value) for value in column)


def _relative(found: float, wanted: float, scale: float) -> float:
    if found == wanted or (found != found and wanted != wanted):
        return 0.0
    size = max(abs(wanted), scale)
    deviation = abs(found - wanted) / size if size else abs(found)
    return deviation if deviation == deviation else float("inf")


def _differences(form: Form, expected: Path, got: Path | None) -> Tally:
    if form is Form.BINARY:
        return Tally()
    return tally(_records(form, expected), _records(form, got) if got is not None else [])


def _records(form: Form, file: Path) -> list[Hashable]:
    """What tells the records of a file apart; not their values, for dynamics is chaotic."""
    match form:
        case Form.LOG:
            return [_name(row) for row in read_log(file)]
        case Form.FRAMES:
            return [*frames(file)]
        case Form.ROWS:
            return [*_row_names(_text(file))]
        case Form.STRUCTURE:
            return [*sorted(sections(_text(file)))]
        case _:
            return [*range(_text(file).count("\n"))]


def _row_names(table: str) -> Iterator[str]:
    """First words that are numbers; a sentence of `fix print` is only counted."""
    for word in first_words(table):
        yield word if _NUMBER.fullmatch(word) else ""


def _name(row: Row) -> Hashable:
    return row.columns, row.step


def _native_frames(dump: bytes) -> Iterator[Frame]:
    for text in dump.split(b"ITEM: TIMESTEP\n")[1:]:
        head, _, atoms = text.partition(b"ITEM: NUMBER OF ")[2].partition(b"ITEM: ")
        while atoms.startswith((b"BOX", b"UNITS", b"TIME")):
            atoms = atoms.partition(b"ITEM: ")[2]
        title, _, body = atoms.partition(b"\n")
        lines = [line.split() for line in body.splitlines() if not line.startswith(b"ITEM: ")]
        yield Frame(
            _last_int(text[: text.find(b"\n")]), _whole(lines, title.split()[1:], _last_int(head))
        )


def _last_int(text: bytes) -> int:
    """The number a text ends with; TORN where it was cut before that."""
    word = text.split()[-1] if text.split() else b""
    return int(word) if word.isdigit() else TORN


def _whole(lines: Sequence[list[bytes]], columns: list[bytes], wanted: int) -> int:
    """The number of lines if they are those of a whole frame, else TORN."""
    if len(lines) != wanted or any(len(line) < len(columns) for line in lines):
        return TORN
    if b"id" in columns:
        at = columns.index(b"id")
        return wanted if len({line[at] for line in lines}) == wanted else TORN
    return wanted


def _xyz_frames(dump: bytes) -> Iterator[Frame]:
    heads = list(_XYZ_FRAME.finditer(dump))
    ends = [head.start() for head in heads[1:]] + [len(dump)]
    for head, end in zip(heads, ends, strict=True):
        atoms = dump.count(b"\n", head.end(), end)
        yield Frame(int(head[2]), atoms if atoms == int(head[1]) else TORN)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _told(form: Form, found: Tally) -> str:
    what = {Form.LOG: "rows", Form.ROWS: "rows", Form.FRAMES: "frames"}.get(form, "lines")
    if not found.in_order:
        return f"the {what} are all there, but not in order"
    return f"{found.missing:,} {what} missing, {found.doubled:,} doubled, of {found.expected:,}"
