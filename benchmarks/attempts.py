"""Real attempts of a deck on this machine, in a folder or a local S3, and plain LAMMPS."""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from deckhand.adapters.folder import FolderBucket
from deckhand.cli.engine import Engine, find_engine
from deckhand.cli.machine import Machine
from deckhand.domain import keys
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.run import Contract, InputFile, Run
from deckhand.domain.status import ExitCode, Status
from deckhand.lammps.surroundings import kept
from deckhand.usecases.ports import Bucket
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

RUN_ID: Final = "benchmark-0000000000000000"
DECK: Final = "in.deck"
LOG: Final = "log.lammps"
LOOK_SECONDS: Final = 0.005


def _engine() -> Engine:
    """A machine may have no other LAMMPS than the one that a benchmark is told."""
    try:
        return find_engine("The benchmark")
    except DropRejectedError:
        return Engine(Path("lmp"), {})


ENGINE: Final = _engine()

BENCH: Final = Path(sysconfig.get_paths()["purelib"]) / "lammps/share/lammps/bench"
CHAIN_FILES: Final = {"data.chain": BENCH / "data.chain"}


@dataclass(frozen=True)
class Spent:
    """Seconds on the wall, and of all processes on the processor."""

    wall: float
    cpu: float


@dataclass
class Course:
    """What an attempt says, and when: seconds since it was started."""

    process: subprocess.Popen[str]
    began: float
    said: dict[str, float] = field(default_factory=dict)

    def wait_for(self, text: str) -> float:
        """When a line with *text* came; raises RuntimeError if the attempt ends before."""
        while not any(text in line for line in self.said):
            line = self._line()
            self.said[line.strip()] = time.monotonic() - self.began
        return next(at for line, at in self.said.items() if text in line)

    def wait_for_another(self, text: str) -> None:
        """Wait for one more line with *text*."""
        while True:
            line = self._line()
            self.said[line.strip()] = time.monotonic() - self.began
            if text in line:
                return

    def end(self) -> int:
        for line in self._stream:
            self.said[line.strip()] = time.monotonic() - self.began
        return self.process.wait()

    def _line(self) -> str:
        line = self._stream.readline()
        if not line:
            raise RuntimeError(f"the attempt ended: {list(self.said)}")
        return line

    @property
    def _stream(self) -> IO[str]:
        assert self.process.stderr is not None
        return self.process.stderr


@dataclass
class Site:
    """One deck in a folder of its own; *lmp* is the command of LAMMPS, *flags* are its flags.

    The runs bucket is a folder where *runs* names no other; *environment* is the runner's.
    """

    folder: Path
    files: dict[str, Path]
    text: str
    machine: Machine
    lmp: Sequence[str] = (str(ENGINE.lmp),)
    flags: Sequence[str] = ()
    runs: Bucket | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0

    def __post_init__(self) -> None:
        self.bucket: Bucket = self.runs or FolderBucket(self.folder / "bucket")
        deck = self.folder / DECK
        deck.write_text(self.text, encoding="utf-8")
        inputs = []
        for name, path in {**self.files, DECK: deck}.items():
            self.bucket.upload(keys.deck(RUN_ID, name), path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = path.stat().st_size
            inputs.append(InputFile(path=name, version_id="", size=size, sha256=digest))
        run = Run(
            run_id=RUN_ID,
            drop=f"{keys.INBOX}benchmark/",
            deck=DECK,
            inputs=tuple(inputs),
            contract=Contract.EXACT,
            admitted_at=datetime.now(UTC),
        )
        self.bucket.write(keys.run_record(RUN_ID), run.model_dump_json().encode())

    def plain(self, number: int) -> Course:
        """The deck in plain LAMMPS, started."""
        folder = self.folder / f"plain-{number}"
        folder.mkdir()
        for name, path in {**self.files, DECK: self.folder / DECK}.items():
            (folder / name).symlink_to(path)
        command = [*self.lmp, *self.flags, "-in", DECK, "-nonbuf", "-screen", "none"]
        return self._started(command, folder, {})

    def attempt(self, checkpoint_seconds: float, *, resume: bool = False) -> Course:
        """The next attempt of the deck, started."""
        self.attempts += 1
        scratch = self.scratch(self.attempts)
        scratch.mkdir()
        newest = newest_checkpoint(self.bucket, RUN_ID) if resume else None
        environment = {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.machine.endpoint,
            "RUN_ID": RUN_ID,
            "ATTEMPT": str(self.attempts),
            "CHECKPOINT": str(newest.checkpoint_id) if newest else "",
            "RUNS_BUCKET": self.bucket.name,
            "DECKHAND_SCRATCH": str(scratch),
            "CHECKPOINT_SECONDS": str(checkpoint_seconds),
            "LMP": shlex.join(self.lmp),
            "LMP_FLAGS": shlex.join(self.flags),
            **self.environment,
        }
        return self._started([sys.executable, "-m", "deckhand.runner"], scratch, environment)

    def scratch(self, attempt: int) -> Path:
        return self.folder / f"attempt-{attempt}"

    def status(self, attempt: int) -> Status | None:
        text = self.bucket.read(keys.status(RUN_ID, attempt))
        return None if text is None else Status.model_validate_json(text)

    def _started(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> Course:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**lammps_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Course(process, began)


def lammps_environment() -> dict[str, str]:
    """This one, with all that the runner tells LAMMPS: like is compared with like."""
    return {**os.environ, **kept(os.environ), **ENGINE.environment}


def seconds_to_stop(site: Site, settle: float = 1.0) -> float:
    """From SIGTERM to a stored and verified checkpoint of an attempt that is computing."""
    course = site.attempt(600.0)
    course.wait_for("is running")
    first_row(site.scratch(site.attempts) / "deck" / LOG, course)
    time.sleep(settle)
    begin = time.monotonic() - course.began
    course.process.terminate()
    if (code := course.end()) != ExitCode.CHECKPOINTED:
        raise RuntimeError(f"exit code {code}: {list(course.said)[-5:]}")
    # The last: one that was due may have been on its way.
    return max(at for line, at in course.said.items() if "is verified" in line) - begin


def chain(run: str, copies: str = "", thermo: str = "thermo 100") -> str:
    """The chains of LAMMPS' own bench, 32 000 beads times *copies*, with a run of one's own."""
    text = (BENCH / "in.chain").read_text(encoding="utf-8")
    if copies:
        text = text.replace("data.chain\n", f"data.chain\nreplicate {copies}\n")
    return text.replace("thermo          100", thermo).replace("run             100", run)


def spent(course: Course) -> Spent:
    """Wait for the end; raises RuntimeError for one that is not good."""
    before = _processor()
    code = course.end()
    if code != 0:
        raise RuntimeError(f"exit code {code}: {list(course.said)[-5:]}")
    return Spent(time.monotonic() - course.began, _processor() - before)


def first_row(log: Path, course: Course) -> float:
    """When the first thermo row was in the log: the first step is computed."""
    while course.process.poll() is None:
        if log.exists() and b"\n   Step" in (text := log.read_bytes()):
            rows = text.partition(b"\n   Step")[2].split(b"\n", 2)
            if len(rows) == 3:
                return time.monotonic() - course.began
        time.sleep(LOOK_SECONDS)
    raise RuntimeError("LAMMPS ended before its first step")


def _processor() -> float:
    """Seconds of all processes that have been waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
