"""Chooses how long a run goes from checkpoint to checkpoint, from what they take of it."""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from deckhand.adapters.metadata import Metadata
from deckhand.domain.interval import Interval, between_interruptions, checkpoint_interval
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket

_REMEMBERED: Final = 5
_UNINTERRUPTED: Final = "on-demand"


@dataclass
class Pace:
    """At most *ceiling* seconds; `between` is the time to expect between two interruptions.

    The last few checkpoints count, and the median of them: a disk may have been busy once.
    """

    ceiling: float
    between: timedelta | None
    _taken: dict[int, float] = field(default_factory=dict)
    _stalled: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _stored: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def taken(self, step: int, stalled: float | None) -> None:
        """The snapshot of *step* is there; the simulation stood still for *stalled* seconds."""
        self._taken[step] = time.monotonic()
        if stalled is not None:
            self._stalled.append(stalled)

    def verified(self, step: int) -> Interval:
        """Its checkpoint is whole in S3; how long to go to the next one."""
        began = self._taken.pop(step, None)
        if began is not None:
            self._stored.append(time.monotonic() - began)
        return self.interval()

    def interval(self) -> Interval:
        stalled = statistics.median(self._stalled) if self._stalled else None
        stored = statistics.median(self._stored) if self._stored else 0.0
        return checkpoint_interval(self.ceiling, stalled, stored, self.between)


def expected(bucket: Bucket, metadata: Metadata, run_id: str, attempt: int) -> timedelta | None:
    """The time to expect between two interruptions of this machine; None for never."""
    if metadata.life_cycle() == _UNINTERRUPTED:
        return None
    statuses = (read_status(bucket, run_id, number) for number in range(1, attempt))
    return between_interruptions(status for status in statuses if status is not None)
