"""The jobs at the heads of their queues: why one cannot start, and when Batch cancels it for that.

https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from localcloud.job import Job

NO_CAPACITY: Final = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
FITS_NOWHERE: Final = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
_MEANINGS: Final = {
    NO_CAPACITY: "Service cannot fulfill the capacity requested for instance type [{}]",
    FITS_NOWHERE: "The job resource requirement (vCPU/memory/GPU) is higher than that can be met "
    "by the CE(s) attached to the job queue.",
}

Tell = Callable[[Job], None]


def tell_nobody(_: Job) -> None:
    """Where there is no EventBridge."""


class Heads:
    """Droughts by the names of queues, and since when each blocked head has been blocked.

    A queue cancels its head *haste* times sooner than it says. `tell` hears of every job that
    begins to block its queue, once.
    """

    def __init__(self, haste: float = 1.0) -> None:
        self.tell: Tell = tell_nobody
        self._haste = haste
        self._dry: set[str] = set()
        self._blocked: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def dry_up(self, queue: str) -> None:
        with self._lock:
            self._dry.add(queue)

    def flow(self, queue: str) -> None:
        with self._lock:
            self._dry.discard(queue)

    def why_blocked(self, head: Job) -> str:
        """Empty where it only waits for its turn."""
        if not head.fits:
            return FITS_NOWHERE
        with self._lock:
            return NO_CAPACITY if head.queue_name in self._dry else ""

    def look(self, heads: Iterable[Job]) -> None:
        """Block, free and cancel those that are due."""
        found = {head.id: (head, self.why_blocked(head)) for head in heads}
        blocked = {name: reason for name, (_, reason) in found.items() if reason}
        self._blocked = {
            name: since for name, since in self._blocked.items() if blocked.get(name) == since[0]
        }
        for name, (head, reason) in found.items():
            if not reason:
                head.say("")
            elif name not in self._blocked:
                self._blocked[name] = (reason, time.monotonic())
                head.say(f"{reason} - {_MEANINGS[reason].format(head.instance_type)}")
                threading.Thread(target=self.tell, args=(head,), daemon=True).start()
            elif self._is_due(head, reason):
                head.cancel(f"Canceled by JobStateTimeLimit action due to reason: {reason}")

    def _is_due(self, head: Job, reason: str) -> bool:
        waited = (time.monotonic() - self._blocked[head.id][1]) * self._haste
        return any(
            action["reason"] == reason and waited >= float(action["maxTimeSeconds"])
            for action in head.time_limits
        )
