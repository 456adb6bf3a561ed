"""One Batch job: its attempts one after another, and its record in the shape of DescribeJobs."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.attempt import CONTAINER_ENDED, Attempt, now_ms
from localcloud.container import ContainerPlan, environment_pairs, plan_container
from localcloud.faults import CannotStartError
from localcloud.retry import should_retry

TIMED_OUT = "Job attempt duration exceeded timeout"
WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")
MOST_OVERRIDES: Final = 8192
OVERRIDES_TOO_LONG: Final = f"Container Overrides length must be at most {MOST_OVERRIDES}"
OUT_OF_MEMORY: Final = "OutOfMemoryError: Container killed due to memory usage"


@dataclass(frozen=True)
class Place:
    """Where and how attempts start; the Batch engine is one."""

    start: Callable[[Job, Attempt], None]
    leave: Callable[[Attempt], None]
    grace_seconds: float
    arn_prefix: str


@dataclass(frozen=True)
class Child:
    """Which child of which array a job is."""

    array: str
    index: int

    @property
    def id(self) -> str:
        return f"{self.array}:{self.index}"


class Job:
    """A submitted job; every public method may be called from any thread."""

    def __init__(
        self,
        request: Mapping[str, Any],
        definition: Mapping[str, Any],
        queue: Mapping[str, Any],
        instance_type: str,
        place: Place,
        fits: bool = True,
        child: Child | None = None,
    ) -> None:
        self.id = child.id if child else str(uuid.uuid4())
        self.index = child.index if child else None
        self.name: str = request["jobName"]
        self.instance_type = instance_type
        self.fits = fits
        self.queue_name: str = queue["jobQueueName"]
        self.queue_arn: str = queue["jobQueueArn"]
        self.time_limits: list[Mapping[str, Any]] = [*(queue.get("jobStateTimeLimitActions") or [])]
        self.tags: dict[str, str] = dict(request.get("tags") or {})
        self.status = "SUBMITTED"
        self.ended = threading.Event()
        self._place = place
        self._definition = definition
        self._request = request
        self._parameters = {
            **(definition.get("parameters") or {}),
            **(request.get("parameters") or {}),
        }
        self._properties: Mapping[str, Any] = definition.get("containerProperties") or {}
        self._overrides: Mapping[str, Any] = request.get("containerOverrides") or {}
        self.plan: ContainerPlan = plan_container(
            self._properties, self._overrides, self._parameters
        )
        self._retry: Mapping[str, Any] = (
            request.get("retryStrategy") or definition.get("retryStrategy") or {"attempts": 1}
        )
        self._timeout: Mapping[str, Any] = request.get("timeout") or definition.get("timeout") or {}
        self._created_at = now_ms()
        self._stopped_at: int | None = None
        self._status_reason = ""
        self._stop_reason: str | None = None
        self._is_terminated = False
        self._is_cancelled = False
        self._attempts: list[Attempt] = []
        self._lock = threading.RLock()

    @property
    def arn(self) -> str:
        return f"{self._place.arn_prefix}:job/{self.id}"

    @property
    def role_arn(self) -> str:
        """Whose permissions the container has; without one it has none."""
        return str(self._properties.get("jobRoleArn") or "")

    @property
    def is_over(self) -> bool:
        return self.ended.is_set()

    @property
    def is_stopped(self) -> bool:
        """Somebody terminated or cancelled the job."""
        return self._stop_reason is not None

    @property
    def current(self) -> Attempt | None:
        return self._attempts[-1] if self._attempts else None

    def run(self) -> None:
        """Make attempts until one succeeds, none is left or somebody stops the job."""
        if len(json.dumps(self._overrides)) > MOST_OVERRIDES:
            return self._end("FAILED", OVERRIDES_TOO_LONG)
        most = int(self._retry.get("attempts") or 1)
        for number in range(1, most + 1):
            if self.is_stopped:
                break
            attempt = self._run_attempt(number)
            if attempt.exit_code == 0 and attempt.status_reason == CONTAINER_ENDED:
                return self._end("SUCCEEDED", attempt.status_reason)
            if attempt.status_reason == TIMED_OUT or not self._may_retry(attempt):
                break
        last = self._attempts[-1].status_reason if self._attempts else ""
        self._end("FAILED", self._stop_reason or last)

    def queue_up(self) -> None:
        with self._lock:
            if not self.is_over:
                self.status = "RUNNABLE"

    def say(self, reason: str) -> None:
        """Tell why the job waits; nothing where it only waits for its turn."""
        with self._lock:
            if self.status in WAITING and not self.is_stopped:
                self._status_reason = reason

    def terminate(self, reason: str) -> None:
        """Stop the job whatever it is doing; Batch retries no terminated job."""
        with self._lock:
            if self.is_over or self.is_stopped:
                return
            self._stop_reason = reason
            self._is_terminated = True
            if self.current is not None and self.current.stopped_at is None:
                self._stop(self.current, reason)

    def cancel(self, reason: str) -> None:
        """Stop the job if it has not started; a started one runs on, as on AWS."""
        with self._lock:
            if self.status in WAITING and not self.is_stopped:
                self._stop_reason = reason
                self._is_cancelled = True

    def kill(self) -> None:
        """End everything at once, for a cloud that shuts down."""
        with self._lock:
            self._stop_reason = self._stop_reason or "The local cloud was stopped."
            attempt = self.current
        if attempt is not None and attempt.container is not None:
            attempt.container.kill()

    def lose_host(self, attempt: Attempt) -> None:
        """Let the attempt's host go away without a word: no signal to handle, no exit code."""
        with self._lock:
            if attempt.stopped_at is not None or attempt.host is None:
                return
            attempt.status_reason = attempt.host.loss_reason
            container = attempt.container
        if container is not None:
            container.kill()

    def _may_retry(self, attempt: Attempt) -> bool:
        return should_retry(self._retry, attempt.exit_code, attempt.status_reason, attempt.reason)

    def _run_attempt(self, number: int) -> Attempt:
        attempt = Attempt(number)
        with self._lock:
            self._attempts.append(attempt)
            self._status_reason = ""
            self.status = "STARTING"
        try:
            self._place.start(self, attempt)
            self._begin(attempt)
            assert attempt.container is not None
            code = attempt.container.wait()
            if attempt.container.is_out_of_memory:
                attempt.reason = OUT_OF_MEMORY
        except OSError as error:
            known = isinstance(error, CannotStartError)
            attempt.reason = str(error) if known else f"CannotStartContainerError: {error}"
            attempt.status_reason = "Task failed to start"
            code = None
        attempt.cancel_timers()
        with self._lock:
            attempt.exit_code = None if attempt.is_lost else code
            attempt.stopped_at = now_ms()
        self._place.leave(attempt)
        return attempt

    def _begin(self, attempt: Attempt) -> None:
        """Note that the process runs, and catch up with what was asked while it started."""
        with self._lock:
            attempt.started_at = now_ms()
            self.status = "RUNNING"
            if seconds := self._timeout.get("attemptDurationSeconds"):
                attempt.after(float(seconds), lambda: self._time_out(attempt))
            if self._stop_reason is not None:
                self._stop(attempt, self._stop_reason)
            host_is_lost = attempt.is_lost
        if host_is_lost and attempt.container is not None:
            attempt.container.kill()

    def _time_out(self, attempt: Attempt) -> None:
        with self._lock:
            if attempt.stopped_at is None and not self.is_stopped:
                self._stop(attempt, TIMED_OUT)

    def _stop(self, attempt: Attempt, reason: str) -> None:
        container = attempt.container
        if attempt.started_at is None or container is None:
            return
        attempt.status_reason = reason
        container.ask_to_stop()
        attempt.after(self._place.grace_seconds, container.kill)

    def _end(self, status: str, reason: str) -> None:
        with self._lock:
            self.status = status
            self._status_reason = reason
            self._stopped_at = now_ms()
        self.ended.set()

    def describe(self) -> dict[str, Any]:
        """Return the job as DescribeJobs would; a fresh copy."""
        with self._lock:
            started = next((a.started_at for a in self._attempts if a.started_at), None)
            optional = {
                "statusReason": self._status_reason,
                "shareIdentifier": self._request.get("shareIdentifier"),
                "timeout": dict(self._timeout) or None,
                "arrayProperties": None if self.index is None else {"index": self.index},
                "startedAt": started,
                "stoppedAt": self._stopped_at,
            }
            return {
                "jobArn": self.arn,
                "jobId": self.id,
                "jobName": self.name,
                "jobQueue": self.queue_arn,
                "jobDefinition": self._definition["jobDefinitionArn"],
                "status": self.status,
                "attempts": [
                    attempt.describe(self._described_place(attempt))
                    for attempt in self._attempts
                    if attempt.stopped_at
                ],
                "createdAt": self._created_at,
                "retryStrategy": dict(self._retry),
                "dependsOn": list(self._request.get("dependsOn") or []),
                "parameters": dict(self._parameters),
                "container": self._describe_container(),
                "tags": {"resourceArn": self.arn, **self.tags},
                "propagateTags": bool(self._request.get("propagateTags", False)),
                "platformCapabilities": list(self._definition.get("platformCapabilities") or []),
                "eksAttempts": [],
                "isCancelled": self._is_cancelled,
                "isTerminated": self._is_terminated,
                **{name: value for name, value in optional.items() if value},
            }

    def _describe_container(self) -> dict[str, Any]:
        properties = {k: v for k, v in self._properties.items() if k not in ("command",)}
        overrides = {k: v for k, v in self._overrides.items() if k not in ("command",)}
        last = {}
        if self.current is not None:
            last = {**self.current.describe_outcome(), **self._described_place(self.current)}
        return {
            "volumes": [],
            "mountPoints": [],
            "ulimits": [],
            "networkInterfaces": [],
            "secrets": [],
            **properties,
            **overrides,
            "command": list(self.plan.command),
            "environment": environment_pairs(self.plan.environment),
            **last,
        }

    def _described_place(self, attempt: Attempt) -> dict[str, str]:
        prefix = self._place.arn_prefix.replace(":batch:", ":ecs:")
        task_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id}/{attempt.number}").hex
        definition = self._definition["jobDefinitionName"]
        host = attempt.host.instance_id if attempt.host else "none"
        return {
            "containerInstanceArn": f"{prefix}:container-instance/{self.queue_name}/{host}",
            "taskArn": f"{prefix}:task/{self.queue_name}/{task_id}",
            "logStreamName": f"{definition}/default/{task_id}",
        }
