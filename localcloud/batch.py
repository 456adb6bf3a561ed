"""AWS Batch with local processes: accepts jobs, gives them hosts, and answers for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from localcloud.array import ArrayJob, new_id, size_of
from localcloud.attempt import Attempt
from localcloud.container import Container, Image, remove_all
from localcloud.faults import Faults, Refused
from localcloud.heads import Heads
from localcloud.hosts import Host, Hosts
from localcloud.job import Child, Job, Place
from localcloud.podman import PodmanContainer

SUMMARY_FIELDS = (
    "jobArn",
    "jobId",
    "jobName",
    "createdAt",
    "startedAt",
    "stoppedAt",
    "status",
    "statusReason",
    "jobDefinition",
    "shareIdentifier",
    "arrayProperties",
)
SECONDS_BETWEEN_LOOKS = 0.2

Lend = Callable[[str, str], Mapping[str, str]]
"""From a role and the name of a session to the environment that has its credentials."""


def lend_nothing(role_arn: str, session: str) -> Mapping[str, str]:
    """Where there is no IAM."""
    return {}


class Batch:
    """The jobs of one cloud; at most *slots* of them run at once, first come first served.

    A job that finds no machine keeps back those behind it in its queue, and no others.
    """

    def __init__(
        self,
        *,
        image: Image,
        hosts: Hosts,
        imds_url: Callable[[Host], str],
        arn_prefix: str,
        slots: int = 2,
        grace_seconds: float = 30.0,
        faults: Faults | None = None,
        heads: Heads | None = None,
        lend: Lend = lend_nothing,
    ) -> None:
        self._image = image
        self._lend = lend
        self._hosts = hosts
        self._imds_url = imds_url
        self._place = Place(self._start, self._leave, grace_seconds, arn_prefix)
        self._faults = faults or Faults()
        self._heads = heads or Heads()
        self._free = slots
        self._turns: list[Job] = []
        self._turn = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._arrays: dict[str, ArrayJob] = {}
        self._closed = False
        threading.Thread(target=self._look_at_heads, daemon=True).start()

    def submit(
        self,
        request: Mapping[str, Any],
        definition: Mapping[str, Any],
        queue: Mapping[str, Any],
        instance_type: str,
        fits: bool = True,
    ) -> Job | ArrayJob:
        """Accept a job; *definition* and *queue* are those that Batch has stored.

        One that does not fit on any machine of its queue is accepted too, and waits.
        """
        request = self._faults.at_submission(request)
        if not request.get("jobName"):
            raise Refused("jobName is required")
        size, array_id = size_of(request), new_id()
        wanted = [None] if size is None else [Child(array_id, index) for index in range(size)]
        jobs = [
            Job(request, definition, queue, instance_type, self._place, fits, child)
            for child in wanted
        ]
        if not jobs[0].plan.command:
            raise Refused("Container command is required when there is no image to have one")
        array = None if size is None else ArrayJob(array_id, jobs)
        with self._turn:
            if self._closed:
                raise Refused("The local cloud is shutting down")
            if array is not None:
                self._arrays[array.id] = array
            for job in jobs:
                self._jobs[job.id] = job
                self._turns.append(job)
        for job in jobs:
            threading.Thread(target=self._run, args=(job,), daemon=True).start()
        if array is None:
            return jobs[0]
        threading.Thread(target=array.await_end, daemon=True).start()
        return array

    def find(self, job_id: str) -> Job | ArrayJob | None:
        """Find a job by id or ARN; Batch silently leaves out the ones it does not know."""
        name = job_id.rsplit("/", 1)[-1]
        return self._jobs.get(name) or self._arrays.get(name)

    def describe(self, job_ids: Iterable[str]) -> list[dict[str, Any]]:
        return [job.describe() for job_id in job_ids if (job := self.find(job_id))]

    def summaries(self, queue: str, status: str | None, name: str | None) -> list[dict[str, Any]]:
        """List jobs as ListJobs does: with a name filter any status, else RUNNING by default.

        Of an array only the parent; `children` lists the others.
        """
        wanted = None if name else status or "RUNNING"
        found = []
        own = [job for job in list(self._jobs.values()) if job.index is None]
        for job in (*own, *list(self._arrays.values())):
            if queue not in ("", job.queue_arn, job.queue_name):
                continue
            if (wanted is None or job.status == wanted) and _named(job.name, name):
                found.append(_summary(job.describe()))
        return found

    def children(self, array_id: str, status: str | None) -> list[dict[str, Any]]:
        """List the children of an array as ListJobs does, RUNNING by default."""
        array, wanted = self._arrays.get(array_id), status or "RUNNING"
        jobs = array.children if array else ()
        return [_summary(job.describe()) for job in jobs if job.status == wanted]

    def overview(self) -> list[dict[str, Any]]:
        """Say of every job what a person or a test at the control endpoint wants to know."""
        return [_overview(job) for job in list(self._jobs.values())]

    def close(self) -> None:
        """Kill every job and wait until their threads have noticed."""
        with self._turn:
            self._closed = True
        jobs = [job for job in list(self._jobs.values()) if not job.is_over]
        for job in jobs:
            job.kill()
        with self._turn:
            self._turn.notify_all()
        for job in jobs:
            job.ended.wait(5.0)
        remove_all([self._image.scratch])

    def terminate(self, job_id: str, reason: str) -> None:
        if job := self.find(job_id):
            job.terminate(reason)
            self._wake()

    def cancel(self, job_id: str, reason: str) -> None:
        if job := self.find(job_id):
            job.cancel(reason)
            self._wake()

    def _wake(self) -> None:
        with self._turn:
            self._turn.notify_all()

    def _run(self, job: Job) -> None:
        job.queue_up()
        with self._turn:
            self._turn.wait_for(lambda: job.is_stopped or self._is_turn_of(job))
            self._turns.remove(job)
            self._free -= 1
            self._turn.notify_all()
        try:
            job.run()
        finally:
            with self._turn:
                self._free += 1
                self._turn.notify_all()

    def _is_turn_of(self, job: Job) -> bool:
        if self._free <= 0:
            return False
        kept = {head.queue_name for head in self._first() if self._heads.why_blocked(head)}
        turns = (item for item in self._turns if item.queue_name not in kept)
        return next(turns, None) is job

    def _first(self) -> list[Job]:
        """The job at the head of each queue."""
        heads: dict[str, Job] = {}
        for job in self._turns:
            heads.setdefault(job.queue_name, job)
        return list(heads.values())

    def _look_at_heads(self) -> None:
        while not self._closed:
            with self._turn:
                heads = [head for head in self._first() if head.status == "RUNNABLE"]
            self._heads.look(heads)
            self._wake()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _start(self, job: Job, attempt: Attempt) -> None:
        host = self._hosts.place(job.instance_type, lambda: job.lose_host(attempt))
        attempt.host = host
        self._faults.at_start(job.name)
        environment = {
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(attempt.number),
            "AWS_BATCH_JQ_NAME": job.queue_name,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self._imds_url(host),
        }
        if job.index is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        name = f"{job.id}-{attempt.number}".replace(":", "-")
        if job.role_arn:
            environment.update(self._lend(job.role_arn, name))
        kind = PodmanContainer if self._image.reference else Container
        container = kind(self._image, job.plan, name, environment)
        attempt.container = container
        container.start()

    def _leave(self, attempt: Attempt) -> None:
        if attempt.host is not None:
            self._hosts.release(attempt.host)
        if attempt.container is not None:
            attempt.container.remove()


def _named(job_name: str, pattern: str | None) -> bool:
    if not pattern:
        return True
    if pattern.endswith("*"):
        return job_name.lower().startswith(pattern[:-1].lower())
    return job_name.lower() == pattern.lower()


def _summary(record: Mapping[str, Any]) -> dict[str, Any]:
    summary = {name: record[name] for name in SUMMARY_FIELDS if name in record}
    container = record["container"]
    summary["container"] = {k: container[k] for k in ("exitCode", "reason") if k in container}
    return summary


def _overview(job: Job) -> dict[str, Any]:
    attempt = job.current
    running = attempt is not None and attempt.stopped_at is None
    log: Path | None = attempt.container.log if attempt and attempt.container else None
    return {
        "job": job.id,
        "name": job.name,
        "queue": job.queue_name,
        "status": job.status,
        "status_reason": job.describe().get("statusReason", ""),
        "tags": job.tags,
        "environment": dict(job.plan.environment),
        "attempt": attempt.number if attempt else 0,
        "host": attempt.host.instance_id if attempt and attempt.host and running else None,
        "pid": attempt.container.pid if attempt and attempt.container and running else None,
        "log": str(log) if log else None,
    }
