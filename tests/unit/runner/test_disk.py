"""When an attempt has to stop because its scratch disk is about to be full."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.runner.disk import LEAST_BYTES, Disk

MB = 1024 * 1024


def shortness(free: list[int], restart_bytes: int = 0) -> list[bool]:
    """Looks at a disk once a second."""
    left = iter(free)
    disk = Disk(Path("/scratch"), 10.0, lambda _: next(left), restart_bytes)
    return [disk.is_short(float(second)) for second in range(len(free))]


def test_a_disk_that_does_not_fill_has_room() -> None:
    assert shortness([100 * MB] * 5) == [False] * 5


def test_there_has_to_be_room_for_a_checkpoint() -> None:
    assert shortness([100 * MB], restart_bytes=30 * MB) == [False]
    assert shortness([100 * MB], restart_bytes=31 * MB) == [True]


def test_it_is_short_before_it_is_full() -> None:
    """A megabyte a second, 40 s ahead."""
    free = [LEAST_BYTES + (45 - second) * MB for second in range(10)]
    assert shortness(free) == [False] * 6 + [True] * 4


def test_room_that_is_won_back_counts() -> None:
    assert shortness([100 * MB, 60 * MB, 100 * MB])[-1] is False


@pytest.mark.parametrize("seconds", [30.0, 90.0])
def test_only_the_last_minute_tells_how_fast_it_fills(seconds: float) -> None:
    times = iter([200 * MB, 100 * MB, 100 * MB])
    disk = Disk(Path("/scratch"), 10.0, lambda _: next(times))
    disk.is_short(0.0)
    disk.is_short(1.0)
    assert disk.is_short(1.0 + seconds) is (seconds < 60)
