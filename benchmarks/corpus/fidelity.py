"""Whether two undisturbed runs of a deck gave the same, to every printed digit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Final

from benchmarks.corpus.record import Fidelity
from deckhand.lammps.comparison import UNPHYSICAL, Form, form_of, read_log
from deckhand.lammps.thermo import Row

CLOCK: Final = UNPHYSICAL - {"Nbuild", "Ndanger"}
"""Thermo columns that no two runs print alike."""

SHOWN: Final = 3


def compare(plain: Mapping[str, Path], runner: Mapping[str, Path]) -> Fidelity:
    """Compare all that the two wrote, by the paths of the files in the deck's folder."""
    found = [f"{path} is written only by the runner" for path in sorted(runner.keys() - plain)]
    rows = 0
    for path, file in sorted(plain.items()):
        ours = runner.get(path)
        if ours is None:
            found.append(f"{path} is missing")
        elif form_of(file) is Form.LOG:
            expected, got = read_log(file), read_log(ours)
            rows += len(expected)
            found += [f"{path}: {text}" for text in _rows(expected, got)]
        elif file.read_bytes() != ours.read_bytes():
            found.append(f"{path}: {_first_line(file, ours)}")
    return Fidelity(identical=not found, rows=rows, detail="; ".join(found[:SHOWN]))


def _rows(expected: list[Row], got: list[Row]) -> Iterator[str]:
    for wanted, found in zip_longest(expected, got):
        if wanted is None:
            yield f"{len(got)} rows instead of {len(expected)}, the first beyond is {_told(found)}"
            return
        if found is None or physical(wanted) != physical(found):
            yield f"{_told(found)} instead of {_told(wanted)}"
            return


def physical(row: Row) -> list[tuple[str, str]]:
    """The columns of a row and their values, without those of the clock."""
    return [pair for pair in zip(row.columns, row.values, strict=True) if pair[0] not in CLOCK]


def _told(row: Row | None) -> str:
    return "no row" if row is None else " ".join(row.values)


def _first_line(expected: Path, got: Path) -> str:
    if form_of(expected) is Form.BINARY:
        return f"{got.stat().st_size:,} bytes instead of {expected.stat().st_size:,}, or others"
    pairs = zip_longest(*(file.read_bytes().splitlines() for file in (expected, got)))
    for number, (wanted, found) in enumerate(pairs, start=1):
        if wanted != found:
            return f"line {number} is {_line(found)} instead of {_line(wanted)}"
    return "the ends of its lines differ"


def _line(text: bytes | None) -> str:
    return "nothing" if text is None else repr(text.decode(errors="replace")[:100])
