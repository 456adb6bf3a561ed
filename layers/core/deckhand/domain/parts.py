"""How pieces in S3 become one object: the parts of a multipart upload, copied where S3 allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART: Final = 5 * MIB
MAX_PART: Final = 5 * 1024 * MIB
MAX_PARTS: Final = 10_000


@dataclass(frozen=True)
class Range:
    """Bytes [begin, begin + size) of an object."""

    key: str
    begin: int
    size: int


@dataclass(frozen=True)
class Part:
    """One part of the new object: a range S3 copies itself, or ranges that a client carries."""

    ranges: tuple[Range, ...]
    copied: bool

    @property
    def size(self) -> int:
        return sum(item.size for item in self.ranges)


def plan_parts(
    pieces: Iterable[Range], min_part: int = MIN_PART, max_part: int = MAX_PART
) -> list[Part]:
    """Parts whose concatenation is that of *pieces*, within the limits of a multipart upload.

    All but the last have *min_part* bytes or more. A piece too short to be a part is carried by
    the client together with its successors, the head of a long one included. Results of more than
    MAX_PARTS short parts get longer ones.
    """
    wanted = [piece for piece in pieces if piece.size > 0]
    floor = max(min_part, -(-sum(piece.size for piece in wanted) // (MAX_PARTS - 1000)))
    ceiling = max(max_part, floor)
    parts: list[Part] = []
    gathered: list[Range] = []
    for piece in wanted:
        rest = piece
        if gathered:
            head, rest = _cut(piece, floor - sum(item.size for item in gathered))
            gathered.append(head)
            if sum(item.size for item in gathered) == floor:
                parts.append(Part(tuple(gathered), copied=False))
                gathered = []
        while rest.size >= floor:
            head, rest = _cut(rest, ceiling)
            parts.append(Part((head,), copied=True))
        if rest.size:
            gathered.append(rest)
    if gathered:
        parts.append(Part(tuple(gathered), copied=False))
    return parts


def _cut(piece: Range, size: int) -> tuple[Range, Range]:
    first = min(piece.size, size)
    head = Range(piece.key, piece.begin, first)
    return head, Range(piece.key, piece.begin + first, piece.size - first)
