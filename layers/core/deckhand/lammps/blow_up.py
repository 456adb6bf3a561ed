"""A simulation that blew up: how LAMMPS says it, what to try, and the lines that tell it.

The errors are explained at https://docs.lammps.org/Errors_details.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from deckhand.lammps.thermo import TABLE_COMES, Row, ThermoReader

_TOO_FAST: Final = "Try a smaller `timestep`, or a softer start: `minimize`, or `fix nve/limit`."
_TOO_VIOLENT: Final = (
    "time step may be too large or the start too violent; try a softer push-off. Where atoms may "
    "leave the box, say so: `thermo_modify lost ignore`."
)

_ERRORS: Final = (
    (r"lost atoms:", f"The {_TOO_VIOLENT}"),
    # What a checkpoint that is written before the next thermo row says of lost atoms.
    (r"atom count is inconsistent", f"Atoms were lost: the {_TOO_VIOLENT}"),
    (r"out of range atoms", f"Atoms moved too far in one step. {_TOO_FAST}"),
    (
        r"(bond|angle|dihedral|improper|restrain|rigid body) atoms? .*missing",
        "A bond was torn, or is longer than atoms are known beyond their processor (`comm_modify "
        f"cutoff`). {_TOO_FAST}",
    ),
    (r"fene bond", f"A bond was overstretched, beyond what FENE bears. {_TOO_FAST}"),
    (
        r"extent > half of periodic box|bond length > 1/2",
        f"A bond reaches over half of the box: it was torn, or the box is too small. {_TOO_FAST}",
    ),
    (
        r"(shake|rattle) determinant",
        "The atoms of a rigid bond or angle lie in one place or have come too far apart. "
        f"{_TOO_FAST}",
    ),
    (
        r"non-?numeric (atom|box|pos|press)|simulation unstable",
        "A force or a pressure is no number any more; atoms may lie on top of each other. "
        f"{_TOO_FAST}",
    ),
)
"""What LAMMPS says, as patterns of lower case, and what to try."""

_RUN_COMES: Final = "Setting up "
_ERROR: Final = re.compile(r"^ERROR.*$", re.MULTILINE)
_SOURCE: Final = re.compile(r" \((?:\.\./)*(?:src/)?[\w/.-]+\.cpp:\d+\)$")
_NUMBERS: Final = re.compile(r"[-+]?\d[\d.e+-]*|\s+")
_HEAD, _MOST = 10_000, 1_000_000
_WIDTH: Final = 160
_ROWS: Final = 3
_WARNINGS: Final = 3
_MOST_ROW_LINES: Final = 9
"""A row of the style `multi` has several."""

_TELLING: Final = ("Temp", "TotEng", "Etotal", "PotEng", "E_pair", "KinEng", "Press")
"""Columns that a blow-up is seen in first, the plainest in front."""

_GROWTH: Final = 100.0
"""A value of the last rows that is so many times what it was at most before has exploded."""


class Evidence(NamedTuple):
    """What the output of a run shows: a sentence on what has exploded, if so, and some lines."""

    explosion: str
    lines: tuple[str, ...]


def remedy_of(message: str) -> str:
    """What to try where LAMMPS' error *message* is that of a blow-up; else empty."""
    lower = message.lower()
    return next((text for sign, text in _ERRORS if re.search(sign, lower)), "")


def evidence_of(screen: str) -> Evidence:
    """The last thermo rows of the run that ended last, the warnings in it, and the error."""
    run = screen[max(0, screen.rfind(_RUN_COMES)) :]
    table = _table_of(run)
    reader = ThermoReader()
    rows = list(reader.rows(table.splitlines(keepends=True)))
    error = [without_source(line) for line in _ERROR.findall(run)[-1:]]
    lines = [*_row_lines(table, rows, reader), *_warnings(run), *error]
    return Evidence(_explosion(rows), tuple(line[:_WIDTH].rstrip() for line in lines))


def without_source(line: str) -> str:
    """A line of LAMMPS without the place in its own source."""
    return _SOURCE.sub("", line.strip())


def _table_of(run: str) -> bytes:
    """The thermo table of a run: its head and, of a long one, its end."""
    table = run[max(0, run.find(TABLE_COMES.decode())) :]
    if len(table) > _HEAD + _MOST:
        head, end = table[:_HEAD], table[-_MOST:]
        table = head[: head.rfind("\n") + 1] + end[end.find("\n") + 1 :]
    return table.encode()


def _row_lines(table: bytes, rows: Sequence[Row], reader: ThermoReader) -> list[str]:
    last = [table[row.begin : row.end].decode(errors="replace") for row in rows[-_ROWS:]]
    lines = [line for text in last for line in text.splitlines()]
    names = [reader.names.decode(errors="replace").rstrip("\n")] if reader.names and lines else []
    return [*names, *lines[-_MOST_ROW_LINES:]]


def _warnings(run: str) -> Iterator[str]:
    """The newest of each kind, and how many there were of it."""
    kinds: dict[str, list[str]] = {}
    for line in run.splitlines():
        if line.startswith("WARNING"):
            kinds.setdefault(_NUMBERS.sub(" ", line), []).append(line)
    for lines in list(kinds.values())[-_WARNINGS:]:
        many = f" (the last of {len(lines):,} like it)" if len(lines) > 1 else ""
        yield f"{without_source(lines[-1])}{many}"


def _explosion(rows: Sequence[Row]) -> str:
    """What has exploded in the last rows, as a sentence."""
    for column in _TELLING:
        if not rows or column not in rows[-1].columns:
            continue
        series = [row.values[row.columns.index(column)] for row in rows if column in row.columns]
        last, before = series[-1], [abs(float(text)) for text in series[:-_ROWS] or series[:1]]
        known = max((value for value in before if math.isfinite(value)), default=0.0)
        if not math.isfinite(float(last)):
            return f"{column} is {last} in the last thermo row."
        if abs(float(last)) > _GROWTH * known > 0.0:
            return f"{column} went from {known:.3g} at most to {float(last):.3g}."
    return ""
