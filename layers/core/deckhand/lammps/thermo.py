"""The thermo tables of a LAMMPS log: which bytes are a row, and of which step.

https://docs.lammps.org/thermo_style.html describes the three line styles: one, multi and yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_MULTI = re.compile(rb"-{4,} Step\s+(-?\d+) -+ CPU =")
_MULTI_BODY = re.compile(rb"\S+\s+=\s+\S")
_YAML = re.compile(rb"\s+- \[(.*)\]\s*")
_YAML_KEYWORDS = re.compile(rb"keywords: \[(.*)\]\s*")
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)", re.I)
_ENDS = (b"Loop time", b"ERROR", b"...")


class Row(NamedTuple):
    """A thermo row: its byte range [begin, end) in the log, its step, its columns as printed."""

    begin: int
    end: int
    step: int
    columns: tuple[str, ...]
    values: tuple[str, ...]


@dataclass
class ThermoReader:
    """Finds thermo rows in a log that is read from the start or from a run's beginning."""

    columns: tuple[bytes, ...] | None = None

    def rows(self, lines: Iterable[bytes], begin: int = 0) -> Iterator[Row]:
        """Rows of complete lines (each with its newline); *begin* is the offset of the first."""
        position = begin
        multi: tuple[int, int, list[bytes]] | None = None
        for line in lines:
            end = position + len(line)
            if multi is not None:
                if _MULTI_BODY.match(line):
                    multi[2].append(line)
                    position = end
                    continue
                yield _multi_row(*multi, position)
                multi = None
            match = _MULTI.match(line)
            if match:
                multi = (position, int(match[1]), [])
            else:
                row = self._row(line, position, end)
                if row is not None:
                    yield row
            position = end
        if multi is not None:
            yield _multi_row(*multi, position)

    def _row(self, line: bytes, begin: int, end: int) -> Row | None:
        keywords = _YAML_KEYWORDS.fullmatch(line.rstrip(b"\n"))
        if keywords:
            self.columns = tuple(_yaml_items(keywords[1]))
            return None
        words = line.split()
        if line.startswith(b" ") and b"Step" in words and not _NUMBER.fullmatch(words[0]):
            self.columns = tuple(words)
            return None
        if line.startswith(_ENDS):
            self.columns = None
        if self.columns is None or b"Step" not in self.columns:
            return None
        yaml = _YAML.fullmatch(line.rstrip(b"\n"))
        values = list(_yaml_items(yaml[1])) if yaml else words
        if len(values) != len(self.columns) or not all(_NUMBER.fullmatch(v) for v in values):
            return None
        step = int(float(values[self.columns.index(b"Step")]))
        return Row(begin, end, step, _text(self.columns), _text(values))


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
