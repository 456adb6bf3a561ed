"""Whether the outputs of an interrupted run are those of an undisturbed one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Final

from deckhand.lammps.packing import unpacked
from deckhand.lammps.restart_file import restart_step
from deckhand.lammps.thermo import NO_STEP, TABLE_ENDS, Row, read_rows
from deckhand.lammps.trajectory import Frame, frames, is_trajectory

UNPHYSICAL: Final = frozenset({"CPU", "T/CPU", "S/CPU", "CPULeft", "Nbuild", "Ndanger"})
"""Thermo columns of the clock and of the neighbour lists: no two processes print the same."""

_STEP_LINE = re.compile(r"#?\s*Timestep:?\s+(-?\d+)")
_KEY = re.compile(r"[-\s\[]*(-?\d+)(?=[\s,:]|$)")


class Form(StrEnum):
    """What the records of an output file are."""

    LOG = "log"
    FRAMES = "frames"
    ROWS = "rows"
    STRUCTURE = "structure"
    TEXT = "text"
    BINARY = "binary"


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


def compare_files(
    expected: Mapping[str, Path],
    got: Mapping[str, Path],
    known: Mapping[str, Tally] | None = None,
    control: Mapping[str, Path] | None = None,
) -> Completeness:
    """Compare the files of two runs, which are given by their paths in the deck's folder.

    What is *known* of a file already is not looked for. How many atoms a frame shows, or bonds a
    data file has, may follow from the trajectory: such files are compared with those of the
    *control*, and only their steps with those expected.
    """
    known, control = known or {}, control or {}
    rows, frames = Tally(), Tally()
    problems = [f"{path} is written only by the interrupted run" for path in got.keys() - expected]
    for path, file in sorted(expected.items()):
        form = form_of(file)
        ours = got.get(path)
        found = known[path] if path in known else _differences(form, file, ours)
        if not found.is_whole and path in control and path not in known:
            found = _differences_in_steps(form, file, ours) or _differences(
                form, control[path], ours
            )
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
    return _form(_content(file))


def _form(text: bytes) -> Form:
    if is_trajectory(text):
        return Form.FRAMES
    if b"\0" in text:
        return Form.BINARY
    if text.startswith(b"LAMMPS data file"):
        return Form.STRUCTURE
    if text.startswith(b"LAMMPS (") or (TABLE_ENDS in text and read_rows(text)):
        return Form.LOG
    return Form.ROWS if text.startswith((b"#", b"Timestep ")) else Form.TEXT


def _content(file: Path) -> bytes:
    """The bytes of a file before it was compressed; none if it is torn."""
    try:
        return unpacked(file.read_bytes())
    except ValueError:
        return b""


def read_log(file: Path) -> list[Row]:
    """The whole thermo rows of a log; the last line of a process that was killed may be torn."""
    text = file.read_bytes()
    return read_rows(text[: text.rfind(b"\n") + 1])


def row_names(table: str) -> Iterator[str]:
    """What tells the rows of a table apart: a step, or the number of a bin.

    A row that begins with another value is only counted, for no two runs have the same. The rows of
    a block with a title (bonds, molecules) come in LAMMPS' own order, and are sorted.
    """
    block: list[str] | None = None
    for line in table.splitlines():
        step = _STEP_LINE.match(line)
        if step:
            yield from sorted(block or ())
            yield f"step {step[1]}"
            block = []
        elif line.split("#", 1)[0].strip():
            key = _KEY.match(line)
            name = key[1] if key else ""
            if block is None:
                yield name
            else:
                block.append(name)
    yield from sorted(block or ())


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


def followed(rows: Iterable[Row], expected: Iterable[Row]) -> list[Row | None]:
    """For each row the next expected one of its table and step; expected ones may be left out.

    None from the first row on that has none, and where the table has no steps to tell.
    """
    waiting = iter(expected)
    return [
        next((row for row in waiting if _name(row) == _name(ours)), None)
        if ours.step != NO_STEP
        else None
        for ours in rows
    ]


def _magnitude(column: Iterable[float]) -> float:
    return median(abs(value) for value in column)


def _relative(found: float, wanted: float, scale: float) -> float:
    if found == wanted or (found != found and wanted != wanted):
        return 0.0
    size = max(abs(wanted), scale)
    deviation = abs(found - wanted) / size if size else abs(found)
    return deviation if deviation == deviation else float("inf")


def _differences(form: Form, expected: Path, got: Path | None) -> Tally:
    return tally(_records(form, expected), _records(form, got) if got is not None else [])


def _differences_in_steps(form: Form, expected: Path, got: Path | None) -> Tally | None:
    """Those that no trajectory can be the reason of; None if there are none."""
    if form not in (Form.FRAMES, Form.STRUCTURE, Form.ROWS) or got is None:
        return _differences(form, expected, got)
    wanted, found = ([*_steps(form, _records(form, file))] for file in (expected, got))
    steps = tally(wanted, found)
    return None if steps.is_whole else steps


def _steps(form: Form, records: Iterable[Hashable]) -> Iterator[Hashable]:
    for record in records:
        if isinstance(record, Frame):
            yield record.step
        elif form is Form.ROWS and str(record).startswith("step "):
            yield record


def _records(form: Form, file: Path) -> list[Hashable]:
    """What tells the records of a file apart; not their values, for dynamics is chaotic."""
    text = _content(file)
    match form:
        case Form.LOG:
            return [_name(row) for row in read_rows(text)]
        case Form.FRAMES:
            return [*frames(text)]
        case Form.BINARY:
            return [restart_step(file)]
        case Form.ROWS:
            return [*row_names(_decoded(text))]
        case Form.STRUCTURE:
            return [*sorted(sections(_decoded(text)))]
        case _:
            return [*range(text.count(b"\n"))]


def _name(row: Row) -> Hashable:
    return row.columns, row.step


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")


def _told(form: Form, found: Tally) -> str:
    what = {Form.LOG: "rows", Form.ROWS: "rows", Form.FRAMES: "frames"}.get(form, "lines")
    if not found.in_order:
        return f"the {what} are all there, but not in order"
    return f"{found.missing:,} {what} missing, {found.doubled:,} doubled, of {found.expected:,}"
