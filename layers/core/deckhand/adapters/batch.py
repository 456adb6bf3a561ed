"""Jobs of AWS Batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.client import BaseClient

from deckhand.domain.attempt import LIVE_STATUSES, Job, child_name, parse_job
from deckhand.usecases.ports import LiveJob

DESCRIBED_AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html"""

ENDED_STATUSES: Final = ("SUCCEEDED", "FAILED")


class Jobs:
    def __init__(self, client: BaseClient, queues: Sequence[str] = ()) -> None:
        self._client = client
        self._queues = queues

    def describe(self, job_id: str) -> Job | None:
        """The job; Batch forgets it some time after it ended."""
        found = self._client.describe_jobs(jobs=[job_id])["jobs"]
        return parse_job(pascal_case(found[0])) if found else None

    def described(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs by their ids, those that Batch has not forgotten."""
        found: dict[str, Job] = {}
        for begin in range(0, len(job_ids), DESCRIBED_AT_ONCE):
            some = list(job_ids[begin : begin + DESCRIBED_AT_ONCE])
            for job in self._client.describe_jobs(jobs=some)["jobs"]:
                found[job["jobId"]] = parse_job(pascal_case(job))
        return found

    def find(self, name: str) -> Job | None:
        newest = self._newest(name)
        return self.describe(newest["jobId"]) if newest else None

    def child(self, array: str, index: int) -> Job | None:
        """That child of the newest array of the name."""
        newest = self._newest(array)
        return self.describe(child_name(newest["jobId"], index)) if newest else None

    def ended_children(self, array_id: str) -> set[int]:
        """The numbers of the children of an array that have ended."""
        return {
            job["arrayProperties"]["index"]
            for status in ENDED_STATUSES
            for job in self._listed(arrayJobId=array_id, jobStatus=status)
        }

    def live(self) -> Iterator[LiveJob]:
        """The jobs that have not ended, of every queue, the children of arrays as well.

        An array is listed in its queue, its children only under it.
        https://docs.aws.amazon.com/batch/latest/APIReference/API_ListJobs.html
        """
        for queue in self._queues:
            for job in self._alive(jobQueue=queue):
                yield _live(job, queue)
                if _is_array(job):
                    for child in self._alive(arrayJobId=job["jobId"]):
                        yield _live(child, queue)

    def terminate(self, job_id: str, reason: str) -> None:
        self._client.terminate_job(jobId=job_id, reason=reason)

    def _newest(self, name: str) -> dict[str, Any] | None:
        by_name = [{"name": "JOB_NAME", "values": [name]}]
        found = [
            job for queue in self._queues for job in self._listed(jobQueue=queue, filters=by_name)
        ]
        return max(found, key=lambda job: int(job.get("createdAt", 0)), default=None)

    def _alive(self, **where: str) -> Iterator[dict[str, Any]]:
        for status in sorted(LIVE_STATUSES):
            yield from self._listed(**where, jobStatus=status)

    def _listed(self, **query: object) -> Iterator[dict[str, Any]]:
        for page in self._client.get_paginator("list_jobs").paginate(**query):
            yield from page["jobSummaryList"]


def _is_array(job: Mapping[str, Any]) -> bool:
    return "size" in job.get("arrayProperties", {})


def _live(job: Mapping[str, Any], queue: str) -> LiveJob:
    created = datetime.fromtimestamp(job.get("createdAt", 0) / 1000, UTC)
    index = job.get("arrayProperties", {}).get("index")
    name = job["jobName"] if index is None else child_name(job["jobName"], index)
    reason, is_array = job.get("statusReason", ""), _is_array(job)
    return LiveJob(job["jobId"], name, queue, job["status"], created, reason, is_array)


def pascal_case(document: Any) -> Any:  # noqa: ANN401  JSON
    """DescribeJobs' camelCase as the PascalCase of Step Functions."""
    if isinstance(document, dict):
        return {key[:1].upper() + key[1:]: pascal_case(value) for key, value in document.items()}
    return [pascal_case(item) for item in document] if isinstance(document, list) else document
