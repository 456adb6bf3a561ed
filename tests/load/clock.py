"""A simulated clock: what is due happens in the order of time, and no time passes in between."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

EPOCH: Final = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Clock:
    """Seconds since EPOCH."""

    seconds: float = 0.0
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)

    @property
    def milliseconds(self) -> int:
        return int(self.now.timestamp() * 1000)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.seconds + seconds, next(self._order), action))

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        def repeat() -> None:
            action()
            self.after(seconds, repeat)

        self.after(seconds, repeat)

    def run(self, until: Callable[[], bool], most: float) -> None:
        """Let things happen until it is enough, for *most* seconds."""
        while self._due and not until() and self.seconds < most:
            self.seconds, _, action = heapq.heappop(self._due)
            action()
