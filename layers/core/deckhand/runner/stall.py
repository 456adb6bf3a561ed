"""Notices that LAMMPS stands still: a driver that hangs ends no process and says no word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deckhand.lammps.errors import Place

LONGEST_LOOK: Final = 10.0
"""What a look counts for at most, in seconds: nobody looks while the runner itself stands still."""

LOOKS: Final = 20
LOOK_SECONDS: Final = 1.0

Signs = tuple[int, ...]


class StalledError(Exception):
    """LAMMPS has shown no sign of life for longer than the deck explains."""


@dataclass
class Stall:
    """How long nothing has changed; *seconds* of it are a stall, 0 for never.

    Unless more of it is explained: `quiet` is what has been seen so far.
    """

    seconds: float
    quiet: float = 0.0
    _signs: Signs = ()
    _looked: float | None = None

    def refuse(self, now: float, signs: Callable[[], Signs], explained: float) -> None:
        """Raise StalledError where *signs* are the old ones; *now* and *explained* in seconds."""
        passed = LOOK_SECONDS if self._looked is None else now - self._looked
        if self.seconds <= 0 or passed < min(LOOK_SECONDS, self.seconds / LOOKS):
            return
        self._looked = now
        seen = signs()
        if seen != self._signs:
            self._signs, self.quiet = seen, 0.0
            return
        self.quiet += min(passed, LONGEST_LOOK)
        if self.quiet > max(self.seconds, explained):
            raise StalledError


def span(seconds: float) -> str:
    """So long, for the reason of a stall."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def told_place(commands: list[tuple[str, Place]]) -> str:
    """Where LAMMPS stands, as far as that is known: at one of these commands of the deck."""
    if not commands:
        return ""
    (first, begin), (_, end) = commands[0], commands[-1]
    if begin == end:
        return f", which is at the `{first.split()[0]}` of {begin}"
    return f", which is somewhere from {begin} to {end}"
