"""One attempt of a run: the raw facts of how it ended (outcome) and our reading (verdict)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deckhand.domain.deck import Frozen
from deckhand.domain.status import Ending, ExitCode, Status


class Market(StrEnum):
    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Verdict(StrEnum):
    COMPLETED = "completed"
    SUBMIT_REFUSED = "submit refused"
    SUBMIT_FAILED = "submit failed"
    INTERRUPTED = "interrupted"
    NO_CAPACITY = "no capacity"
    MISCONFIGURED = "misconfigured"
    WALLTIME = "walltime"
    STALLED = "stalled"
    OUT_OF_MEMORY = "out of memory"
    INFRASTRUCTURE = "infrastructure"
    UNFIT_HOST = "unfit host"
    CANCELLED = "cancelled"
    CONTROL_PLANE_BUG = "control plane bug"
    DECK_ERROR = "deck error"
    RUNNER_ERROR = "runner error"
    UNKNOWN = "unknown"


RESUMABLE = frozenset(
    {
        Verdict.INTERRUPTED,
        Verdict.NO_CAPACITY,
        Verdict.WALLTIME,
        Verdict.STALLED,
        Verdict.INFRASTRUCTURE,
        Verdict.UNFIT_HOST,
        Verdict.SUBMIT_FAILED,
        Verdict.UNKNOWN,
    }
)
"""Verdicts after which another attempt may be made; policy decides whether one is."""


LIVE_STATUSES = frozenset({"SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"})
"""Statuses of a Batch job that has not ended."""


def job_name(run_id: str, number: int) -> str:
    """The name of the Batch job of an attempt; run_deck.asl.json builds the same."""
    return f"{run_id}-a{number}"


def child_name(array: str, index: int) -> str:
    """What we call a child of an array job; Batch gives it the name of the array."""
    return f"{array}:{index}"


def parse_job_name(name: str) -> tuple[str, int] | None:
    """The run and the number of the attempt that a job carries; None for any other job."""
    match = re.fullmatch(r"([a-z0-9-]+-[0-9a-f]{16})-a(\d+)", name)
    return (match[1], int(match[2])) if match else None


class Judgement(Frozen):
    verdict: Verdict
    reason: str


class JobContainer(BaseModel):
    """The container of a Batch job or of one of its attempts, as DescribeJobs shows it."""

    model_config = ConfigDict(defer_build=True, extra="ignore")

    exit_code: int | None = Field(default=None, alias="ExitCode")
    reason: str = Field(default="", alias="Reason")
    log_stream: str | None = Field(default=None, alias="LogStreamName")
    image: str | None = Field(default=None, alias="Image")


class JobAttempt(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="ignore")

    status_reason: str = Field(default="", alias="StatusReason")
    started_at: int | None = Field(default=None, alias="StartedAt")
    stopped_at: int | None = Field(default=None, alias="StoppedAt")
    container: JobContainer = Field(default_factory=JobContainer, alias="Container")


class Job(BaseModel):
    """A Batch job in the PascalCase shape of a `.sync` result or Cause; times are epoch ms.

    `Attempts` is empty for a job that never started.
    https://docs.aws.amazon.com/batch/latest/APIReference/API_JobDetail.html
    """

    model_config = ConfigDict(defer_build=True, extra="ignore")

    job_id: str = Field(alias="JobId")
    status: str = Field(default="", alias="Status")
    status_reason: str = Field(default="", alias="StatusReason")
    created_at: int | None = Field(default=None, alias="CreatedAt")
    started_at: int | None = Field(default=None, alias="StartedAt")
    stopped_at: int | None = Field(default=None, alias="StoppedAt")
    is_cancelled: bool = Field(default=False, alias="IsCancelled")
    is_terminated: bool = Field(default=False, alias="IsTerminated")
    attempts: tuple[JobAttempt, ...] = Field(default=(), alias="Attempts")
    container: JobContainer = Field(default_factory=JobContainer, alias="Container")

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_STATUSES

    @property
    def started(self) -> datetime | None:
        return (
            None if self.started_at is None else datetime.fromtimestamp(self.started_at / 1000, UTC)
        )

    @property
    def last_attempt(self) -> JobAttempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def exit_code(self) -> int | None:
        last = self.last_attempt
        return last.container.exit_code if last else self.container.exit_code

    @property
    def container_reason(self) -> str:
        last = self.last_attempt
        return (last.container.reason if last else "") or self.container.reason

    def says(self, test: Callable[[str], bool]) -> str | None:
        """The first status reason, last attempt's before the job's, that passes *test*."""
        last = self.last_attempt
        for text in (last.status_reason if last else "", self.status_reason):
            if text and test(text):
                return text
        return None


class Outcome(BaseModel):
    """Everything known about an ended attempt.

    `error` and `cause` are what Step Functions caught (empty after success); `job` is the Batch
    job where one could be read from the cause or described; `completed` says that the attempt's
    completion manifest is in S3 and valid.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    error: str = ""
    cause: str = ""
    job: Job | None = None
    status: Status | None = None
    completed: bool = False


class AttemptRecord(BaseModel):
    """An attempt in the ledger; steps count those of the run from its beginning, times are UTC.

    `price_per_hour` is what an hour of this attempt cost, in US dollars: its part of the price of
    the machine of that `instance_type`, bought on that market in that `availability_zone`;
    `on_demand_per_hour` what it would have cost on demand. `array` is the name of the array job
    that the attempt of a sweep's point is a child of. `gpu_utilisation` is the mean of its GPUs
    while LAMMPS ran, in per cent. `token` is what the attempt proves itself
    with; the attempts in an array have their parent's.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    number: int
    market: Market
    planned_at: datetime
    resumed_from: str | None = None
    timeout_seconds: int
    verdict: Verdict | None = None
    reason: str = ""
    job_id: str | None = None
    image: str | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    checkpoint: str | None = None
    from_step: int | None = None
    reached_step: int | None = None
    advanced: bool = False
    queue: str | None = None
    instance_type: str | None = None
    availability_zone: str | None = None
    price_per_hour: float | None = None
    on_demand_per_hour: float | None = None
    array: str | None = None
    steps_per_second: float | None = None
    gpu_utilisation: float | None = None
    token: str | None = Field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Seconds the machine worked for this attempt."""
        if self.started_at is None or self.stopped_at is None:
            return 0.0
        return max(0.0, (self.stopped_at - self.started_at).total_seconds())


HOST_LOST = "Host EC2"
CAPACITY = "Canceled by JobStateTimeLimit action due to reason: CAPACITY:"
MISCONFIGURATION = "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:"
TIMED_OUT = "Job attempt duration exceeded timeout"
NEVER_STARTED = ("CannotPullContainerError", "DockerTimeoutError", "CannotInspectContainerError")
TASK_NOT_STARTED = "Task failed to start"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed"
BY_DECKHAND: Final = "Deckhand: "
"""How every reason begins that Deckhand itself gives Batch for ending a job."""

NEVER_SUBMITTED: Final = "The attempt was never submitted."
RELIEVED: Final = f"{BY_DECKHAND}CAPACITY: "
SILENT: Final = f"{BY_DECKHAND}SILENT: "
OVERRIDES_TOO_LONG = "Container Overrides length"
SUBMIT_ERRORS_THAT_PASS = frozenset(
    {"Batch.ServerException", "Batch.AWSBatchException", "Batch.TooManyRequestsException"}
)


def judge(outcome: Outcome) -> Judgement:
    """Read an outcome by the first rule that fits; always with a reason a person can read.

    The order matters: a reclaimed host also ends its container with 137, and so does a timeout.
    """
    for rule in _RULES:
        reason = rule[1](outcome)
        if reason:
            return Judgement(verdict=rule[0], reason=reason)
    return Judgement(
        verdict=Verdict.UNKNOWN,
        reason="The job ended in a way that is not known: "
        f"{_first_line(outcome.cause) or outcome.error or 'no reason was given'}.",
    )


def _completed(outcome: Outcome) -> str | None:
    if outcome.completed and (outcome.job is None or outcome.job.exit_code in (0, None)):
        return "The deck reached its end."
    return None


def _submit_failed(outcome: Outcome) -> str | None:
    if outcome.error in SUBMIT_ERRORS_THAT_PASS:
        return f"AWS Batch did not take the job: {_first_line(outcome.cause) or outcome.error}."
    return None


def _submit_refused(outcome: Outcome) -> str | None:
    if outcome.error.startswith("Batch."):
        return f"AWS Batch refused the job: {_first_line(outcome.cause) or outcome.error}."
    return None


def _host_lost(outcome: Outcome) -> str | None:
    if outcome.job is None:
        return None
    text = outcome.job.says(lambda reason: reason.startswith(HOST_LOST))
    return f"The machine was taken away: {text}" if text else None


def _stopped_by_walltime(outcome: Outcome) -> str | None:
    if _exit_code(outcome) == ExitCode.CHECKPOINTED and _ending(outcome) is Ending.WALLTIME:
        return "The attempt used up its time; it wrote a checkpoint and stopped."
    return None


def _stood_still(outcome: Outcome) -> str | None:
    if _exit_code(outcome) == ExitCode.CHECKPOINTED and _ending(outcome) is Ending.STALLED:
        return _reason(outcome)
    return None


_CAUSES: Final[dict[Ending | None, str]] = {
    Ending.SPOT_NOTICE: "a spot notice",
    Ending.DISK_FULL: "its scratch disk had become full",
}


def _checkpointed(outcome: Outcome) -> str | None:
    if _exit_code(outcome) != ExitCode.CHECKPOINTED:
        return None
    if _ending(outcome) is Ending.TERMINATED and _cancelled(outcome):
        return None
    cause = _CAUSES.get(_ending(outcome), "a request to stop")
    return f"The attempt wrote a checkpoint after {cause} and stopped."


def _no_capacity(outcome: Outcome) -> str | None:
    if outcome.job and outcome.job.says(lambda reason: reason.startswith((CAPACITY, RELIEVED))):
        return "AWS had no machine to give."
    return None


def _misconfigured(outcome: Outcome) -> str | None:
    if outcome.job is None:
        return None
    text = outcome.job.says(lambda reason: reason.startswith(MISCONFIGURATION))
    return f"The compute environment cannot run the job: {text}" if text else None


def _timed_out(outcome: Outcome) -> str | None:
    if outcome.job and outcome.job.says(lambda reason: reason == TIMED_OUT):
        return "The attempt was killed when its time was up."
    return None


def _silent(outcome: Outcome) -> str | None:
    if outcome.job and (text := outcome.job.says(lambda reason: reason.startswith(SILENT))):
        return f"The machine was given up: {text.removeprefix(SILENT)}"
    return None


def _out_of_memory(outcome: Outcome) -> str | None:
    if outcome.job and outcome.job.container_reason.startswith(OUT_OF_MEMORY):
        return "The run needs more memory than the machine gives it."
    return None


def _infrastructure(outcome: Outcome) -> str | None:
    if outcome.job is None:
        return None
    if outcome.job.container_reason.startswith(NEVER_STARTED):
        return f"The container did not start: {outcome.job.container_reason}"
    text = outcome.job.says(lambda reason: reason.startswith((*NEVER_STARTED, TASK_NOT_STARTED)))
    if text:
        return f"The container did not start: {text}"
    if outcome.job.exit_code == ExitCode.IO_ERROR:
        return f"The machine could not read or write its files: {_reason(outcome)}"
    return None


def _unfit_host(outcome: Outcome) -> str | None:
    if _exit_code(outcome) != ExitCode.UNFIT_HOST:
        return None
    return f"The machine failed its self-test, the deck was not begun. {_reason(outcome)}"


def _cancelled(outcome: Outcome) -> str | None:
    if outcome.job is None and outcome.cause == NEVER_SUBMITTED:
        return NEVER_SUBMITTED
    if outcome.job and (outcome.job.is_cancelled or outcome.job.is_terminated):
        return f"The job was cancelled: {outcome.job.status_reason or 'no reason was given'}"
    return None


def _control_plane_bug(outcome: Outcome) -> str | None:
    if outcome.job is None:
        return None
    text = outcome.job.says(lambda reason: OVERRIDES_TOO_LONG in reason)
    return f"Deckhand asked Batch for something it cannot take: {text}" if text else None


def _runner_error(outcome: Outcome) -> str | None:
    if outcome.job is None:
        return None
    if outcome.job.exit_code == ExitCode.RUNNER_ERROR:
        return f"Deckhand's runner failed: {_reason(outcome)}"
    if outcome.job.exit_code == ExitCode.COMPLETED and not outcome.completed:
        return "The job ended well but left no completion manifest."
    return None


def _deck_error(outcome: Outcome) -> str | None:
    code = outcome.job.exit_code if outcome.job else None
    if code:
        return _reason(outcome) if _ending(outcome) else f"The job ended with exit code {code}."
    return None


_RULES: tuple[tuple[Verdict, Callable[[Outcome], str | None]], ...] = (
    (Verdict.COMPLETED, _completed),
    (Verdict.SUBMIT_FAILED, _submit_failed),
    (Verdict.SUBMIT_REFUSED, _submit_refused),
    (Verdict.INTERRUPTED, _host_lost),
    (Verdict.WALLTIME, _stopped_by_walltime),
    (Verdict.STALLED, _stood_still),
    (Verdict.INTERRUPTED, _checkpointed),
    (Verdict.NO_CAPACITY, _no_capacity),
    (Verdict.MISCONFIGURED, _misconfigured),
    (Verdict.WALLTIME, _timed_out),
    (Verdict.OUT_OF_MEMORY, _out_of_memory),
    (Verdict.INFRASTRUCTURE, _silent),
    (Verdict.INFRASTRUCTURE, _infrastructure),
    (Verdict.UNFIT_HOST, _unfit_host),
    (Verdict.CANCELLED, _cancelled),
    (Verdict.CONTROL_PLANE_BUG, _control_plane_bug),
    (Verdict.RUNNER_ERROR, _runner_error),
    (Verdict.DECK_ERROR, _deck_error),
)


def parse_job(document: dict[str, Any]) -> Job:
    """Read a Batch job in PascalCase; raises pydantic.ValidationError."""
    return Job.model_validate(document)


def read_job(document: object) -> Job | None:
    """A Batch job in PascalCase, or None for anything else."""
    try:
        return Job.model_validate(document)
    except ValidationError:
        return None


def job_in(cause: str) -> Job | None:
    """The job that the cause of a failed task describes; one that was cut off describes none."""
    try:
        return read_job(json.loads(cause))
    except (ValueError, RecursionError):
        return None


def _exit_code(outcome: Outcome) -> int | None:
    return outcome.job.exit_code if outcome.job else None


def _ending(outcome: Outcome) -> Ending | None:
    return outcome.status.ending if outcome.status else None


def _reason(outcome: Outcome) -> str:
    if outcome.status and outcome.status.reason:
        return outcome.status.reason
    job = outcome.job
    return (job.container_reason or job.status_reason if job else "") or "no reason was given"


def _first_line(text: str, most: int = 200) -> str:
    stripped = text.strip()
    return stripped.splitlines()[0][:most].rstrip(".") if stripped else ""
