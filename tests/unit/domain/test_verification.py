"""Which bytes of a file are as they were certified, whatever happened to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deckhand.domain.certificate import CertifiedFile, CertifiedPiece, certified_file
from deckhand.domain.verification import (
    ByteRange,
    CheckedFile,
    Condition,
    Verification,
    check_file,
)

BODIES = st.lists(st.binary(max_size=20), max_size=8)


def certified(bodies: list[bytes], *, whole: bool = False) -> CertifiedFile:
    pieces = [
        CertifiedPiece(size=len(body), sha256=hashlib.sha256(body).hexdigest()) for body in bodies
    ]
    sha256 = hashlib.sha256(b"".join(bodies)).hexdigest() if whole else None
    return certified_file("traj", pieces, sha256)


def in_chunks(body: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]
        yield b""


@given(BODIES, st.integers(1, 30), st.booleans())
def test_what_was_written_is_found_to_be_so(bodies: list[bytes], chunk: int, whole: bool) -> None:
    body = b"".join(bodies)
    checked = check_file(certified(bodies, whole=whole), in_chunks(body, chunk))
    assert checked == CheckedFile(path="traj", condition=Condition.OK, size=len(body))


@given(BODIES, st.data(), st.integers(1, 30))
def test_a_changed_byte_is_found_in_its_piece_and_nowhere_else(
    bodies: list[bytes], data: st.DataObject, chunk: int
) -> None:
    body = bytearray(b"".join(bodies))
    assume(body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    [found] = check_file(certified(bodies), in_chunks(bytes(body), chunk)).damaged
    ends = [sum(map(len, bodies[: n + 1])) for n in range(len(bodies))]
    index = next(n for n, end in enumerate(ends) if end > at)
    assert (found.begin, found.end) == (ends[index] - len(bodies[index]), ends[index])


@given(BODIES, st.data(), st.integers(1, 30))
def test_a_file_of_another_length_is_damaged(
    bodies: list[bytes], data: st.DataObject, chunk: int
) -> None:
    body = b"".join(bodies)
    cut = data.draw(st.integers(0, len(body)))
    if cut < len(body):
        checked = check_file(certified(bodies), in_chunks(body[:cut], chunk))
        assert (checked.size, checked.damaged[-1].end) == (cut, len(body))
        assert checked.damaged[-1].begin <= cut
    longer = check_file(certified(bodies), in_chunks(body + b"x", chunk))
    assert longer.damaged == (ByteRange(begin=len(body), end=len(body) + 1),)


def test_neighbouring_ranges_are_one() -> None:
    checked = check_file(certified([b"aa", b"bb", b"cc", b"dd"]), [b"aaXXXXdd"])
    assert [str(item) for item in checked.damaged] == ["bytes 2 to 5"]


def test_swapped_pieces_are_damage() -> None:
    checked = check_file(certified([b"aa", b"bb"]), [b"bbaa"])
    assert checked.condition is Condition.DAMAGED


def test_a_wrong_digest_of_the_whole_does_not_pass() -> None:
    file = certified([b"aa", b"bb"], whole=True).model_copy(update={"sha256": "0" * 64})
    assert check_file(file, [b"aabb"]).damaged == (ByteRange(begin=0, end=4),)


@pytest.mark.parametrize(
    ("condition", "ok"),
    [
        (Condition.OK, True),
        (Condition.NOT_CERTIFIED, True),
        (Condition.DAMAGED, False),
        (Condition.MISSING, False),
    ],
)
def test_only_what_is_certified_decides(condition: Condition, ok: bool) -> None:
    files = (
        CheckedFile(path="a", condition=Condition.OK, size=1),
        CheckedFile(path="b", condition=condition, size=1),
    )
    assert Verification(run_id="r", files=files).ok is ok
