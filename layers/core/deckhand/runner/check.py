"""The dry run as a job: `python3 -m deckhand.runner.check` carries out one order of CheckDeck.

A deck's error is an answer like any other. Where none can be given the job fails, and CheckDeck
accepts the deck without it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters.lent import session_of
from deckhand.adapters.s3 import Bucket as S3Bucket
from deckhand.adapters.session import aws_client
from deckhand.domain import keys
from deckhand.domain.check import CheckAnswer, CheckOrder, read_order
from deckhand.domain.credentials import CHECK
from deckhand.domain.errors import EngineError, StorageError
from deckhand.domain.parts import MIB
from deckhand.domain.run import Bound, DryRun
from deckhand.domain.status import ExitCode
from deckhand.lammps.sandbox import GRACE_SECONDS, dry_run
from deckhand.runner.engine import find_program
from deckhand.runner.fetch import fetch_files
from deckhand.usecases.ports import Bucket

OWN_MIB: Final = 512
"""What the job keeps of its memory for itself."""

ANSWER_SECONDS: Final = 15.0
"""What is left of the job's time to store the answer."""

ROOM_MIB: Final = 1024
"""On the disk, beside the deck's files and their copy: for what the deck writes."""

FOR_PROGRAMS: Final = ("PATH", "LD_LIBRARY_PATH")
"""What LAMMPS may know of the job's environment: where programs and libraries lie."""


@dataclass(frozen=True)
class Settings:
    """What the job is told by its environment; *seconds* is all the time it has.

    `lender` and `token`: as an attempt has them, runner/settings.py.
    """

    run_id: str
    check_id: str
    runs_bucket: str
    scratch: Path
    lmp: tuple[str, ...]
    seconds: float
    memory_mib: int
    lender: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises KeyError or ValueError for an environment that Batch would not give."""
        return cls(
            run_id=environment["RUN_ID"],
            check_id=environment["CHECK_ID"],
            runs_bucket=environment["RUNS_BUCKET"],
            scratch=Path(environment["DECKHAND_SCRATCH"]),
            lmp=tuple(shlex.split(environment.get("LMP", "lmp"))),
            seconds=float(environment["CHECK_SECONDS"]),
            memory_mib=int(environment["CHECK_MEMORY_MIB"]),
            lender=environment.get("CREDENTIALS_FUNCTION", ""),
            token=environment.get("RUN_TOKEN", ""),
        )


@dataclass(frozen=True)
class Check:
    """One order carried out; `began` is when the job's time began to run, by time.monotonic."""

    settings: Settings
    bucket: Bucket
    environment: Mapping[str, str]
    began: float
    job_id: str | None = None

    def carry(self) -> DryRun:
        """Answer the order; what another job has answered stands.

        Raises StorageError, and EngineError where the image lacks a program.
        """
        told = self.settings
        key = keys.check_order(told.run_id, told.check_id)
        order = read_order(self.bucket.read(key), key)
        found = self._dry_run(order)
        answer = CheckAnswer(
            run_id=told.run_id, check_id=told.check_id, dry_run=found, job_id=self.job_id
        )
        self.bucket.create(
            keys.check_answer(told.run_id, told.check_id),
            answer.model_dump_json(indent=1).encode(),
        )
        return found

    def _dry_run(self, order: CheckOrder) -> DryRun:
        lack = self._lack_of_room(order)
        if lack is not None:
            return lack
        *launcher, name = self.settings.lmp
        program = find_program(name, (), os.get_exec_path(self.environment))
        root = self.settings.scratch / "deck"
        root.mkdir(parents=True)
        fetch_files(self.bucket, order.run_id, order.inputs, root)
        left = self.settings.seconds - (time.monotonic() - self.began)
        return dry_run(
            root,
            order.deck,
            (*launcher, program),
            max(1.0, left - GRACE_SECONDS - ANSWER_SECONDS),
            self.environment,
            max(self.settings.memory_mib - OWN_MIB, OWN_MIB) * MIB,
            order.variables,
            self.settings.scratch,
        )

    def _lack_of_room(self, order: CheckOrder) -> DryRun | None:
        """What keeps the files, and the copy that LAMMPS gets of them, from fitting on the disk."""
        needed = 2 * sum(item.size for item in order.inputs) // MIB + ROOM_MIB
        free = shutil.disk_usage(self.settings.scratch).free // MIB
        if needed <= free:
            return None
        return DryRun(
            trouble=f"it needs {needed:,} MiB of disk, and there are {free:,}.", bound=Bound.DISK
        )


def main() -> int:
    settings = Settings.read(os.environ)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    proof = {"run_id": settings.run_id, "attempt": CHECK, "token": settings.token}
    session = session_of(settings.lender, proof)
    programs = {name: os.environ[name] for name in FOR_PROGRAMS if name in os.environ}
    job_id = os.environ.get("AWS_BATCH_JOB_ID")
    began = time.monotonic()
    try:
        bucket = S3Bucket(aws_client("s3", session=session), settings.runs_bucket)
        check = Check(settings, bucket, programs, began, job_id)
        found = check.carry()
    except (EngineError, StorageError, ClientError, BotoCoreError, OSError) as error:
        print(f"deckhand: {error}", file=sys.stderr, flush=True)
        return ExitCode.IO_ERROR
    print(found.model_dump_json(exclude={"stages"}), flush=True)
    return ExitCode.COMPLETED


if __name__ == "__main__":
    sys.exit(main())
