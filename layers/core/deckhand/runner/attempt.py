"""One attempt: fetch the deck and its checkpoint, carry it on, store what it reaches."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from deckhand.adapters.metadata import Metadata
from deckhand.domain.errors import EngineError, StorageError
from deckhand.domain.gpu import Gpu
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, OutputKind
from deckhand.domain.notice import SpotNotice
from deckhand.domain.run import Run
from deckhand.domain.status import Ending, ExitCode, Phase
from deckhand.lammps import failure
from deckhand.lammps.errors import DeckError, EngineDiedError, ResumeError
from deckhand.lammps.fence import fenced
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.outputs import OutputBook
from deckhand.lammps.pacing import VARIABLES, ControlFiles
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import replay
from deckhand.lammps.script import folder_reader, quoted
from deckhand.lammps.session import Session, Snapshot
from deckhand.lammps.surroundings import surroundings
from deckhand.lammps.trial import Trial, try_out
from deckhand.lammps.variables import give
from deckhand.lammps.watch import Stopped
from deckhand.runner.clock import utc_now
from deckhand.runner.commit import Committer, Origin
from deckhand.runner.disk import Disk
from deckhand.runner.engine import Engine, engine
from deckhand.runner.fetch import (
    Checkpoint,
    fetch_inputs,
    fetch_run,
    find_checkpoint,
    flags_of,
)
from deckhand.runner.folders import Folders, modification_times
from deckhand.runner.pace import Pace, expected
from deckhand.runner.report import Reporter
from deckhand.runner.selftest import prove_machine
from deckhand.runner.settings import Settings
from deckhand.runner.stall import Stall, StalledError, span, told_place
from deckhand.runner.stored_outputs import StoredOutputs
from deckhand.runner.telemetry import Telemetry
from deckhand.runner.watch import DISK_SECONDS, Watch
from deckhand.usecases.ports import Bucket

KILLED: Final = -9
"""LAMMPS ended by SIGKILL while its runner lives: the kernel ran out of memory."""

LAST_STORE_SECONDS: Final = 240.0
"""How long a checkpoint that is on its way to S3 is waited for when LAMMPS has stalled."""

TROUBLES: Final = 5
"""How many of them status.json names."""

_VERSION = re.compile(r"^LAMMPS \((.+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Ended:
    """How the attempt ended: exit code, and what status.json says about it."""

    code: int
    ending: Ending
    reason: str
    log_tail: tuple[str, ...] = ()


@dataclass
class Attempt:
    """The life of one attempt; `carry` is all of it."""

    settings: Settings
    bucket: Bucket
    metadata: Metadata
    reporter: Reporter
    gpus: tuple[Gpu, ...] = ()
    _watch: Watch = field(init=False)
    _pace: Pace = field(init=False)
    _disk: Disk = field(init=False)
    _stall: Stall = field(init=False)
    _telemetry: Telemetry = field(init=False)
    _session: Session | None = None
    _committer: Committer | None = None
    _lammps: Lammps | None = None
    _lammps_version: str | None = None

    def __post_init__(self) -> None:
        self._watch = Watch(
            self.metadata,
            self.settings.notice_poll_seconds,
            self.settings.stop_after_seconds,
            self._stop,
            self._hasten,
        )
        self._pace = Pace(self.settings.checkpoint_seconds, between=None)
        self._disk = Disk(self.settings.scratch)
        self._stall = Stall(self.settings.stall_seconds)
        self._telemetry = Telemetry(
            self.reporter, self.settings.gpu_seconds, self.settings.namespace
        )

    def carry(self) -> int:
        """Run the attempt to its end, whatever that is; returns the exit code."""
        self.reporter.start()
        self._watch.start()
        self._telemetry.start()
        try:
            ended = self._ended(self._work)
        finally:
            self._watch.close()
            self._telemetry.close()
            if self._lammps is not None:
                self._lammps.kill()
        self.reporter.close(
            phase=Phase.ENDED,
            ending=ended.ending,
            reason=ended.reason,
            log_tail=ended.log_tail,
            exit_code=ended.code,
            event=f"ended: {ended.reason}",
        )
        return ended.code

    def _ended(self, work: Callable[[], Ended]) -> Ended:
        try:
            return work()
        except DeckError as error:
            return Ended(ExitCode.DECK_ERROR, Ending.DECK_ERROR, str(error), self._tail())
        except EngineDiedError as error:
            return self._explained(error)
        except StalledError:
            return self._stalled()
        except (StorageError, OSError, ClientError, BotoCoreError) as error:
            return Ended(ExitCode.IO_ERROR, Ending.IO_ERROR, f"{type(error).__name__}: {error}")
        except EngineError as error:
            return Ended(ExitCode.IO_ERROR, Ending.IO_ERROR, str(error))
        except (ResumeError, ValidationError) as error:
            return Ended(ExitCode.RUNNER_ERROR, Ending.RUNNER_ERROR, str(error), self._tail())
        except Exception as error:  # the one place where a bug of ours ends
            traceback.print_exc()
            reason = f"A fault of Deckhand's own: {type(error).__name__}: {error}"
            return Ended(ExitCode.RUNNER_ERROR, Ending.RUNNER_ERROR, reason, self._tail())

    def _explained(self, error: EngineDiedError) -> Ended:
        assert self._lammps is not None
        if error.returncode == KILLED:
            reason = "LAMMPS was killed; the machine may be out of memory."
            return Ended(ExitCode.IO_ERROR, Ending.IO_ERROR, reason, self._tail())
        broken = failure.of_gpu(self._lammps.screen())
        if broken is not None:
            reason = f"The GPU failed while LAMMPS ran: {broken}"
            return Ended(ExitCode.IO_ERROR, Ending.IO_ERROR, reason, self._tail())
        sent = self._lammps.last_places()
        found = failure.explain(self._lammps.screen(), error.returncode, sent)
        return Ended(ExitCode.DECK_ERROR, Ending.DECK_ERROR, str(found), self._tail())

    def _stalled(self) -> Ended:
        """End a LAMMPS that reacts to nothing; what it had stored before stays."""
        assert self._lammps is not None
        since = utc_now() - timedelta(seconds=self._stall.quiet)
        at = told_place(self._lammps.unanswered())
        self._lammps.kill()
        if self._committer is not None:
            self._committer.wait(LAST_STORE_SECONDS)
        status = self.reporter.status
        kept = status.checkpoint or status.resumed_from
        reason = (
            f"The simulation stood still for {span(self._stall.quiet)} at step "
            f"{status.step:,}: since {since:%H:%M:%S} UTC nothing has come of LAMMPS{at}. "
            + (f"The checkpoint {kept} is kept." if kept else "There is no checkpoint yet.")
        )
        return Ended(ExitCode.CHECKPOINTED, Ending.STALLED, reason, self._tail())

    def _tail(self) -> tuple[str, ...]:
        return failure.tail(self._lammps.screen()) if self._lammps else ()

    def _work(self) -> Ended:
        folders = Folders.make(self.settings.scratch)
        run = fetch_run(self.bucket, self.settings.run_id)
        self.reporter.update(steps_total=_total_steps(run), event="looking at the machine")
        self._pace.ceiling = run.options.checkpoint_seconds or self._pace.ceiling
        self._pace.between = expected(
            self.bucket, self.metadata, self.settings.run_id, self.settings.attempt
        )
        unfit = self._unfit(run, folders.control)
        if unfit is not None:
            return unfit
        fetch_inputs(self.bucket, run, folders.workspace)
        checkpoint = self._find_checkpoint(folders)
        if checkpoint is not None:
            checkpoint.place_outputs(folders.workspace)
        interpreter = self._enter(run, folders, checkpoint)
        return self._finish(interpreter)

    def _unfit(self, run: Run, control: Path) -> Ended | None:
        """Leave a machine that cannot do the work before anything is fetched to it."""
        seconds = self.settings.selftest_seconds
        planned = self.settings.checkpoint
        pinned = flags_of(self.bucket, self.settings.run_id, planned) if planned else None

        def compute(gpus: tuple[Gpu, ...]) -> Trial:
            command = engine(self.settings, run, gpus, pinned).command
            return try_out(command, control, seconds, self._surroundings)

        proven = prove_machine(self.settings, compute)
        self.gpus, found = proven.gpus, proven.test
        if not found.ok:
            return Ended(ExitCode.UNFIT_HOST, Ending.UNFIT_HOST, found.reason)
        self.reporter.update(event=f"fetching the deck; self-test {found.seconds:.1f} s")
        return None

    @property
    def _surroundings(self) -> dict[str, str]:
        """What LAMMPS is told of the job's environment."""
        return surroundings(self.settings.environment, self.settings.scratch / "tmp")

    def _find_checkpoint(self, folders: Folders) -> Checkpoint | None:
        planned = self.settings.checkpoint
        skipped: list[str] = []
        found = find_checkpoint(
            self.bucket, self.settings.run_id, planned, folders.control, skipped
        )
        if planned is None and not skipped:
            return None
        event = (
            f"resuming from step {found.manifest.step:,}"
            if found
            else "no checkpoint verifies: starting from the beginning"
        )
        self.reporter.update(
            skipped=tuple(skipped),
            resumed_from=str(found.manifest.checkpoint_id) if found else None,
            from_step=found.manifest.step if found else 0,
            step=found.manifest.step if found else 0,
            event=event,
        )
        return found

    def _enter(self, run: Run, folders: Folders, checkpoint: Checkpoint | None) -> Interpreter:
        """Start LAMMPS and bring it to where the run stands."""
        cwd = folders.workspace / Path(run.deck).parent
        journal = checkpoint.journal if checkpoint else Journal(deck=Path(run.deck).name)
        log = "none" if checkpoint else str(journal.log)
        pinned = checkpoint.manifest.lammps_flags if checkpoint else None
        chosen = engine(self.settings, run, self.gpus, pinned)
        command = [*chosen.command, "-log", log]
        lammps = self._lammps = Lammps(command, cwd, folders.control, self._surroundings)
        for variable in VARIABLES:
            lammps.send(variable)
        session = self._session = Session(
            lammps=lammps,
            journal=journal,
            workspace=folders.workspace,
            cwd=cwd,
            control=ControlFiles(folders.control),
            book=self._book(folders.workspace, checkpoint),
            seconds=self._pace.interval().seconds,
            sink=self._take,
            heartbeat=self._heartbeat,
            check_state=checkpoint is not None,
        )
        lammps.tick = self._refuse_stall
        inputs = modification_times(folders.workspace)
        seeds: tuple[int, ...] = ()
        if checkpoint is not None:
            seeds = self._replay(lammps, session, checkpoint)
        else:
            if journal.log is not None:
                session.files.told_again(["log", journal.log])
            give(lammps, journal, run.options.variables)
        origin = self._origin(checkpoint, chosen, seeds)
        committer = self._committer = Committer(
            bucket=self.bucket,
            outputs=StoredOutputs(
                bucket=self.bucket,
                workspace=folders.workspace,
                spool=folders.control,
                run_id=origin.run_id,
                attempt=origin.attempt,
                inputs=inputs,
                inherited=frozenset(
                    output.path for segment in origin.lineage for output in segment.outputs
                ),
                appended=lambda: session.book.paths,
            ),
            lammps_version=self._version,
            origin=origin,
            verified=self._verified,
            failed=self._not_stored,
        )
        session.book.keep = committer.keep
        lammps.tick = session.tick
        if self._watch.ending is not None:
            session.stop()
        self.reporter.update(phase=Phase.RUNNING, event="LAMMPS is running")
        read = fenced(folder_reader(cwd), session.files.folder)
        return Interpreter(
            lammps,
            journal,
            read,
            session,
            resumed=checkpoint is not None,
            extensions=run.extensions,
        )

    def _book(self, workspace: Path, checkpoint: Checkpoint | None) -> OutputBook:
        if checkpoint is None:
            return OutputBook(workspace)
        parents = _parents(checkpoint.manifest)
        for path in parents:
            # An upload may bring a file along that the deck has gone on with since.
            (workspace / path).unlink(missing_ok=True)
        return OutputBook(
            workspace,
            resumed_step=checkpoint.manifest.time_step,
            mid_run=checkpoint.journal.mid_run,
            parents=parents,
            untitled=checkpoint.journal.untitled,
            heads=checkpoint.heads,
        )

    def _replay(self, lammps: Lammps, session: Session, checkpoint: Checkpoint) -> tuple[int, ...]:
        """Bring LAMMPS to the checkpoint; its own words about that stay out of the deck's log."""
        manifest, journal = checkpoint.manifest, checkpoint.journal
        lammps.ask("")  # its answer says that the banner with the version is out
        if self._version() != manifest.lammps_version:
            raise ResumeError(
                f"the run was begun with LAMMPS {manifest.lammps_version}, this is "
                f"{self._version()}: restart files do not cross versions"
            )
        for setting in journal.settings:
            session.files.told_again(setting.words)
        attempt, time_step = self.settings.attempt, manifest.time_step
        seeds = replay(lammps, journal, checkpoint.restart, time_step, attempt)
        if journal.log is not None:
            session.files.told_again(["log", journal.log])
            lammps.send(f"log {quoted(journal.log)}")
        if journal.box:
            session.box_made()
        return seeds

    def _origin(
        self, checkpoint: Checkpoint | None, chosen: Engine, seeds: tuple[int, ...]
    ) -> Origin:
        manifest = checkpoint.manifest if checkpoint else None
        return Origin(
            run_id=self.settings.run_id,
            attempt=self.settings.attempt,
            from_step=manifest.step if manifest else 0,
            parent=str(manifest.checkpoint_id) if manifest else None,
            lineage=manifest.segments if manifest else (),
            lammps_flags=chosen.flags,
            seeds=seeds,
        )

    def _finish(self, interpreter: Interpreter) -> Ended:
        assert self._lammps is not None
        assert self._session is not None
        assert self._committer is not None
        try:
            interpreter.execute()
            # Everything sent has been done once LAMMPS answers: only then is the book complete.
            self._lammps.ask("")
        except Stopped as stopped:
            return self._leave(stopped)
        self._lammps.close()
        journal, time_step = interpreter.journal, self._session.progress.time_step
        self._committer.complete(
            journal.steps_done,
            time_step,
            self._session.book.cut_all(),
            tuple(self._session.written),
        )
        self.reporter.update(step=journal.steps_done, time_step=time_step, eta_seconds=0.0)
        reason = "The deck reached its end."
        if interpreter.extensions_left > 0:
            reason += " That was a `quit`, so it was not extended."
        return Ended(ExitCode.COMPLETED, Ending.COMPLETED, reason)

    def _leave(self, stopped: Stopped) -> Ended:
        """Store a last checkpoint if the simulation stands at a step, and say how it went."""
        assert self._session is not None
        assert self._committer is not None
        ending = self._watch.ending or Ending.TERMINATED
        if stopped.step >= 0:
            self._session.write_checkpoint()
            progress = self._session.progress
            self.reporter.update(step=progress.step, time_step=progress.time_step)
        stored = self._committer.wait(self._watch.deadline - time.monotonic())
        status = self.reporter.status
        kept = f"step {status.checkpoint_step:,}" if status.checkpoint else "no checkpoint"
        note = "" if stored else " The last one was not stored in time."
        reason = f"Stopped by {ending.value} with {kept} stored.{note}"
        return Ended(ExitCode.CHECKPOINTED, ending, reason)

    def _take(self, snapshot: Snapshot) -> None:
        assert self._committer is not None
        self._pace.taken(snapshot.step, snapshot.stalled)
        self._disk.checkpoint_taken(snapshot.restart.stat().st_size)
        self._committer.take(snapshot)

    def _verified(self, checkpoint: CheckpointId) -> None:
        assert self._session is not None
        interval = self._pace.verified(checkpoint.step)
        self._session.pace(interval.seconds)
        status = self.reporter.status
        change: dict[str, object] = {
            "checkpoint_seconds": interval.seconds,
            "checkpoint_reason": interval.reason,
            "checkpoint": str(checkpoint),
            "checkpoint_step": checkpoint.step,
            "checkpoints_written": status.checkpoints_written + 1,
            "event": f"checkpoint at step {checkpoint.step:,} is verified",
        }
        if self._watch.notice_at is not None:
            waited = utc_now() - self._watch.notice_at
            change["notice_to_verified_seconds"] = waited.total_seconds()
        self.reporter.update(**change)

    def _not_stored(self, reason: str) -> None:
        troubles = (*self.reporter.status.troubles, f"{utc_now():%H:%M:%S} UTC, {reason}")
        self.reporter.update(event=f"not stored: {reason}", troubles=troubles[-TROUBLES:])

    def _stop(self, ending: Ending, notice: SpotNotice | None) -> None:
        when = f", the machine goes at {notice.time:%H:%M:%S} UTC" if notice else ""
        self.reporter.update(
            phase=Phase.STOPPING,
            notice_at=self._watch.notice_at,
            event=f"{ending.value}{when}: stopping at the next clean step",
        )
        if self._session is not None:
            self._session.stop()

    def _hasten(self) -> None:
        event = "AWS expects to interrupt this machine: the next checkpoint is written now"
        self.reporter.update(event=event)
        if self._session is not None:
            self._session.hasten()

    def _heartbeat(self) -> None:
        assert self._session is not None
        now = time.monotonic()
        if now > self._watch.deadline:
            raise Stopped(-1)
        if self._watch.ending is None:
            self._refuse_stall()
            if self._disk.is_short(now):
                self._watch.end(Ending.DISK_FULL, DISK_SECONDS)
        progress = self._session.progress
        total, speed = self.reporter.status.steps_total, progress.steps_per_second
        self.reporter.update(
            step=max(progress.step, self.reporter.status.from_step),
            time_step=progress.time_step,
            stage=progress.stage,
            steps_per_second=speed,
            eta_seconds=max(0, total - progress.step) / speed if total and speed else None,
        )

    def _refuse_stall(self) -> None:
        assert self._session is not None
        self._stall.refuse(time.monotonic(), self._session.signs, self._session.silence)

    def _version(self) -> str:
        assert self._lammps is not None
        if self._lammps_version is None:
            match = _VERSION.search(self._lammps.screen())
            self._lammps_version = match[1] if match else "unknown"
        return self._lammps_version


def _total_steps(run: Run) -> int | None:
    return None if run.total_steps is None else run.total_steps + sum(run.extensions)


def _parents(manifest: Manifest) -> frozenset[str]:
    """The files that a lineage has bytes of, to be gone on with."""
    parents: set[str] = set()
    for segment in manifest.segments:
        for output in segment.outputs:
            if output.kind is not OutputKind.APPEND:
                parents.discard(output.path)
            if output.kind is not OutputKind.WHOLE and output.size:
                parents.add(output.path)
    return frozenset(parents)
