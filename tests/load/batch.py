"""AWS Batch on a simulated clock: two queues, their vCPUs, and a spot market that dries up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from deckhand.domain.attempt import Job, Market, parse_job
from deckhand.usecases.ports import LiveJob
from tests.load.clock import EPOCH, Clock

BOOT: Final = 240.0
"""From a machine that was had to the first second of its job."""

HEAD_LIMIT: Final = 600.0
"""Batch cancels the job at the head of a queue after that long without capacity, and no other."""

LACK: Final = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
STUCK: Final = f"{LACK} - Service cannot fulfill the capacity requested for instance type [g4dn]"
CANCELED: Final = f"Canceled by JobStateTimeLimit action due to reason: {LACK}"
SPOT, ON_DEMAND = Market.SPOT.value, Market.ON_DEMAND.value


@dataclass
class Attempted:
    """A job; times in seconds of the clock. `begin` and `leave` are its life on the machine."""

    job_id: str
    name: str
    queue: str
    timeout: float
    created: float
    begin: Callable[[], None]
    leave: Callable[[str], None]
    status: str = "RUNNABLE"
    reason: str = ""
    started: float | None = None
    stopped: float | None = None
    exit_code: int | None = None
    is_terminated: bool = False

    def record(self) -> dict[str, Any]:
        """In the PascalCase of a cause."""
        ran = {
            "Container": {} if self.exit_code is None else {"ExitCode": self.exit_code},
            "StatusReason": self.reason,
            "StartedAt": _milliseconds(self.started),
            "StoppedAt": _milliseconds(self.stopped),
        }
        return {
            "JobId": self.job_id,
            "Status": self.status,
            "StatusReason": self.reason,
            "CreatedAt": _milliseconds(self.created),
            "StartedAt": _milliseconds(self.started),
            "StoppedAt": _milliseconds(self.stopped),
            "IsTerminated": self.is_terminated,
            "Attempts": [] if self.started is None else [ran],
        }


@dataclass
class SimulatedBatch:
    """`vcpus` are what each queue may use at once, `size` what a job needs of them.

    `blocked` hears of every head that finds no machine. `usage` keeps, for each queue, since when
    how many vCPUs have been in use, `last_waited` when a job last left off waiting.
    """

    clock: Clock
    vcpus: dict[str, int]
    size: int
    ended: Callable[[Attempted], None]
    blocked: Callable[[], None]
    is_dry: bool = False
    jobs: dict[str, Attempted] = field(default_factory=dict)
    named: dict[str, Attempted] = field(default_factory=dict)
    alive: dict[str, Attempted] = field(default_factory=dict)
    waiting: dict[str, deque[Attempted]] = field(
        default_factory=lambda: {SPOT: deque(), ON_DEMAND: deque()}
    )
    in_use: dict[str, int] = field(default_factory=lambda: {SPOT: 0, ON_DEMAND: 0})
    usage: dict[str, list[tuple[float, int]]] = field(
        default_factory=lambda: {SPOT: [(0.0, 0)], ON_DEMAND: [(0.0, 0)]}
    )

    last_waited: dict[str, float] = field(default_factory=lambda: {SPOT: 0.0, ON_DEMAND: 0.0})

    # ---- the port of the use cases --------------------------------------------------------------

    def describe(self, job_id: str) -> Job | None:
        found = self.jobs.get(job_id)
        return parse_job(found.record()) if found else None

    def find(self, name: str) -> Job | None:
        found = self.named.get(name)
        return parse_job(found.record()) if found else None

    def live(self) -> Iterator[LiveJob]:
        for job in list(self.alive.values()):
            yield LiveJob(
                job.job_id, job.name, job.queue, job.status, _time(job.created), job.reason
            )

    def terminate(self, job_id: str, reason: str) -> None:
        job = self.jobs[job_id]
        assert job.status == "RUNNABLE", "nobody ends an attempt at work here"
        job.is_terminated = True
        self._cancel(job, reason)

    # ---- what happens by itself -----------------------------------------------------------------

    def submit(self, job: Attempted) -> None:
        assert job.name not in self.named, f"{job.name} was submitted twice"
        self.jobs[job.job_id] = self.named[job.name] = self.alive[job.job_id] = job
        self.waiting[job.queue].append(job)
        self._dispatch(job.queue)

    def dry_up(self) -> None:
        """All spot machines go, and no other comes."""
        self.is_dry = True
        for job in list(self.alive.values()):
            if job.queue == SPOT and job.status in ("STARTING", "RUNNING"):
                job.leave("spot notice")
        self._dispatch(SPOT)

    def flow(self) -> None:
        self.is_dry = False
        for job in self.waiting[SPOT]:
            job.reason = ""
        self._dispatch(SPOT)

    def end(self, job: Attempted, exit_code: int | None, reason: str) -> None:
        """The job leaves its machine."""
        if job.job_id not in self.alive:
            return
        self._use(job.queue, -self.size)
        job.exit_code = exit_code
        self._over(job, "SUCCEEDED" if exit_code == 0 else "FAILED", reason)
        self._dispatch(job.queue)

    def used(self, queue: str, begin: float, end: float) -> float:
        """How much a queue worked between two times, in seconds of one vCPU."""
        total, steps = 0.0, [*self.usage[queue], (end, 0)]
        for (since, vcpus), (until, _) in pairwise(steps):
            total += vcpus * max(0.0, min(until, end) - max(since, begin))
        return total

    def _dispatch(self, queue: str) -> None:
        waiting = self.waiting[queue]
        if queue == SPOT and self.is_dry:
            self._look_at_head()
            return
        while waiting and self.in_use[queue] + self.size <= self.vcpus[queue]:
            job = waiting.popleft()
            self._note_wait(job)
            self._use(queue, self.size)
            job.status, job.reason = "STARTING", ""
            self.clock.after(BOOT, lambda job=job: self._begin(job))  # type: ignore[misc]

    def _begin(self, job: Attempted) -> None:
        if job.status == "STARTING":
            job.status, job.started = "RUNNING", self.clock.seconds
            job.begin()

    def _look_at_head(self) -> None:
        head = self.waiting[SPOT][0] if self.waiting[SPOT] else None
        if head is None or head.reason:
            return
        head.reason = STUCK
        self.clock.after(HEAD_LIMIT, lambda: self._time_limit(head))
        self.blocked()

    def _time_limit(self, head: Attempted) -> None:
        if head.status == "RUNNABLE" and head.reason == STUCK:
            self._cancel(head, CANCELED)

    def _cancel(self, job: Attempted, reason: str) -> None:
        self.waiting[job.queue].remove(job)
        self._note_wait(job)
        self._over(job, "FAILED", reason)
        self._dispatch(job.queue)

    def _over(self, job: Attempted, status: str, reason: str) -> None:
        job.status, job.reason, job.stopped = status, reason, self.clock.seconds
        del self.alive[job.job_id]
        self.ended(job)

    def _note_wait(self, job: Attempted) -> None:
        if self.clock.seconds > job.created:
            self.last_waited[job.queue] = self.clock.seconds

    def _use(self, queue: str, vcpus: int) -> None:
        self.in_use[queue] += vcpus
        self.usage[queue].append((self.clock.seconds, self.in_use[queue]))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH.timestamp() + seconds, EPOCH.tzinfo)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int((EPOCH.timestamp() + seconds) * 1000)
