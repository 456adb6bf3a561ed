"""When the window of a run is open: its nights or weekends, by the clock of one time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from deckhand.domain.options import Window

FRIDAY: Final = 4
SATURDAY: Final = 5
SUNDAY: Final = 6
MONDAY: Final = 0

_DAYS: Final = 8
"""In which there is a beginning that is still to come."""


@dataclass(frozen=True)
class Hours:
    """When a night begins and ends, as clocks show it in the IANA time zone *zone*.

    A weekend begins with Friday's night and ends with Sunday's. Raises
    zoneinfo.ZoneInfoNotFoundError for a zone that is not known here.
    """

    zone: str = "UTC"
    night_begins: time = time(20)
    night_ends: time = time(6)

    def __post_init__(self) -> None:
        if self.night_begins == self.night_ends:
            raise ValueError("a night must not end at the time at which it begins")
        _zone(self.zone)


def is_open(window: Window, at: datetime, hours: Hours) -> bool:
    """Whether attempts may be started at this time."""
    local = at.astimezone(_zone(hours.zone))
    wall, day = local.time(), local.weekday()
    if window is Window.NIGHTS:
        return _is_night(wall, hours)
    if day == FRIDAY:
        return wall >= hours.night_begins
    if day == MONDAY:
        return wall < hours.night_ends
    return day in (SATURDAY, SUNDAY)


def opens_at(window: Window, now: datetime, hours: Hours) -> datetime:
    """The first time from *now* at which the window is open, in UTC."""
    if is_open(window, now, hours):
        return now.astimezone(UTC)
    return next(begins for begins in _beginnings(window, now, hours) if begins >= now)


def _beginnings(window: Window, now: datetime, hours: Hours) -> Iterator[datetime]:
    """Of the nights, or of the weekends, around *now* and for a week."""
    zone = _zone(hours.zone)
    today = now.astimezone(zone).date()
    for days in range(_DAYS):
        day = today + timedelta(days)
        if window is Window.NIGHTS or day.weekday() == FRIDAY:
            # Where clocks are put back, the hour that comes twice has two times of one name.
            for fold in (0, 1):
                begins = datetime.combine(day, hours.night_begins, zone).replace(fold=fold)
                yield begins.astimezone(UTC)


def _is_night(wall: time, hours: Hours) -> bool:
    if hours.night_begins < hours.night_ends:
        return hours.night_begins <= wall < hours.night_ends
    return wall >= hours.night_begins or wall < hours.night_ends


def _zone(name: str) -> tzinfo:
    # UTC is known even where there is no database of time zones.
    return UTC if name == "UTC" else ZoneInfo(name)
