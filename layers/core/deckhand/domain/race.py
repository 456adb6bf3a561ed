"""The time until a run's deadline against the work that remains."""

from __future__ import annotations

from dataclasses import dataclass

from deckhand.domain.message import duration


@dataclass(frozen=True)
class Race:
    """All in seconds: what is left, and the machine time that the work needs (None: not known).

    An attempt takes `start_up` before it computes, and ends after `slice_seconds` on the steady
    market. The work may take `safety` times what its measured speed tells.
    """

    left: float
    remaining: float | None
    slice_seconds: float
    start_up: float
    safety: float

    def bears(self, delay: float, lost: float = 0.0) -> bool:
        """Whether the steady market still makes it after a *delay* that takes work along."""
        if self.remaining is None:
            # Nobody knows the work: half of the time is a fair share for doing nothing.
            return delay <= self.left / 2
        return delay + self._need(self.remaining + lost) <= self.left

    @property
    def is_late(self) -> bool:
        """Whether the deadline cannot be made at the speed that was measured."""
        return self.left < self._least(1.0)

    @property
    def is_lost(self) -> bool:
        """Whether it could not be made even if the work were less than its speed tells.

        Such a deadline buys nothing; one that is only in doubt is worth the dearer market.
        """
        return self.left < self._least(self.safety)

    def __str__(self) -> str:
        if self.left <= 0:
            return "the deadline is over"
        work = "" if self.remaining is None else f" and {duration(self.remaining)} of work remain"
        return f"the deadline is {duration(self.left)} away{work}"

    def _need(self, work: float) -> float:
        """The longest that *work* takes without a loss, each slice with a start of its own."""
        longest = work * self.safety
        slices = 1 + longest / max(1.0, self.slice_seconds - self.start_up)
        return longest + slices * self.start_up

    def _least(self, doubt: float) -> float:
        return 1.0 if self.remaining is None else self.remaining / doubt + self.start_up
