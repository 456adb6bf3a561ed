"""How fast an invocation may start runs, so that all of them together stay below AWS' limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

STARTS_PER_SECOND: Final = 8
"""Of one invocation. With IntakeConcurrency invocations at once, and one survey: docs/load.md."""


class Pace:
    """No two starts of an invocation are closer than *spacing*, nor is one to its beginning.

    So neither are the last start of one invocation and the first of the next that takes its place,
    although they know nothing of each other.
    """

    def __init__(
        self,
        spacing: float = 1 / STARTS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._spacing = spacing
        self._clock = clock
        self._sleep = sleep
        self.begin()

    def begin(self) -> None:
        self._turn = self._clock() + self._spacing

    def await_turn(self) -> None:
        left = self._turn - self._clock()
        if left > 0:
            self._sleep(left)
        self._turn = self._clock() + self._spacing
