"""Compressed pieces: joined they are one file, which its own tool can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.formats import Packing, packing_of
from deckhand.lammps.packing import packed, unpacked


@pytest.mark.parametrize("packing", Packing)
@given(pieces=st.lists(st.lists(st.binary(max_size=50), max_size=3), min_size=1, max_size=4))
def test_joined_pieces_are_one_file(packing: Packing, pieces: list[list[bytes]]) -> None:
    joined = b"".join(b"".join(packed(chunks, packing)) for chunks in pieces)
    assert unpacked(joined) == b"".join(chunk for chunks in pieces for chunk in chunks)


@pytest.mark.parametrize("packing", Packing)
def test_a_torn_file_is_seen(packing: Packing) -> None:
    whole = b"".join(packed([bytes(range(256))], packing))
    with pytest.raises(ValueError, match="torn"):
        unpacked(whole[:-20])


def test_what_is_not_compressed_stays_as_it_is() -> None:
    assert unpacked(b"ITEM: TIMESTEP\n") == b"ITEM: TIMESTEP\n"


@pytest.mark.parametrize(
    ("name", "packing"), [("x.gz", Packing.GZIP), ("x.zst", Packing.ZSTD), ("x.gz.dump", None)]
)
def test_the_name_tells(name: str, packing: Packing | None) -> None:
    assert packing_of(name) is packing
