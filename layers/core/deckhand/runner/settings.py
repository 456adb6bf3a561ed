"""What an attempt is told by its environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deckhand.adapters.metadata import DEFAULT_ENDPOINT
from deckhand.domain.keys import CheckpointId
from deckhand.lammps.surroundings import kept


@dataclass(frozen=True)
class Settings:
    """One attempt's orders. Durations in seconds.

    `run_id` is that of the parent where `index` tells which point of its sweep is meant.
    `checkpoint` is the checkpoint to resume from, None to start at the beginning; `stop_after`
    is when the attempt must have stopped by itself (0 for never). A simulation that gets no further
    for `stall` seconds is given up (0 for never). `mpirun` starts a run that asks for its ranks.
    The last word of `lmp` is the program itself; `lmp_flags` go before the accelerator of the run.
    `metadata` is the address of the metadata service, or the folder where the machine keeps its
    answers.
    `token` is what the function `lender` lends the credentials of the run for; where there is no
    such function, the job's own are used.
    `gpus` is how many the job was promised, `cuda` the version of CUDA that its image is made of
    (as NVIDIA's images tell it), empty for none. A check of the self-test may take
    `selftest_seconds`. A look at the GPUs comes every `gpu_seconds` (0 for never), and `namespace`
    is where CloudWatch keeps the metrics of the stack.
    `environment` is what LAMMPS may know of the job's.
    """

    run_id: str
    attempt: int
    runs_bucket: str
    checkpoint: CheckpointId | None
    scratch: Path
    checkpoint_seconds: float
    status_seconds: float
    notice_poll_seconds: float
    stop_after_seconds: float
    stall_seconds: float
    mpirun: tuple[str, ...]
    lmp: tuple[str, ...]
    lmp_flags: tuple[str, ...]
    metadata: str
    job_id: str | None
    lender: str = ""
    token: str = field(default="", repr=False)
    index: int | None = None
    gpus: int = 0
    cuda: str = ""
    selftest_seconds: float = 120.0
    gpu_seconds: float = 10.0
    namespace: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises KeyError or ValueError for an environment that Batch would not give."""
        checkpoint = environment.get("CHECKPOINT", "")
        return cls(
            run_id=environment["RUN_ID"],
            attempt=int(environment["ATTEMPT"]),
            runs_bucket=environment["RUNS_BUCKET"],
            checkpoint=CheckpointId.parse(checkpoint) if checkpoint else None,
            scratch=Path(environment["DECKHAND_SCRATCH"]),
            checkpoint_seconds=float(environment.get("CHECKPOINT_SECONDS", "600")),
            status_seconds=float(environment.get("STATUS_SECONDS", "15")),
            notice_poll_seconds=float(environment.get("NOTICE_POLL_SECONDS", "5")),
            stop_after_seconds=float(environment.get("STOP_AFTER_SECONDS", "0")),
            stall_seconds=float(environment.get("STALL_SECONDS", "1800")),
            mpirun=tuple(shlex.split(environment.get("MPIRUN", "mpirun"))),
            lmp=tuple(shlex.split(environment.get("LMP", "lmp"))),
            lmp_flags=_flags(environment.get("LMP_FLAGS", "")),
            metadata=environment.get("METADATA_FOLDER")
            or environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", DEFAULT_ENDPOINT),
            job_id=environment.get("AWS_BATCH_JOB_ID"),
            lender=environment.get("CREDENTIALS_FUNCTION", ""),
            token=environment.get("RUN_TOKEN", ""),
            index=int(environment["AWS_BATCH_JOB_ARRAY_INDEX"]) if "SWEEP" in environment else None,
            gpus=int(environment.get("GPUS") or "0"),
            cuda=environment.get("CUDA_VERSION", ""),
            selftest_seconds=float(environment.get("SELFTEST_SECONDS", "120")),
            gpu_seconds=float(environment.get("GPU_SECONDS", "10")),
            namespace=environment.get("METRICS_NAMESPACE", ""),
            environment=kept(environment),
        )

    @property
    def proof(self) -> dict[str, object]:
        """What the lender is told."""
        own = {"run_id": self.run_id, "attempt": self.attempt, "token": self.token}
        return own if self.index is None else {**own, "index": self.index}


def _flags(text: str) -> tuple[str, ...]:
    """Variables belong into run.yaml: one of the command line would begin anew at each resume."""
    flags = tuple(shlex.split(text))
    if {"-var", "-v"} & {*flags}:
        raise ValueError("LMP_FLAGS must not set variables")
    return flags
