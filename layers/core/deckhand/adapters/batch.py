"""Jobs of AWS Batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.client import BaseClient

from deckhand.domain.attempt import LIVE_STATUSES, Job, parse_job
from deckhand.usecases.ports import LiveJob


class Jobs:
    def __init__(self, client: BaseClient, queues: Sequence[str] = ()) -> None:
        self._client = client
        self._queues = queues

    def describe(self, job_id: str) -> Job | None:
        """The job; Batch forgets it some time after it ended."""
        found = self._client.describe_jobs(jobs=[job_id])["jobs"]
        return parse_job(pascal_case(found[0])) if found else None

    def find(self, name: str) -> Job | None:
        found = [job for queue in self._queues for job in self._named(queue, name)]
        if not found:
            return None
        newest = max(found, key=lambda job: int(job.get("createdAt", 0)))
        return self.describe(newest["jobId"])

    def live(self) -> Iterator[LiveJob]:
        """The jobs that have not ended, of every queue."""
        for queue in self._queues:
            for status in sorted(LIVE_STATUSES):
                pages = self._client.get_paginator("list_jobs").paginate(
                    jobQueue=queue, jobStatus=status
                )
                for page in pages:
                    for job in page["jobSummaryList"]:
                        yield _live(job, queue)

    def terminate(self, job_id: str, reason: str) -> None:
        self._client.terminate_job(jobId=job_id, reason=reason)

    def _named(self, queue: str, name: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_jobs").paginate(
            jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}]
        )
        return [job for page in pages for job in page["jobSummaryList"]]


def _live(job: Mapping[str, Any], queue: str) -> LiveJob:
    created = datetime.fromtimestamp(job.get("createdAt", 0) / 1000, UTC)
    reason = job.get("statusReason", "")
    return LiveJob(job["jobId"], job["jobName"], queue, job["status"], created, reason)


def pascal_case(document: Any) -> Any:  # noqa: ANN401  JSON
    """DescribeJobs' camelCase as the PascalCase of Step Functions."""
    if isinstance(document, dict):
        return {key[:1].upper() + key[1:]: pascal_case(value) for key, value in document.items()}
    return [pascal_case(item) for item in document] if isinstance(document, list) else document
