"""A record of an output file, and its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Record(NamedTuple):
    """Bytes [begin, end) of a file, which belong to *step*."""

    begin: int
    end: int
    step: int


def lines_of(file: Iterable[bytes], size: int | None = None) -> Iterator[bytes]:
    """Complete lines only, for the last one may still be growing; of the next *size* bytes."""
    for line in file:
        if not line.endswith(b"\n") or size == 0:
            return
        yield line
        if size is not None:
            size = max(0, size - len(line))
