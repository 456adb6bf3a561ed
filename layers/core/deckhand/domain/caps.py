"""What the caps of a run, in dollars and in hours of machine time, leave for an attempt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deckhand.domain.message import duration, money

HEADROOM: Final = 1.1
"""A cap that is suggested, over what the run is projected to need."""


@dataclass(frozen=True)
class Held:
    """Why a run is held, and the command that lets it go on."""

    reason: str
    command: str


@dataclass(frozen=True)
class Short:
    """A cap that leaves too little: why, and the option that raises it."""

    why: str
    remedy: str


@dataclass(frozen=True)
class Caps:
    """US dollars and hours, as far as they are capped, and what is used up of them."""

    dollars: float | None
    spent: float
    hours: float | None
    used_seconds: float

    def room(self, price: float | None) -> float:
        """For how many seconds an attempt may work that costs *price* an hour.

        Where dollars are capped and the price is not known, for none.
        """
        return min(self._dollars_room(price), self._hours_room)

    def tightest(self, price: float | None) -> str:
        """Which cap leaves the least."""
        if self._hours_room <= self._dollars_room(price):
            return f"{self.hours:g} h of machine time"
        return f"{money(self.dollars or 0)} at {money(price or 0)} an hour"

    def held(self, price: float | None, least: float, remaining: float | None, run_id: str) -> Held:
        """Why an attempt of *least* seconds is not started, and how the run goes on."""
        short = list(self._short(price, least, remaining))
        why = f"The next attempt would pass {' and '.join(item.why for item in short)}"
        remedies = " ".join(item.remedy for item in short)
        command = f"deckhand resume {run_id} {remedies}"
        return Held(f"{why}. To go on: {command}", command)

    def _short(self, price: float | None, least: float, remaining: float | None) -> Iterator[Short]:
        if self.dollars is not None and not price:
            yield Short(
                f"the cap of {money(self.dollars)} for all that is known: {money(self.spent)} are "
                "spent, and no price of an hour is set (SpotPricePerHour, OnDemandPricePerHour)",
                f"--dollars {self.dollars:g}",
            )
        elif self.dollars is not None and price and self._dollars_room(price) < least:
            need = None if remaining is None else self.spent + remaining / 3600 * price
            yield Short(
                f"the cap of {money(self.dollars)}: {money(self.spent)} are spent, "
                f"{duration(least)} at {money(price)} an hour are the least that helps, and "
                f"{_projected(None if need is None else money(need))}",
                f"--dollars {_raised(self.dollars, need, self.spent + least / 3600 * price)}",
            )
        if self.hours is not None and self._hours_room < least:
            used = self.used_seconds
            need = None if remaining is None else (used + remaining) / 3600
            yield Short(
                f"the cap of {self.hours:g} h of machine time: {duration(used)} are used, "
                f"{duration(least)} are the least that helps, and "
                f"{_projected(None if need is None else f'{need:.1f} h')}",
                f"--hours {_raised(self.hours, need, (used + least) / 3600)}",
            )

    def _dollars_room(self, price: float | None) -> float:
        if self.dollars is None:
            return math.inf
        return (self.dollars - self.spent) / price * 3600 if price else 0.0

    @property
    def _hours_room(self) -> float:
        return math.inf if self.hours is None else self.hours * 3600 - self.used_seconds


def _projected(total: str | None) -> str:
    if total is None:
        return "what the run needs in all is not known yet"
    return f"the run is projected to need {total} in all"


def _raised(cap: float, need: float | None, enough: float) -> int:
    """A cap that the run should end below; twice as much where nobody knows."""
    return math.ceil(max(2 * cap if need is None else need * HEADROOM, enough))
