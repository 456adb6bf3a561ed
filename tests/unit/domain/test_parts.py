"""Parts of a multipart upload: S3's limits kept, no byte moved or lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.parts import MAX_PART, MAX_PARTS, MIB, MIN_PART, Part, Range, plan_parts


def pieces(*sizes: int) -> list[Range]:
    return [Range(f"piece-{number}", 0, size) for number, size in enumerate(sizes)]


def spans(ranges: list[Range]) -> list[tuple[str, int, int]]:
    """Adjacent ranges of one object merged."""
    merged: list[tuple[str, int, int]] = []
    for item in ranges:
        if merged and merged[-1][0] == item.key and merged[-1][2] == item.begin:
            merged[-1] = (item.key, merged[-1][1], item.begin + item.size)
        else:
            merged.append((item.key, item.begin, item.begin + item.size))
    return merged


@given(st.lists(st.integers(0, 40), max_size=30))
def test_the_parts_are_the_pieces(sizes: list[int]) -> None:
    given_pieces = pieces(*sizes)
    parts = plan_parts(given_pieces, min_part=5, max_part=16)
    assert spans([r for part in parts for r in part.ranges]) == spans(
        [piece for piece in given_pieces if piece.size]
    )
    assert all(part.size >= 5 for part in parts[:-1])
    assert all(part.size <= 16 for part in parts)
    assert all(len(part.ranges) == 1 for part in parts if part.copied)


def test_a_long_piece_never_passes_through_a_client() -> None:
    assert plan_parts(pieces(100 * MIB)) == [Part((Range("piece-0", 0, 100 * MIB),), copied=True)]


def test_a_short_head_takes_only_what_a_part_needs_from_the_next_piece() -> None:
    head, rest = plan_parts(pieces(MIB, 100 * MIB))
    assert (head.copied, head.size) == (False, MIN_PART)
    assert rest == Part((Range("piece-1", 4 * MIB, 96 * MIB),), copied=True)


def test_a_piece_longer_than_a_part_is_split() -> None:
    parts = plan_parts(pieces(2 * MAX_PART + 1))
    assert [part.size for part in parts] == [MAX_PART, MAX_PART, 1]


def test_many_short_pieces_become_few_parts() -> None:
    parts = plan_parts(pieces(*[6 * MIB] * 12_000))
    assert len(parts) <= MAX_PARTS


def test_nothing_but_empty_pieces_is_no_part() -> None:
    assert plan_parts(pieces(0, 0)) == []
