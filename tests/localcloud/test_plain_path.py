"""Jobs work in a folder whose name LAMMPS can be told, wherever the clone lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.plain_path import PLAIN, plain_path


@pytest.mark.parametrize("name", ["a clone", "it's", "$HOME", "a&b", "a#b", "größer als"])
def test_an_awkward_folder_is_reached_by_a_plain_name(tmp_path: Path, name: str) -> None:
    folder, links = tmp_path / name, tmp_path / "links"
    folder.mkdir()
    links.mkdir()
    with plain_path(folder, links) as plain:
        assert plain != folder
        assert PLAIN.fullmatch(str(plain.relative_to(tmp_path)))
        (plain / "in.melt").write_text("run 1\n")
    assert (folder / "in.melt").read_text() == "run 1\n"
    assert list(links.iterdir()) == []


def test_a_plain_folder_is_used_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    with plain_path(folder, tmp_path) as plain:
        assert plain == folder
