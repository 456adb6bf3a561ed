"""One run on one machine: a bucket in a folder, a ledger in memory, attempts as child processes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deckhand.adapters.folder import FolderBucket
from deckhand.cli.engine import find_engine
from deckhand.domain import keys
from deckhand.domain.cost import Prices
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.domain.policy import Policy
from deckhand.domain.report import Report
from deckhand.domain.run import Contract, InputFile, Run, RunState
from deckhand.domain.status import Status
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.judge_attempt import Ended, JudgeAttempt, read_status
from deckhand.usecases.plan_attempt import PlanAttempt
from deckhand.usecases.prune_checkpoints import PruneCheckpoints
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints
from tests.crash.deck import DECK, FILES, TOTAL_STEPS
from tests.crash.faults import BEGUN, ENDED, STRUCK, Operation, Point
from tests.fakes import FakeJobs, FakeLedger, FakeOutbox, FakeTopic, telling
from tests.makers import ADMITTED, PROFILES, RUN, job, run_record

ROOT: Final = Path(__file__).parents[2]
ENGINE: Final = find_engine("The crash points")
PATIENCE_SECONDS: Final = 120
NOBODY: Final = "http://127.0.0.1:9"
"""No metadata service answers there, and it says so at once."""

CHECKPOINTS: Final = 4
"""How many an attempt has about time for, on a fast machine and on a slow one."""

START_SECONDS: Final = 0.4
"""From the start of an attempt's clock to LAMMPS' first step, or a little more."""

LOOP_TIME: Final = re.compile(rb"^Loop time of ([0-9.e+-]+) on", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A line of an attempt's trace."""

    what: str
    operation: Operation
    target: str


@dataclass
class Attempt:
    """How an attempt went: its number, its exit code, what it did, what was decided then."""

    number: int
    code: int
    steps: list[Step]
    decision: str
    reason: str
    said: str

    @property
    def was_struck(self) -> bool:
        return any(step.what == STRUCK for step in self.steps)

    def manifests(self, what: str) -> list[CheckpointId]:
        """The checkpoints whose manifests were at least begun, or ended, to be written."""
        found = (
            keys.parse_manifest(step.target)
            for step in self.steps
            if step.what == what and ": bucket.create " in step.operation.name
        )
        return [item[1] for item in found if item is not None]

    @property
    def verified(self) -> list[CheckpointId]:
        return self.manifests(ENDED)

    @property
    def begun(self) -> list[CheckpointId]:
        return self.manifests(BEGUN)


@dataclass(frozen=True)
class Plain:
    """What plain LAMMPS makes of the deck, and the seconds it takes."""

    results: dict[str, bytes]

    @property
    def seconds(self) -> float:
        return sum(map(float, LOOP_TIME.findall(self.results["log.lammps"])))


@dataclass
class World:
    """Everything below *folder*; it can be copied. *seconds* are those that the deck takes."""

    folder: Path
    seconds: float
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger({RUN: run_record(deck=DECK)}))
    topic: FakeTopic = field(default_factory=FakeTopic)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)

    @property
    def bucket(self) -> FolderBucket:
        return FolderBucket(self.folder / "bucket")

    def admit(self) -> None:
        inputs = []
        for path, text in FILES.items():
            body = text.encode()
            self.bucket.write(keys.deck(RUN, path), body)
            digest = hashlib.sha256(body).hexdigest()
            inputs.append(InputFile(path=path, version_id="", size=len(body), sha256=digest))
        run = Run(
            run_id=RUN,
            drop="inbox/crash/",
            deck=DECK,
            inputs=tuple(inputs),
            contract=Contract.EXACT,
            total_steps=TOTAL_STEPS,
            admitted_at=ADMITTED,
        )
        self.bucket.write(keys.run_record(RUN), run.model_dump_json().encode())

    def copy(self, folder: Path) -> World:
        shutil.copytree(self.folder, folder)
        return World(folder, self.seconds, FakeLedger(dict(self.ledger.runs)))

    def attempt(
        self, point: Point | None = None, stop: float = 0.0, checkpoints: int = CHECKPOINTS
    ) -> Attempt:
        """Plan an attempt, carry it, judge it; *stop* is the share of the deck it has time for."""
        services = self.bucket, self.ledger, FakeJobs(), telling(self.topic, self.outbox)
        plan = PlanAttempt(*services, Policy(), PROFILES, Prices(1.0, 4.0), 300, 600)
        planned = plan(RUN, now())
        assert planned.order is not None, planned.reason
        scratch = self.folder / f"a{planned.attempt}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/core"), str(ROOT))),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOBODY,
            "RUN_ID": RUN,
            "ATTEMPT": str(planned.attempt),
            "CHECKPOINT": planned.order.checkpoint,
            "RUNS_BUCKET": self.bucket.name,
            "DECKHAND_SCRATCH": str(scratch),
            "LMP": str(ENGINE.lmp),
            "OMP_NUM_THREADS": "1",
            "CRASH_TRACE": str(scratch / "trace"),
            "CRASH_AT": str(point or ""),
            "CHECKPOINT_SECONDS": f"{self.seconds / (checkpoints + 1):.3f}",
            "STOP_AFTER_SECONDS": f"{START_SECONDS + stop * self.seconds:.3f}" if stop else "0",
            "STATUS_SECONDS": "0.5",
            "NOTICE_POLL_SECONDS": "5",
            **ENGINE.environment,
        }
        with (scratch / "said").open("wb") as said:
            code = _run([sys.executable, "-m", "tests.crash.child"], environment, said.fileno())
        judged = JudgeAttempt(self.bucket, self.ledger, FakeJobs())(
            RUN, planned.attempt, Ended(job=_job(code))
        )
        return Attempt(
            number=planned.attempt,
            code=code,
            steps=list(_read(scratch / "trace")),
            decision=judged.decision,
            reason=judged.reason,
            said=(scratch / "said").read_text(),
        )

    def close(self, reason: str) -> Report:
        close = CloseRun(
            self.bucket, self.ledger, telling(self.topic, self.outbox), Prices(1.0, 4.0)
        )
        close(RUN, RunState.COMPLETED, reason, now())
        return Report.model_validate_json(self.bucket.read(keys.report(RUN)) or b"")

    def prune(self, key: str) -> list[CheckpointId]:
        return PruneCheckpoints(self.bucket, self.ledger)(key)

    def trusted(self) -> list[Manifest]:
        """Newest first."""
        sizes = self.bucket.sizes(keys.checkpoints(RUN))
        return list(trusted_checkpoints(self.bucket, RUN, sizes))

    def status(self, number: int) -> Status | None:
        return read_status(self.bucket, RUN, number)

    def results(self, report: Report) -> dict[str, bytes]:
        return {item.path: self.bucket.read(item.key) or b"" for item in report.results}

    def completions(self) -> list[Manifest]:
        found = (
            self.bucket.read(keys.completion(RUN, attempt.number))
            for attempt in self.ledger.runs[RUN].attempts
        )
        return [read_manifest(text, RUN) for text in found if text is not None]


def undisturbed(folder: Path) -> Plain:
    folder.mkdir()
    for path, text in FILES.items():
        (folder / path).write_text(text)
    subprocess.run(
        [ENGINE.lmp, "-in", DECK, "-screen", "none"],
        cwd=folder,
        env={**os.environ, **ENGINE.environment, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    made = [path for path in folder.iterdir() if path.name not in FILES]
    return Plain({path.name: path.read_bytes() for path in made})


def now() -> datetime:
    return datetime.now(UTC)


def _run(command: list[str], environment: dict[str, str], said: int) -> int:
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
    )
    try:
        return process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()


def _job(code: int) -> dict[str, object]:
    """What Batch says of the job: whoever was killed was on a machine that was taken away."""
    if code == -signal.SIGKILL:
        lost = "Host EC2 (instance i-0123456789abcdef0) terminated."
        return job(StatusReason=lost, ExitCode=128 + signal.SIGKILL)
    return job(Status="FAILED" if code else "SUCCEEDED", ExitCode=code)


def _read(trace: Path) -> Iterator[Step]:
    for line in trace.read_text().splitlines():
        what, name, number, has_reply, target = json.loads(line)
        yield Step(what, Operation(name, number, has_reply), target)
