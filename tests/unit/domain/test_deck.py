"""The drop: what triggers, which deck is meant, what the run is called."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain import deck
from deckhand.domain.deck import Drop, DropObject
from deckhand.domain.errors import DropRejectedError
from tests.conftest import NOW


def item(key: str, version: str = "v1", age: int = 60) -> DropObject:
    return DropObject(
        key=key, version_id=version, size=1, last_modified=NOW - timedelta(seconds=age)
    )


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("inbox/melt/in.melt", "inbox/melt/"),
        ("inbox/melt/sub/data.txt", "inbox/melt/"),
        ("inbox/in.melt", "inbox/in.melt"),
        ("inbox/Prüfung 50%+/in.melt", "inbox/Prüfung 50%+/"),
        ("inbox/melt/", None),
        ("inbox/", None),
        ("inbox//in.melt", None),
        ("elsewhere/in.melt", None),
    ],
)
def test_a_key_belongs_to_its_drop(key: str, prefix: str | None) -> None:
    assert deck.drop_prefix(key) == prefix


@pytest.mark.parametrize(
    "name", ["in.melt", "melt.in", "a.lmp", "a.LAMMPS", "x.tar.gz", "run.yaml"]
)
def test_decks_archives_and_options_trigger(name: str) -> None:
    assert deck.is_trigger(f"inbox/d/{name}")


@pytest.mark.parametrize("name", ["data.txt", "melt.data", "log.lammps.old", "my_run.yaml", "a.gz"])
def test_other_files_do_not_trigger(name: str) -> None:
    assert not deck.is_trigger(f"inbox/d/{name}")


def test_the_marker_of_a_folder_does_not_trigger() -> None:
    assert not deck.is_trigger("inbox/in.melt/")


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("inbox/melt/sub/data.txt", "inbox/melt/"),
        ("inbox/melt/", "inbox/melt/"),
        ("inbox/notes.txt", "inbox/notes.txt"),
        ("inbox//in.melt", "inbox//"),
        ("inbox/", "inbox/"),
    ],
)
def test_every_object_of_the_inbox_lies_somewhere(key: str, prefix: str) -> None:
    assert deck.holding_drop(key) == prefix


def test_a_drop_that_nothing_triggers_is_named_after_all_it_holds() -> None:
    marker, data = item("inbox/d/"), item("inbox/d/data.txt")
    contents = [(marker,), (data,), (marker, data), (marker, item("inbox/d/data.txt", "v2"))]
    names = {deck.run_id(Drop(prefix="inbox/d/", objects=objects)) for objects in contents}
    assert len(names) == 4
    with_deck = Drop(prefix="inbox/d/", objects=(data, item("inbox/d/in.a")))
    assert deck.run_id(with_deck) not in names


def test_the_name_of_a_run_does_not_depend_on_the_order_of_its_objects() -> None:
    one, two = item("inbox/d/in.a"), item("inbox/d/run.yaml")
    names = {deck.run_id(Drop(prefix="inbox/d/", objects=o)) for o in ((one, two), (two, one))}
    assert len(names) == 1


def test_a_new_version_of_the_deck_is_a_new_run() -> None:
    old = Drop(prefix="inbox/d/", objects=(item("inbox/d/in.a", "v1"),))
    new = Drop(prefix="inbox/d/", objects=(item("inbox/d/in.a", "v2"),))
    assert deck.run_id(old) != deck.run_id(new)


def test_a_data_file_that_arrives_late_does_not_name_a_second_run() -> None:
    early = Drop(prefix="inbox/d/", objects=(item("inbox/d/in.a"),))
    late = Drop(prefix="inbox/d/", objects=(item("inbox/d/in.a"), item("inbox/d/data.txt")))
    assert deck.run_id(early) == deck.run_id(late)


@given(st.text(min_size=1).filter(lambda text: "/" not in text))
def test_every_run_name_is_one_that_aws_takes(name: str) -> None:
    made = deck.run_id(Drop(prefix=f"inbox/{name}/", objects=(item(f"inbox/{name}/in.a"),)))
    assert re.fullmatch(r"[0-9a-z-]{1,57}", made)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../in.melt", "a/../../b", "C:/in.melt", "\\\\host\\x", "a\nb", "a//b", "./a",
     "a/./b", ".", "ü" * 128],
)  # fmt: skip
def test_a_path_that_is_not_plain_is_refused(path: str) -> None:
    with pytest.raises(DropRejectedError):
        deck.check_path(path)


@pytest.mark.parametrize(
    "path", ["in.melt", "a b/c+d%20.txt", "prüfung/ß.data", "..a/b..", "a" * 255]
)
def test_a_plain_path_is_taken(path: str) -> None:
    deck.check_path(path)


def test_the_deck_at_the_top_wins_over_those_below() -> None:
    assert deck.choose_deck(["sub/in.b", "in.a", "data.txt"]) == "in.a"


def test_two_decks_are_refused_by_name() -> None:
    with pytest.raises(DropRejectedError, match=r"in\.a, in\.b.*run\.yaml"):
        deck.choose_deck(["in.b", "in.a"])


def test_run_yaml_decides_between_two_decks() -> None:
    assert deck.choose_deck(["in.b", "in.a"], "in.b") == "in.b"


@pytest.mark.parametrize(
    ("paths", "wanted", "says"),
    [
        ([], None, "empty"),
        (["data.txt"], None, "no LAMMPS input script"),
        (["in.a"], "in.c", "no such file"),
    ],
)
def test_without_a_deck_the_reason_says_what_to_do(
    paths: list[str], wanted: str | None, says: str
) -> None:
    with pytest.raises(DropRejectedError, match=says):
        deck.choose_deck(paths, wanted)


def test_a_drop_is_quiet_since_its_last_upload() -> None:
    drop = Drop(prefix="inbox/d/", objects=(item("inbox/d/in.a", age=90), item("inbox/d/b", age=5)))
    assert drop.quiet_for(NOW) == timedelta(seconds=5)
