"""One attempt of a Batch job: when it ran, where, and how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.container import Container
from localcloud.hosts import Host

CONTAINER_ENDED = "Essential container in task exited"
HOST_TERMINATED_PREFIX = "Host EC2"


@dataclass
class Attempt:
    """What is known about one attempt of a job."""

    number: int
    host: Host | None = None
    container: Container | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str = ""
    status_reason: str = CONTAINER_ENDED
    timers: list[threading.Timer] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        return self.status_reason.startswith(HOST_TERMINATED_PREFIX)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        self.timers.append(timer)

    def cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()

    def describe(self, place: Mapping[str, str]) -> dict[str, Any]:
        """Return the attempt as DescribeJobs would."""
        times = {"startedAt": self.started_at, "stoppedAt": self.stopped_at}
        return {
            "container": {**place, **self.describe_outcome(), "networkInterfaces": []},
            "statusReason": self.status_reason,
            **{name: value for name, value in times.items() if value is not None},
        }

    def describe_outcome(self) -> dict[str, Any]:
        outcome = {"exitCode": self.exit_code, "reason": self.reason or None}
        return {name: value for name, value in outcome.items() if value is not None}


def now_ms() -> int:
    return int(time.time() * 1000)
