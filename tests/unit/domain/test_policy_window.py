"""When windows open, in any time zone and over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.options import Window
from deckhand.domain.window import Hours, is_open, opens_at

hours = st.builds(
    Hours,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    night_begins=st.builds(time, st.integers(18, 23), st.sampled_from([0, 30])),
    night_ends=st.builds(time, st.integers(1, 9)),
)
moments = st.datetimes(
    datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)
)  # fmt: skip


@given(st.sampled_from(list(Window)), moments, hours)
def test_it_opens_at_the_first_time_at_which_it_is_open(
    window: Window, now: datetime, given_hours: Hours
) -> None:
    opens = opens_at(window, now, given_hours)
    assert is_open(window, opens, given_hours)
    assert now <= opens <= now + timedelta(days=7)
    assert (opens == now) == is_open(window, now, given_hours)
    minutes = int((opens - now).total_seconds() // 60)
    for minute in range(0, minutes, 15):
        assert not is_open(window, now + timedelta(minutes=minute), given_hours)


@pytest.mark.parametrize(
    ("at", "nights", "weekends"),
    [
        ("2026-11-20T19:59", False, False),  # a Friday
        ("2026-11-20T20:00", True, True),
        ("2026-11-21T05:59", True, True),
        ("2026-11-21T06:00", False, True),
        ("2026-11-22T12:00", False, True),
        ("2026-11-23T05:59", True, True),
        ("2026-11-23T06:00", False, False),
    ],
)
def test_the_hours_of_a_zone(at: str, nights: bool, weekends: bool) -> None:
    berlin = Hours("Europe/Berlin")
    when = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert is_open(Window.NIGHTS, when, berlin) is nights
    assert is_open(Window.WEEKENDS, when, berlin) is weekends


def test_an_hour_that_comes_twice_opens_the_window_twice() -> None:
    early = Hours("Europe/Berlin", time(2, 30), time(5))
    between = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # the second 02:10
    assert not is_open(Window.NIGHTS, between, early)
    assert opens_at(Window.NIGHTS, between, early) == between + timedelta(minutes=20)


def test_a_night_after_midnight() -> None:
    small = Hours(night_begins=time(1), night_ends=time(5))
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert opens_at(Window.NIGHTS, noon, small) == noon + timedelta(hours=13)


def test_hours_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="night"):
        Hours(night_begins=time(6))
    with pytest.raises(ZoneInfoNotFoundError):
        Hours("Middle/Earth")
