"""An array job: one submission, many children, and a record that sums them up.

https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.attempt import now_ms
from localcloud.faults import Refused
from localcloud.job import Job

SIZES = range(2, 10_001)
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


def size_of(request: Mapping[str, Any]) -> int | None:
    """How many children a submission wants; None for a job of its own."""
    properties = request.get("arrayProperties") or {}
    if "size" not in properties:
        return None
    size = int(properties["size"])
    if size not in SIZES:
        raise Refused(f"Array size must be between {SIZES[0]} and {SIZES[-1]}")
    return size


def new_id() -> str:
    return str(uuid.uuid4())


class ArrayJob:
    """The parent; it runs nothing and is over when its children are."""

    def __init__(self, array_id: str, children: Sequence[Job]) -> None:
        self.id = array_id
        self.children = tuple(children)
        self.name = children[0].name
        self.arn = children[0].arn.removesuffix(f":{children[0].index}")
        self.queue_name, self.queue_arn = children[0].queue_name, children[0].queue_arn
        self.tags = children[0].tags
        self.ended = threading.Event()
        self._created_at = now_ms()

    def await_end(self) -> None:
        """Note the end of the last child; for a thread of its own."""
        for child in self.children:
            child.ended.wait()
        self.ended.set()

    @property
    def status(self) -> str:
        """PENDING while children are at work: only they are ever RUNNING."""
        summary = self._summary()
        over = summary["SUCCEEDED"] + summary["FAILED"]
        if over < len(self.children):
            return "SUBMITTED" if summary["SUBMITTED"] == len(self.children) else "PENDING"
        return "FAILED" if summary["FAILED"] else "SUCCEEDED"

    def terminate(self, reason: str) -> None:
        for child in self.children:
            child.terminate(reason)

    def cancel(self, reason: str) -> None:
        for child in self.children:
            child.cancel(reason)

    def describe(self) -> dict[str, Any]:
        """Return the array as DescribeJobs would."""
        status = self.status
        first = self.children[0].describe()
        mine = {name: first[name] for name in ("jobQueue", "jobDefinition", "parameters", "tags")}
        reason = {"FAILED": "Array Child Job failed"}.get(status)
        return {
            **mine,
            "jobArn": self.arn,
            "jobId": self.id,
            "jobName": self.name,
            "status": status,
            "attempts": [],
            "createdAt": self._created_at,
            "container": {},
            "arrayProperties": {"statusSummary": self._summary(), "size": len(self.children)},
            "isCancelled": False,
            "isTerminated": False,
            **({"statusReason": reason} if reason else {}),
        }

    def _summary(self) -> dict[str, int]:
        statuses = [child.status for child in self.children]
        return {status: statuses.count(status) for status in STATUSES}
