"""A rehearsal: one deck undisturbed, interrupted through the real runner, and its control."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from deckhand.adapters.folder import FolderBucket
from deckhand.cli.engine import Engine
from deckhand.cli.machine import NOTICE_SECONDS, Machine
from deckhand.domain import keys
from deckhand.domain.errors import DeckhandError
from deckhand.domain.manifest import RESTART_NAME, Manifest, read_manifest
from deckhand.domain.options import RunOptions
from deckhand.domain.run import CheckReport, InputFile, Run
from deckhand.domain.status import ExitCode, Phase, Status
from deckhand.lammps.control import run_control
from deckhand.lammps.errors import DeckError, EngineDiedError
from deckhand.lammps.script import quoted
from deckhand.lammps.surroundings import surroundings
from deckhand.lammps.variables import Given, definitions
from deckhand.usecases.finalise import finalise
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

RUN_ID: Final = "rehearsal-0000000000000000"
LOG: Final = "log.lammps"
EARLIEST, LATEST = 0.05, 0.85
"""Fractions of the run between which it is interrupted; later it might be over before."""

CHECKPOINTS: Final = 12
SHORTEST_SECONDS: Final = 0.1
STATUS_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.05


class RehearsalFailedError(DeckhandError):
    """One of the two runs did not reach the deck's end; the text says why."""


class Kind(StrEnum):
    """How a machine is taken away; CORRUPT damages the newest checkpoint as well."""

    NOTICE = "notice"
    KILL = "kill"
    CORRUPT = "corrupt"


@dataclass(frozen=True)
class Moment:
    """The run is interrupted when it has this fraction of its steps."""

    fraction: float
    kind: Kind


@dataclass
class Interruption:
    """What was done to an attempt, and what it cost; *step* is the furthest it is known to come.

    `seconds` is how long it took until the run was past that step again.
    """

    kind: Kind
    attempt: int
    step: int
    begin: float
    lost_steps: int = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Played:
    """What two runs left behind, by the paths of the files in the deck's folder."""

    undisturbed: dict[str, Path]
    undisturbed_seconds: float
    resumed: dict[str, Path]
    resumed_seconds: float
    control: dict[str, Path]
    completion: Manifest
    interruptions: tuple[Interruption, ...]


def choose_moments(chance: random.Random, count: int, kinds: Sequence[Kind]) -> list[Moment]:
    """Random moments in their order; every kind comes once before one comes twice."""
    fractions = sorted(chance.uniform(EARLIEST, LATEST) for _ in range(count))
    drawn: list[Kind] = []
    while len(drawn) < count:
        drawn += chance.sample(list(kinds), len(kinds))
    return [Moment(fraction, kind) for fraction, kind in zip(fractions, drawn, strict=False)]


@dataclass
class Rehearsal:
    """One rehearsal in the folder *work*; *tell* hears what is being done, and how far it is.

    `variables` are those that the deck is given from outside.
    """

    root: Path
    deck: str
    report: CheckReport
    total_steps: int | None
    engine: Engine
    work: Path
    moments: list[Moment]
    chance: random.Random
    checkpoint_seconds: float | None = None
    variables: Given = field(default_factory=dict)
    tell: Callable[[str, float | None], None] = lambda text, fraction: None
    bucket: FolderBucket = field(init=False)
    _interruptions: list[Interruption] = field(default_factory=list)
    _plain_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.bucket = FolderBucket(self.work / "bucket")

    def play(self) -> Played:
        """All runs to their ends; raises RehearsalFailedError."""
        inputs = dict(self._inputs())
        undisturbed = self._run_plain(inputs)
        self._admit(inputs)
        begin = time.monotonic()
        with Machine() as machine:
            last = self._run_interrupted(machine)
        seconds = time.monotonic() - begin
        completion = self._completion(last)
        self._count_losses()
        return Played(
            undisturbed=undisturbed,
            undisturbed_seconds=self._plain_seconds,
            resumed=self._results(completion),
            resumed_seconds=seconds,
            control=self.run_control(completion) if self.moments else {},
            completion=completion,
            interruptions=tuple(self._interruptions),
        )

    def status(self, attempt: int) -> Status | None:
        text = self.bucket.read(keys.status(RUN_ID, attempt))
        return None if text is None else Status.model_validate_json(text)

    def workspace(self, attempt: int) -> Path:
        """Where an attempt works, or worked until it was killed."""
        return self._scratch(attempt) / "deck"

    def _scratch(self, attempt: int) -> Path:
        return self.work / f"attempt-{attempt}"

    def _inputs(self) -> Iterator[tuple[str, Path]]:
        """The files beside the deck, but for those that an earlier run of it has left."""
        left = {*self.report.writes, LOG} - {*self.report.reads}
        for path in sorted(self.root.rglob("*")):
            inside = path.relative_to(self.root).as_posix()
            if path.is_file() and inside not in left:
                yield inside, path

    def _copied(self, inputs: dict[str, Path], folder: Path) -> Path:
        for inside, path in inputs.items():
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / inside)
        return folder

    def run_control(self, completion: Manifest) -> dict[str, Path]:
        """One process that is cut and continued where the run was resumed; the files it leaves."""
        inputs = dict(self._inputs())
        folder = self._copied(inputs, Path(tempfile.mkdtemp(prefix="control-", dir=self.work)))
        self.tell("the control: one process, cut and continued", None)
        environment = self._surroundings()
        try:
            run_control(
                [str(self.engine.lmp)],
                environment,
                folder,
                self.deck,
                completion.segments,
                self.variables,
            )
        except (DeckError, EngineDiedError) as error:
            raise RehearsalFailedError(f"The control failed: {error}") from error
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        return {inside: path for inside, path in found.items() if inside not in inputs}

    def _run_plain(self, inputs: dict[str, Path]) -> dict[str, Path]:
        folder = self._copied(inputs, self.work / "undisturbed")
        for inside in self.report.writes:
            # As the runner does: LAMMPS itself makes no folders.
            if (folder / inside).resolve().is_relative_to(folder.resolve()):
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        before = {inside: _digest(folder / inside) for inside in inputs}
        self.tell("undisturbed, in plain LAMMPS", None)
        begin = time.monotonic()
        screen = self.work / "undisturbed.screen"
        with screen.open("wb") as said:
            code = _run(
                [str(self.engine.lmp), "-in", self._script()],
                folder / Path(self.deck).parent,
                self._surroundings(),
                said,
            )
        self._plain_seconds = time.monotonic() - begin
        if code != 0:
            raise RehearsalFailedError(
                "Undisturbed, in plain LAMMPS, the deck does not reach its end either:\n"
                + _tail(screen)
            )
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        return {
            inside: path
            for inside, path in found.items()
            if inside not in before or before[inside] != _digest(path)
        }

    def _surroundings(self) -> dict[str, str]:
        """What the runner tells LAMMPS: a deck may ask for a variable of the environment."""
        given = {**_environment(), **self.engine.environment}
        return surroundings(given, self.work / "tmp")

    def _script(self) -> str:
        """The deck; where it is given variables, a script of ours that jumps to it.

        The command line takes no further value of a variable that begins with a `-`.
        """
        deck = Path(self.deck).name
        if not self.variables:
            return deck
        script = self.work / "undisturbed.in"
        lines = [*(text for _, text in definitions(self.variables)), f"jump {quoted(deck)}"]
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(script)

    def _admit(self, inputs: dict[str, Path]) -> None:
        frozen = []
        for inside, path in inputs.items():
            self.bucket.upload(keys.deck(RUN_ID, inside), path)
            size, digest = path.stat().st_size, _digest(path)
            frozen.append(InputFile(path=inside, version_id="", size=size, sha256=digest))
        run = Run(
            run_id=RUN_ID,
            drop=f"{keys.INBOX}rehearsal/",
            deck=self.deck,
            inputs=tuple(frozen),
            options=RunOptions(variables=dict(self.variables)),
            contract=self.report.contract,
            stages=self.report.stages,
            total_steps=self.total_steps,
            admitted_at=datetime.now(UTC),
        )
        self.bucket.write(keys.run_record(RUN_ID), run.model_dump_json().encode())

    def _run_interrupted(self, machine: Machine) -> int:
        """Attempt after attempt until the deck's end; the number of the last."""
        moments = list(self.moments)
        number = 1
        while True:
            machine.replace()
            process = self._start(number, machine)
            try:
                moment = moments.pop(0) if moments else None
                if self._reaches(process, number, moment) and moment is not None:
                    self._interrupt(process, number, moment.kind, machine)
                code = process.wait()
            finally:
                process.kill()
                process.wait()
            if code == ExitCode.COMPLETED:
                self._past_all()
                return number
            if code not in (ExitCode.CHECKPOINTED, -signal.SIGKILL) or moment is None:
                raise RehearsalFailedError(self._failure(number, code))
            number += 1

    def _start(self, number: int, machine: Machine) -> subprocess.Popen[bytes]:
        checkpoint = newest_checkpoint(self.bucket, RUN_ID)
        scratch = self._scratch(number)
        scratch.mkdir()
        seconds = self.checkpoint_seconds or max(
            SHORTEST_SECONDS, self._plain_seconds / CHECKPOINTS
        )
        environment = {
            **_environment(),
            **self.engine.environment,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.endpoint,
            "RUN_ID": RUN_ID,
            "ATTEMPT": str(number),
            "CHECKPOINT": str(checkpoint.checkpoint_id) if checkpoint else "",
            "RUNS_BUCKET": self.bucket.name,
            "DECKHAND_SCRATCH": str(scratch),
            "CHECKPOINT_SECONDS": str(seconds),
            "STATUS_SECONDS": str(STATUS_SECONDS),
            "NOTICE_POLL_SECONDS": str(STATUS_SECONDS),
            "LMP": f"'{self.engine.lmp}'",
        }
        with (scratch / "said").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "deckhand.runner"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def _reaches(
        self, process: subprocess.Popen[bytes], number: int, moment: Moment | None
    ) -> bool:
        """Watch an attempt until its moment has come; False where it ended before."""
        begin = time.monotonic()
        while process.poll() is None:
            status = self.status(number)
            if status is not None:
                self._past(status)
                done = self._done(status, time.monotonic() - begin)
                self.tell(f"attempt {number} through the runner", done)
                running = status.phase is Phase.RUNNING
                if moment is not None and running and done >= moment.fraction:
                    return True
            time.sleep(LOOK_SECONDS)
        return False

    def _done(self, status: Status, seconds: float) -> float:
        """How much of the run is done; by the clock where nobody knows how many steps it has."""
        if self.total_steps:
            return status.step / self.total_steps
        return seconds / max(self._plain_seconds, LOOK_SECONDS)

    def _interrupt(
        self, process: subprocess.Popen[bytes], number: int, kind: Kind, machine: Machine
    ) -> None:
        begin = time.monotonic()
        if kind is Kind.NOTICE:
            machine.give_notice()
            code = self._wait_for_goodbye(process, number)
        else:
            # Its LAMMPS dies with it: that is how the runner starts it.
            process.kill()
            code = process.wait()
        if code == ExitCode.COMPLETED:
            return
        status = self.status(number)
        step = status.step if status else 0
        if kind is Kind.CORRUPT:
            self._damage()
        self._interruptions.append(Interruption(kind, number, step, begin))

    def _wait_for_goodbye(self, process: subprocess.Popen[bytes], number: int) -> int:
        try:
            return process.wait(NOTICE_SECONDS)
        except subprocess.TimeoutExpired:
            raise RehearsalFailedError(
                f"Attempt {number} did not end in the {NOTICE_SECONDS:.0f} s of its spot notice."
            ) from None

    def _damage(self) -> None:
        """Cut the newest checkpoint's restart file in half, or change one bit of it."""
        newest = newest_checkpoint(self.bucket, RUN_ID)
        if newest is None:
            return
        key = keys.checkpoint_file(RUN_ID, newest.checkpoint_id, RESTART_NAME)
        body = bytearray(self.bucket.read(key) or b"")
        if self.chance.random() < 0.5:
            del body[len(body) // 2 :]
        else:
            body[self.chance.randrange(len(body))] ^= 1
        self.bucket.write(key, bytes(body))

    def _past(self, status: Status) -> None:
        for interruption in self._interruptions:
            if interruption.seconds is None and status.step > interruption.step:
                interruption.seconds = time.monotonic() - interruption.begin

    def _past_all(self) -> None:
        for interruption in self._interruptions:
            if interruption.seconds is None:
                interruption.seconds = time.monotonic() - interruption.begin

    def _count_losses(self) -> None:
        for interruption in self._interruptions:
            status = self.status(interruption.attempt + 1)
            begin = status.from_step if status else 0
            interruption.lost_steps = max(0, interruption.step - begin)

    def _completion(self, attempt: int) -> Manifest:
        return read_manifest(self.bucket.read(keys.completion(RUN_ID, attempt)) or b"", RUN_ID)

    def _results(self, completion: Manifest) -> dict[str, Path]:
        """The results as the run's closing makes them."""
        finalised = finalise(self.bucket, completion)
        if finalised.problems:
            raise RehearsalFailedError("; ".join(finalised.problems))
        folder = self.work / "results"
        found = {}
        for result in finalised.results:
            found[result.path] = path = folder / result.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(self.bucket.stream(result.key))
        return found

    def _failure(self, number: int, code: int) -> str:
        status = self.status(number)
        reason = (
            status.reason if status and status.reason else _tail(self._scratch(number) / "said")
        )
        return f"Attempt {number} ended with exit code {code}: {reason}"


def _environment() -> dict[str, str]:
    """This one, without an account: a rehearsal must not reach one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {"OMP_NUM_THREADS": "1", **kept}


def _run(command: list[str], folder: Path, environment: dict[str, str], said: IO[bytes]) -> int:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
    )
    try:
        return process.wait()
    finally:
        process.kill()
        process.wait()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
