"""The letters of a script: UTF-8, or those of an older day."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.preflight import check_folder
from deckhand.lammps.script import decode

DECK = """# Länge in Å, Zeit in µs
units lj
region box block 0 4 0 4 0 4
create_box 1 box
include müde.inc
run 100
"""


@given(st.text())
def test_utf_8_is_read_as_such(text: str) -> None:
    assert decode(text.encode()) == text


@given(st.binary())
def test_no_bytes_are_lost(body: bytes) -> None:
    text = decode(body)
    assert body in (text.encode("utf-8"), text.encode("latin-1", errors="replace"))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_file_is_found_by_its_name_in_either_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "in.melt").write_bytes(DECK.encode(encoding))
    (tmp_path / "müde.inc").write_bytes("# für später\n".encode(encoding))
    report = check_folder(tmp_path, "in.melt")
    assert (report.problems, report.missing) == ((), ())
    assert report.total_steps == 100
