"""status.json: what an attempt says of itself while it lives, and how it ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deckhand.domain.gpu import GpuUse


class Phase(StrEnum):
    FETCHING = "fetching"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class Ending(StrEnum):
    """How an attempt ended, in the runner's own words."""

    COMPLETED = "completed"
    SPOT_NOTICE = "spot notice"
    TERMINATED = "terminated"
    WALLTIME = "walltime"
    DISK_FULL = "full scratch disk"
    STALLED = "stall"
    DECK_ERROR = "deck error"
    RUNNER_ERROR = "runner error"
    IO_ERROR = "i/o error"
    UNFIT_HOST = "unfit host"


class ExitCode:
    """Exit codes of the runner, after sysexits.h."""

    COMPLETED = 0
    DECK_ERROR = 65
    UNFIT_HOST = 69
    RUNNER_ERROR = 70
    IO_ERROR = 74
    CHECKPOINTED = 75


class Status(BaseModel):
    """One attempt's report. Times are UTC, durations are seconds.

    Steps count the molecular-dynamics steps of the run from its beginning; `steps_total` is None
    where the deck does not tell. `time_step` is LAMMPS' own. `checkpoint` is the newest verified
    checkpoint of this attempt, `resumed_from` the one it started from. `skipped` names newer
    checkpoints that failed verification, with the reason. `troubles` are the last few reasons why
    something could not be stored at once. `checkpoint_seconds` pass between two
    checkpoints, and `checkpoint_reason` says why. `gpu` is None without a GPU that tells.
    """

    model_config = ConfigDict(defer_build=True, extra="ignore")

    schema_version: Literal[1] = 1
    run_id: str
    attempt: int
    job_id: str | None = None
    phase: Phase
    instance_id: str | None = None
    instance_type: str | None = None
    availability_zone: str | None = None
    started_at: datetime
    updated_at: datetime
    step: int = 0
    from_step: int = 0
    time_step: int = 0
    steps_total: int | None = None
    stage: int = 0
    steps_per_second: float | None = None
    eta_seconds: float | None = None
    checkpoint: str | None = None
    checkpoint_step: int | None = None
    checkpoints_written: int = 0
    checkpoint_seconds: float | None = None
    checkpoint_reason: str = ""
    resumed_from: str | None = None
    skipped: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    event: str = ""
    notice_at: datetime | None = None
    notice_to_verified_seconds: float | None = None
    ending: Ending | None = None
    reason: str = ""
    log_tail: tuple[str, ...] = ()
    exit_code: int | None = None
    gpu: GpuUse | None = None
