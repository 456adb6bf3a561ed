"""When an attempt has to stop because its scratch disk is about to be full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deckhand.runner.disk import LEAST_BYTES, Disk

MB = 1024 * 1024


def disk(free: Iterator[int]) -> Disk:
    return Disk(Path("/scratch"), lambda _: next(free))


def shortness(*free: int) -> list[bool]:
    """Looks at a disk once a second."""
    watched = disk(iter(free))
    return [watched.is_short(float(second)) for second in range(len(free))]


def test_a_disk_that_does_not_fill_has_room() -> None:
    assert shortness(*[100 * MB] * 5) == [False] * 5


@pytest.mark.parametrize(("restart_bytes", "short"), [(30 * MB, False), (31 * MB, True)])
def test_there_has_to_be_room_for_a_checkpoint(restart_bytes: int, short: bool) -> None:
    watched = disk(iter([100 * MB]))
    watched.checkpoint_taken(restart_bytes)
    assert watched.is_short(0.0) is short


def test_it_is_short_before_it_is_full() -> None:
    """A megabyte a second: what was written is written once more, and half a minute is to come."""
    free = [LEAST_BYTES + (50 - second) * MB for second in range(30)]
    assert shortness(*free) == [False] * 21 + [True] * 9


def test_what_a_checkpoint_has_taken_along_is_not_copied_again() -> None:
    watched = disk(iter([100 * MB, 70 * MB, 70 * MB, 70 * MB]))
    assert not watched.is_short(0.0)
    assert not watched.is_short(200.0)
    watched.checkpoint_taken(MB)
    assert not watched.is_short(400.0)


def test_others_may_write_much_where_there_is_room() -> None:
    gigabytes = [(40 - second) * 1024 * MB for second in range(6)]
    assert not any(shortness(*gigabytes))


def test_room_that_is_won_back_counts() -> None:
    assert shortness(100 * MB, 60 * MB, 100 * MB)[-1] is False


@pytest.mark.parametrize("seconds", [30.0, 90.0])
def test_only_the_last_minute_tells_how_fast_it_fills(seconds: float) -> None:
    watched = disk(iter([200 * MB, 57 * MB, 57 * MB]))
    watched.is_short(0.0)
    watched.checkpoint_taken(0)
    watched.is_short(1.0)
    assert watched.is_short(1.0 + seconds) is (seconds < 60)
