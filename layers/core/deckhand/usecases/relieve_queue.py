"""Let attempts go that wait on the wrong market: of a dry spot queue, or of one on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from deckhand.domain.attempt import RELIEVED, Market, Verdict, parse_job_name
from deckhand.domain.options import Purchase
from deckhand.domain.profile import Profile, Profiles
from deckhand.usecases.ports import Jobs, Ledger, LiveJob

LACK: Final = "CAPACITY:"
"""How Batch begins to say why the job at the head of a queue finds no machine. One that waits only
because its compute environment is in use up to its last vCPU is told nothing.

https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable_capacity.html
"""

BLOCKED: Final = (LACK, "MISCONFIGURATION:")
"""How Batch begins to say why a queue is blocked: nothing behind its head gets a machine either."""

UNDER_WAY: Final = timedelta(minutes=2)
"""Who was let go is in no queue for a moment, and would be forgotten where room is counted."""

READS_PER_PLACE: Final = 20
"""How many runs are read at most in one look, for each that there is room for on demand."""


class Relief(NamedTuple):
    """The names of the attempts that were let go, and the queues that Batch says are blocked."""

    let_go: list[str]
    blocked: list[str]


@dataclass(frozen=True)
class RelieveQueue:
    """AWS Batch itself lets one attempt go in ten minutes, that at the head of the queue.

    https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
    `wait` is how long an attempt has waited for a machine before it is let go. `purchases` are of
    runs that were read before: they do not change, so a long queue is read through look by look.
    """

    jobs: Jobs
    ledger: Ledger
    profiles: Profiles
    wait: timedelta
    purchases: dict[str, Purchase] = field(default_factory=dict)

    def __call__(self, now: datetime) -> Relief:
        """Let attempts go, those that waited longest first.

        In a drought as many as there is room for on demand; the others stay, for spot may come
        back sooner. When it has come back, those that still wait on demand for want of spot.
        """
        live = list(self.jobs.live())
        blocked = sorted({job.queue for job in live if _blocks(job)})
        gone = [
            item for profile in self.profiles.values() for item in self._gone(profile, live, now)
        ]
        if not gone or not self.ledger.begin_relief(now, UNDER_WAY):
            return Relief([], blocked)
        for job, why in gone:
            self.jobs.terminate(job.job_id, f"{RELIEVED}{why}")
        return Relief([job.name for job, _ in gone], blocked)

    def _gone(
        self, profile: Profile, live: Sequence[LiveJob], now: datetime
    ) -> Iterator[tuple[LiveJob, str]]:
        spot = [job for job in live if job.queue in profile.spot_queues]
        on_demand = [job for job in live if job.queue in profile.on_demand_queues]
        dry = {job.queue for job in spot if job.reason.startswith(LACK)}
        flows = any(job.status == "STARTING" for job in spot)
        if dry and not flows:
            room = profile.on_demand_vcpus // profile.vcpus - sum(
                not job.is_array for job in on_demand
            )
            late = [job for job in self._late(spot, now) if job.queue in dry]
            for job in islice(self._movable(late, max(0, room)), max(0, room)):
                yield job, f"no spot machine since {self.wait}."
        elif flows and not dry:
            for job in self._late(on_demand, now):
                if self._lacked_spot(job):
                    yield job, "spot machines are to be had again, on demand there is none."

    def _late(self, jobs: Sequence[LiveJob], now: datetime) -> list[LiveJob]:
        # Of an array it is the children that wait, each for a machine of its own.
        own = (job for job in jobs if job.status == "RUNNABLE" and not job.is_array)
        late = (job for job in own if now - job.created_at >= self.wait)
        return sorted(late, key=lambda job: job.created_at)

    def _movable(self, late: Sequence[LiveJob], room: int) -> Iterator[LiveJob]:
        """Those that may be bought on demand: who may not would lose his place for nothing."""
        reads = room * READS_PER_PLACE
        for job in late:
            # The children of an array are bought like the sweep that it is of.
            run_id, _ = parse_job_name(job.name.partition(":")[0]) or ("", 0)
            if run_id and run_id not in self.purchases:
                if not reads:
                    return
                reads -= 1
                record = self.ledger.run(run_id)
                if record is not None and record.purchase is not None:
                    self.purchases[run_id] = record.purchase
            if self.purchases.get(run_id) is not Purchase.SPOT_ONLY:
                yield job

    def _lacked_spot(self, job: LiveJob) -> bool:
        """Whether the attempt is on demand because the one before it found no spot machine."""
        run_id, number = parse_job_name(job.name) or ("", 0)
        record = self.ledger.run(run_id) if run_id else None
        before = record.attempt(number - 1) if record else None
        return (
            before is not None
            and before.market is Market.SPOT
            and before.verdict is Verdict.NO_CAPACITY
        )


def _blocks(job: LiveJob) -> bool:
    return job.status == "RUNNABLE" and job.reason.startswith(BLOCKED)
