"""Makes checkpoints real: data first, what S3 holds of it checked, manifest last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import zstandard

from deckhand.domain import keys
from deckhand.domain.errors import StorageError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import (
    JOURNAL_NAME,
    RESTART_NAME,
    Manifest,
    RestartFile,
    Segment,
    StoredFile,
)
from deckhand.lammps.outputs import Cut
from deckhand.lammps.session import Snapshot
from deckhand.runner.digest import chunks_of, digest
from deckhand.runner.stored_outputs import Share, StoredOutputs
from deckhand.usecases.ports import Bucket

COMPRESSION_LEVEL: Final = 1
"""zstd -3 gains less than 10 % on restart files and takes longer."""

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
"""Between two tries to store the same checkpoint; each of them is tried again by the SDK too."""

COMPLETION_SECONDS: Final = 900.0
"""How long the end of a run waits for S3: what it would lose is computed again otherwise."""


@dataclass(frozen=True)
class Origin:
    """What all manifests of an attempt have in common."""

    run_id: str
    attempt: int
    from_step: int
    parent: str | None
    lineage: tuple[Segment, ...]
    lammps_flags: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass
class _Job:
    """A snapshot to be stored, with the outputs up to it.

    `packed` is its restart file, `manifest` what was last tried to be written: its reply may have
    been lost.
    """

    snapshot: Snapshot
    share: Share
    packed: Path | None = None
    manifest: bytes | None = None

    def drop(self) -> None:
        """Leave no file behind."""
        for path in filter(None, [self.snapshot.restart, self.packed]):
            path.unlink(missing_ok=True)


@dataclass
class Committer:
    """Stores the snapshots of one attempt, in order, while the simulation goes on.

    One is being stored, again and again while S3 does not take it, and one waits at most: a newer
    one takes its place, and its outputs with it. `verified` is called with each checkpoint that is
    whole in S3; `failed` with the reason each time one could not be stored.
    """

    bucket: Bucket
    outputs: StoredOutputs
    lammps_version: Callable[[], str]
    origin: Origin
    verified: Callable[[CheckpointId], None]
    failed: Callable[[str], None]
    _newest: CheckpointId | None = None
    _waiting: _Job | None = None
    _is_busy: bool = False
    _is_closing: bool = False
    _thread: threading.Thread | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, snapshot: Snapshot) -> None:
        """Store a snapshot in the background, with the files that are there now."""
        job = _Job(snapshot, self.outputs.share(snapshot.cuts))
        with self._changed:
            older, self._waiting = self._waiting, job
            if older is not None:
                job.share = older.share.left_to(job.share)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
                self._thread.start()
        if older is not None:
            older.drop()
            self.failed(f"checkpoint {older.snapshot.step}: there is a newer one already")

    def wait(self, seconds: float) -> bool:
        """Wait until everything taken is stored; False if the time was up before."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout=max(0.0, seconds))

    def keep(self) -> None:
        """LAMMPS is about to write files anew: copy what is not stored of them."""
        with self._changed:
            waiting = self.outputs.keep(self._waiting.share if self._waiting else None)
            if self._waiting is not None and waiting is not None:
                self._waiting.share = waiting

    def complete(
        self, step: int, time_step: int, cuts: Iterable[Cut], written: tuple[RestartFile, ...]
    ) -> None:
        """Write the completion manifest; raises what S3 raises if it does for too long."""
        self.outputs.add(self._close(self.outputs.share(cuts)))
        key = keys.completion(self.origin.run_id, self.origin.attempt)
        until = time.monotonic() + COMPLETION_SECONDS
        pause, manifest = FIRST_PAUSE_SECONDS, None
        while True:
            try:
                self.outputs.store()
                manifest = manifest or self._manifest(step, time_step, files=(), written=written)
                return self._create(key, manifest)
            except Exception as error:
                if time.monotonic() + pause > until:
                    raise
                self.failed(f"the end: {_told(error)}")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _is_idle(self) -> bool:
        return self._waiting is None and not self._is_busy

    def _close(self, last: Share) -> Share:
        """Let go of the checkpoints that are not stored: a run that is over needs none of them."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._waiting is None:
            return last
        self._waiting.drop()
        return self._waiting.share.left_to(last)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting is not None or self._is_closing)
                if self._waiting is None or self._is_closing:
                    return
                job, self._waiting = self._waiting, None
                self._is_busy = True
            self._persist(job)

    def _persist(self, job: _Job) -> None:
        """Store a checkpoint; while that fails, until there is a newer one."""
        self.outputs.add(job.share)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                self._commit(job)
                break
            except Exception as error:  # whatever it was, the simulation goes on
                self.failed(f"checkpoint {job.snapshot.step}: {_told(error)}")
            with self._changed:
                if self._changed.wait_for(
                    lambda: self._waiting is not None or self._is_closing, timeout=pause
                ):
                    break
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        job.drop()

    def _commit(self, job: _Job) -> None:
        snapshot = job.snapshot
        checkpoint = CheckpointId(snapshot.step, self.origin.attempt)
        if checkpoint == self._newest:
            return  # stopped at the very step of the last checkpoint: it is stored already
        if not self._is_there(keys.manifest(self.origin.run_id, checkpoint), job.manifest):
            self._store(job, checkpoint)
        self._newest = checkpoint
        self.verified(checkpoint)

    def _store(self, job: _Job, checkpoint: CheckpointId) -> None:
        run_id, snapshot = self.origin.run_id, job.snapshot
        if job.packed is None:
            job.packed = _compressed(snapshot.restart)
        restart = StoredFile(
            name=RESTART_NAME, size=job.packed.stat().st_size, sha256=digest(chunks_of(job.packed))
        )
        journal_text = snapshot.journal.model_dump_json().encode()
        journal = StoredFile(
            name=JOURNAL_NAME, size=len(journal_text), sha256=digest([journal_text])
        )
        self.bucket.write(keys.checkpoint_file(run_id, checkpoint, JOURNAL_NAME), journal_text)
        self.bucket.upload(keys.checkpoint_file(run_id, checkpoint, RESTART_NAME), job.packed)
        self.outputs.store()
        self._read_back(checkpoint, journal)  # `upload` has made sure of all the others
        job.manifest = self._manifest(
            snapshot.step, snapshot.time_step, files=(restart, journal), written=snapshot.written
        )
        self._create(keys.manifest(run_id, checkpoint), job.manifest)

    def _is_there(self, key: str, manifest: bytes | None) -> bool:
        """Whether it was written after all; raises StorageError if it says something else.

        Then it is of a twin of this attempt, whose files are not to be touched.
        """
        stored = self.bucket.read(key)
        if stored is not None and stored != manifest:
            raise StorageError(f"{key} is there already and says something else")
        return stored is not None

    def _read_back(self, checkpoint: CheckpointId, item: StoredFile) -> None:
        key = keys.checkpoint_file(self.origin.run_id, checkpoint, item.name)
        if digest(self.bucket.stream(key)) != item.sha256:
            raise StorageError(f"{key} does not read back as it was written")

    def _manifest(
        self,
        step: int,
        time_step: int,
        files: tuple[StoredFile, ...],
        written: tuple[RestartFile, ...],
    ) -> bytes:
        segment = Segment(
            attempt=self.origin.attempt,
            from_step=self.origin.from_step,
            to_step=step,
            outputs=self.outputs.outputs(),
            restart_files=written,
            seeds=self.origin.seeds,
        )
        manifest = Manifest(
            run_id=self.origin.run_id,
            step=step,
            time_step=time_step,
            attempt=self.origin.attempt,
            parent=self.origin.parent,
            created_at=datetime.now(UTC),
            files=files,
            lammps_version=self.lammps_version(),
            lammps_flags=self.origin.lammps_flags,
            segments=(*self.origin.lineage, segment),
        )
        return manifest.model_dump_json().encode()

    def _create(self, key: str, manifest: bytes) -> None:
        if not self.bucket.create(key, manifest):
            self._is_there(key, manifest)


def _compressed(source: Path) -> Path:
    target = source.with_suffix(".zst")
    with source.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).copy_stream(plain, packed)
    source.unlink()
    return target


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
