"""The thermo tables of a LAMMPS log: which bytes are a row, and of which step.

https://docs.lammps.org/thermo_style.html describes the three line styles: one, multi and yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

NO_STEP: Final = -1
"""In the place of a step: the table has no column `Step`."""

TABLE_COMES: Final = b"Per MPI rank memory allocation"
"""LAMMPS says so when it has set up a run; the names of the columns follow."""

TABLE_ENDS: Final = b"Loop time of"
YAML_TABLE_ENDS: Final = b"...\n"

_MULTI = re.compile(rb"-{4,} Step\s+(-?\d+) -+ CPU =")
_MULTI_BODY = re.compile(rb"(?:\S{1,7} {2,}|\S{8,} )= (?=.{14})")
_YAML = re.compile(rb"\s+- \[(.*)\]\s*")
_YAML_KEYWORDS = re.compile(rb"keywords: \[(.*)\]\s*")
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)", re.I)
_ENDS = (b"Loop time", b"ERROR", b"...")
_NO_NAMES = (b"---", b"WARNING")


class Row(NamedTuple):
    """A thermo row: its byte range [begin, end) in the log, its step, its columns as printed."""

    begin: int
    end: int
    step: int
    columns: tuple[str, ...]
    values: tuple[str, ...]


class Text(NamedTuple):
    """Another line of a log, and the step it was printed at if that is known."""

    begin: int
    end: int
    step: int | None = None


def _unknown(line: bytes) -> int | None:
    return None


@dataclass
class ThermoReader:
    """Finds thermo rows in a log that is read from the start or from a run's beginning.

    `names` is the line with the names of the columns: a run with `pre no` only repeats it.
    `number` counts the rows of a table from 0.
    """

    columns: tuple[bytes, ...] | None = None
    names: bytes = b""
    number: int = -1
    _names_come: bool = False
    _first_row_comes: bool = False

    def rows(self, lines: Iterable[bytes], begin: int = 0) -> Iterator[Row]:
        """Rows of complete lines (each with its newline); *begin* is the offset of the first."""
        return (item for item in self.items(lines, begin) if isinstance(item, Row))

    def items(
        self,
        lines: Iterable[bytes],
        begin: int = 0,
        printed: Callable[[bytes], int | None] = _unknown,
    ) -> Iterator[Row | Text]:
        """The same, and what stands between them.

        *printed* tells at which step a line was printed that only looks like a row.
        """
        position = begin
        multi: tuple[int, int, list[bytes]] | None = None
        for line in lines:
            end = position + len(line)
            step = printed(line)
            if multi is not None:
                if step is None and _MULTI_BODY.match(line):
                    multi[2].append(line)
                    position = end
                    continue
                yield _multi_row(*multi, position)
                multi = None
            match = _MULTI.match(line)
            if match:
                self._names_come = False
                multi = (position, int(match[1]), [])
            else:
                row = self._row(line, position, end) if step is None else None
                yield row or Text(position, end, step)
            position = end
        if multi is not None:
            yield _multi_row(*multi, position)

    def _row(self, line: bytes, begin: int, end: int) -> Row | None:
        if self._is_no_row(line) or self.columns is None:
            return None
        yaml = _YAML.fullmatch(line.rstrip(b"\n"))
        values = list(_yaml_items(yaml[1])) if yaml else line.split()
        if not values or not all(_NUMBER.fullmatch(value) for value in values):
            return None
        if self._first_row_comes:
            self._first_row_comes = False
            if len(values) != len(self.columns):
                # `thermo_modify colname` may give a column a name of several words.
                self.columns = tuple(b"%d" % number for number in range(1, len(values) + 1))
        if len(values) != len(self.columns):
            return None
        at = self.columns.index(b"Step") if b"Step" in self.columns else None
        step = NO_STEP if at is None else int(float(values[at]))
        self.number += 1
        return Row(begin, end, step, _text(self.columns), _text(values))

    def _is_no_row(self, line: bytes) -> bool:
        """Follow the lines around a table."""
        keywords = _YAML_KEYWORDS.fullmatch(line.rstrip(b"\n"))
        if line.startswith(TABLE_COMES):
            self._names_come = True
        elif keywords:
            self._begin_table(tuple(_yaml_items(keywords[1])))
        elif self._has_names(line):
            self._begin_table(tuple(line.split()))
            self.names = line
        elif line.startswith(_ENDS):
            self.columns = None
        else:
            return False
        return True

    def _has_names(self, line: bytes) -> bool:
        if self._names_come:
            return bool(line.strip()) and not line.startswith(_NO_NAMES)
        if line == self.names:
            return True
        words = line.split()
        return line.startswith(b" ") and b"Step" in words and not _NUMBER.fullmatch(words[0])

    def _begin_table(self, columns: tuple[bytes, ...]) -> None:
        self.columns, self.number = columns, -1
        self._names_come, self._first_row_comes = False, True


def read_rows(log: bytes) -> list[Row]:
    """All thermo rows of a whole log."""
    return list(ThermoReader().rows(log.splitlines(keepends=True)))


def _multi_row(begin: int, step: int, body: list[bytes], end: int) -> Row:
    pairs = re.findall(rb"(\S+)\s+=\s+(\S+)", b"".join(body))
    columns = (b"Step", *(name for name, _ in pairs))
    values = (str(step).encode(), *(value for _, value in pairs))
    return Row(begin, end, step, _text(columns), _text(values))


def _yaml_items(text: bytes) -> Iterator[bytes]:
    for item in text.split(b","):
        stripped = item.strip().strip(b"'\"")
        if stripped:
            yield stripped


def _text(items: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(item.decode(errors="replace") for item in items)
