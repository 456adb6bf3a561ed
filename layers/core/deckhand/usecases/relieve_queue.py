"""No spot machine is to be had: let as many attempts go as can be bought on demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deckhand.domain.attempt import RELIEVED
from deckhand.domain.profile import Profile, Profiles
from deckhand.usecases.ports import Jobs, LiveJob


@dataclass(frozen=True)
class RelieveQueue:
    """AWS Batch itself lets one attempt go in ten minutes, that at the head of the queue.

    https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
    `wait` is how long an attempt has waited for a spot machine before it is let go.
    """

    jobs: Jobs
    profiles: Profiles
    wait: timedelta

    def __call__(self, now: datetime) -> list[str]:
        """The names of the attempts that were let go, those that waited longest first.

        Those for which there is no room on demand stay: spot may come back sooner. Where spot
        machines are still being had, nobody is let go.
        """
        live = list(self.jobs.live())
        gone = [job for item in self.profiles.values() for job in self._surplus(item, live, now)]
        for job in gone:
            self.jobs.terminate(job.job_id, f"{RELIEVED}no spot machine since {self.wait}.")
        return [job.name for job in gone]

    def _surplus(self, profile: Profile, live: list[LiveJob], now: datetime) -> list[LiveJob]:
        spot = [job for job in live if job.queue in profile.spot_queues]
        if any(job.status == "STARTING" for job in spot):
            return []
        on_demand = sum(1 for job in live if job.queue in profile.on_demand_queues)
        room = profile.on_demand_vcpus // profile.vcpus - on_demand
        waiting = [
            job for job in spot if job.status == "RUNNABLE" and now - job.created_at >= self.wait
        ]
        return sorted(waiting, key=lambda job: job.created_at)[: max(0, room)]
