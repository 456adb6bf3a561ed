"""Faults of AWS Batch that no laptop has by itself: ordered for jobs by how their names begin."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Fault(StrEnum):
    """What can be ordered. The first three are what SubmitJob answers instead of taking the job."""

    SERVER_ERROR = "ServerException"
    TOO_MANY_REQUESTS = "TooManyRequestsException"
    CLIENT_ERROR = "ClientException"
    NO_IMAGE = "CannotPullContainerError"
    NO_CONTAINER = "CannotStartContainerError"
    LONG_OVERRIDES = "LongOverrides"
    LONG_RECORD = "LongRecord"


OF_SUBMISSION: Final = (Fault.SERVER_ERROR, Fault.TOO_MANY_REQUESTS, Fault.CLIENT_ERROR)
OF_START: Final = (Fault.NO_IMAGE, Fault.NO_CONTAINER)

_WORDS: Final = {
    Fault.SERVER_ERROR: "Internal error.",
    Fault.TOO_MANY_REQUESTS: "Too Many Requests",
    Fault.CLIENT_ERROR: "Error executing request, Exception : Job cannot be taken.",
    Fault.NO_IMAGE: (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        "failed to resolve ref: not found"
    ),
    Fault.NO_CONTAINER: "CannotStartContainerError: no space left on device",
}

LONG: Final = 40_000
"""Characters; longer than a cause of Step Functions and than all overrides of a job may be."""


class Refused(ValueError):
    """SubmitJob, or another action of Batch, answers this error."""

    def __init__(self, message: str, code: str = Fault.CLIENT_ERROR) -> None:
        super().__init__(message)
        self.code = str(code)


class CannotStartError(OSError):
    """The container of an attempt cannot be started, in the words of ECS."""


@dataclass
class _Order:
    fault: Fault
    jobs: str
    times: int


@dataclass
class Faults:
    """The faults that were ordered and have not happened yet."""

    _orders: list[_Order] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, fault: Fault, jobs: str, times: int = 1) -> None:
        """Let the next *times* jobs (or attempts) whose names begin with *jobs* have it."""
        with self._lock:
            self._orders.append(_Order(fault, jobs, times))

    def take(self, job_name: str, *kinds: Fault) -> Fault | None:
        """Use up one that was ordered for this job."""
        with self._lock:
            for order in self._orders:
                if order.times > 0 and order.fault in kinds and job_name.startswith(order.jobs):
                    order.times -= 1
                    return order.fault
        return None

    def at_submission(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The request as Batch takes it; raises Refused."""
        name = str(request.get("jobName") or "")
        if fault := self.take(name, *OF_SUBMISSION):
            raise Refused(_WORDS[fault], fault)
        if self.take(name, Fault.LONG_OVERRIDES):
            overrides = dict(request.get("containerOverrides") or {})
            padding = {"name": "PADDING", "value": "x" * LONG}
            overrides["environment"] = [*(overrides.get("environment") or []), padding]
            return {**request, "containerOverrides": overrides}
        if self.take(name, Fault.LONG_RECORD):
            parameters = {**(request.get("parameters") or {}), "padding": "x" * LONG}
            return {**request, "parameters": parameters}
        return request

    def at_start(self, job_name: str) -> None:
        """Raises CannotStartError."""
        if fault := self.take(job_name, *OF_START):
            raise CannotStartError(_WORDS[fault])
