"""When a simulation stands still, and when nobody can say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deckhand.runner.stall import LONGEST_LOOK, Signs, Stall, StalledError

OLD, NEW = (1, 2), (1, 3)


def showing(signs: Signs) -> Callable[[], Signs]:
    return lambda: signs


def looked(stall: Stall, times: list[tuple[float, Signs]], explained: float = 0.0) -> None:
    for now, signs in times:
        stall.refuse(now, showing(signs), explained)


def test_what_does_not_change_for_its_time_has_stalled() -> None:
    stall = Stall(30)
    looked(stall, [(float(now), OLD) for now in range(100, 131)])
    assert stall.quiet == 30
    with pytest.raises(StalledError):
        stall.refuse(131, showing(OLD), 0.0)


def test_a_sign_of_life_begins_it_anew() -> None:
    stall = Stall(30)
    looked(stall, [(now, OLD if now < 125 else NEW) for now in range(100, 155)])
    assert stall.quiet == 29


def test_what_is_explained_is_no_stall() -> None:
    looked(Stall(30), [(float(now), OLD) for now in range(100, 190)], explained=90)


def test_a_runner_that_stood_still_itself_has_seen_nothing() -> None:
    stall = Stall(30)
    looked(stall, [(100, OLD), (101, OLD), (100_000, OLD)])
    assert stall.quiet == 1 + LONGEST_LOOK


def test_it_is_not_looked_more_often_than_needed() -> None:
    def never() -> Signs:
        raise AssertionError("looked")

    stall = Stall(30)
    stall.refuse(100, showing(OLD), 0.0)
    stall.refuse(100.5, never, 0.0)


def test_nothing_is_a_stall_where_it_is_off() -> None:
    looked(Stall(0), [(float(now), OLD) for now in range(0, 10**6, 1000)])
