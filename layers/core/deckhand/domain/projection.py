"""How long what is left of a run takes, and what it will cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import Field

from deckhand.domain.attempt import Market
from deckhand.domain.deck import Frozen
from deckhand.domain.message import money
from deckhand.domain.speed import Speed

OWN_SPEED: Final = "its own speed"
NOT_MEASURED: Final = "Time and cost: not measured yet, told after the first attempt."
NO_STEPS: Final = "Time and cost cannot be projected: the deck does not tell its steps."

# Longer than any run, and short enough to be added to a date.
_LONGEST: Final = timedelta(days=100 * 365).total_seconds()


class Projection(Frozen):
    """Computing without interruptions, so neither waiting nor what is computed twice is in it."""

    seconds: float = Field(ge=0, le=_LONGEST)
    dollars: float = Field(ge=0)
    market: Market
    basis: str

    def __str__(self) -> str:
        return (
            f"about {about(self.seconds)}, {money(self.dollars)} on {self.market.value} "
            f"(projected from {self.basis})"
        )


def project(
    total_steps: int, steps_done: int, atoms: int, speed: Speed, price_per_hour: float,
    market: Market,
) -> Projection | None:  # fmt: skip
    """What is left; None where the speed says nothing that can be believed."""
    if speed.atom_steps_per_second <= 0:
        return None
    seconds = max(0, total_steps - steps_done) * atoms / speed.atom_steps_per_second
    if seconds > _LONGEST:
        return None
    return Projection(
        seconds=seconds,
        dollars=seconds / 3600 * price_per_hour,
        market=market,
        basis=speed.basis,
    )


def about(seconds: float) -> str:
    """A duration as far as a projection can know it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.1f} days"
