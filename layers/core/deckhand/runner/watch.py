"""Listens for what ends an attempt early: spot notice, SIGTERM, the end of its time.

And for AWS' recommendation to leave the machine, which comes before a notice, or without one.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from deckhand.adapters.metadata import Metadata
from deckhand.domain.notice import SpotNotice, parse_spot_notice
from deckhand.domain.status import Ending
from deckhand.runner.clock import utc_now

NOTICE_SECONDS: Final = 120.0
"""Between a notice and the end of the machine
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html)."""

NOTICE_RESERVE_SECONDS: Final = 15.0
"""Left before the announced end of the machine, to store what there is and say goodbye."""

TERM_SECONDS: Final = 25.0
"""Batch kills 30 seconds after SIGTERM
(https://docs.aws.amazon.com/batch/latest/userguide/job_timeouts.html)."""

WALLTIME_SECONDS: Final = 240.0
DISK_SECONDS: Final = 600.0


@dataclass
class Watch:
    """Calls `stop` once, with the reason; `deadline` is when the simulation is left as it is.

    Calls `hasten` once when AWS expects that this machine will be interrupted.
    """

    metadata: Metadata
    poll_seconds: float
    stop_after_seconds: float
    stop: Callable[[Ending, SpotNotice | None], None]
    hasten: Callable[[], None]
    ending: Ending | None = None
    notice_at: datetime | None = None
    deadline: float = float("inf")
    _over: threading.Event = field(default_factory=threading.Event)
    _once: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term)
        threading.Thread(target=self._poll, name="notice", daemon=True).start()
        if self.stop_after_seconds > 0:
            timer = threading.Timer(
                self.stop_after_seconds, self.end, (Ending.WALLTIME, WALLTIME_SECONDS)
            )
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        self._over.set()

    def _on_term(self, *_: object) -> None:
        # A thread, because the signal may have interrupted the holder of the lock.
        threading.Thread(
            target=self.end, args=(Ending.TERMINATED, TERM_SECONDS), daemon=True
        ).start()

    def _poll(self) -> None:
        is_expected = False
        while not self._over.wait(self.poll_seconds):
            body = self.metadata.spot_notice()
            if body is None and not is_expected and self.metadata.rebalance_recommendation():
                is_expected = True
                self.hasten()
            if body is not None:
                now = utc_now()
                notice = parse_spot_notice(body, now)
                self.end(Ending.SPOT_NOTICE, time_left(notice, now), notice)
                return

    def end(self, ending: Ending, seconds: float, notice: SpotNotice | None = None) -> None:
        """Stop the run; after *seconds* it is left as it is. The first reason stands."""
        with self._once:
            self.deadline = min(self.deadline, time.monotonic() + max(0.0, seconds))
            if self.ending is not None:
                return
            self.ending = ending
            self.notice_at = utc_now()
        self.stop(ending, notice)


def time_left(notice: SpotNotice, now: datetime) -> float:
    """Seconds until the simulation has to be left.

    A notice that seems to be over, or to have more time than notices have, is read by a clock that
    is wrong: then all of its time is left.
    """
    left = (notice.time - now).total_seconds()
    if not 0.0 < left <= NOTICE_SECONDS:
        left = NOTICE_SECONDS
    return left - NOTICE_RESERVE_SECONDS
