"""Makes checkpoints real: data first, read back, manifest last."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
    Output,
    OutputKind,
    Piece,
    Segment,
    StoredFile,
)
from deckhand.lammps.outputs import Cut
from deckhand.lammps.session import Snapshot
from deckhand.usecases.ports import Bucket

COMPRESSION_LEVEL: Final = 1
"""zstd -3 gains less than 10 % on restart files and takes longer."""

IN_MEMORY: Final = 32 * 1024 * 1024
DRAIN_SECONDS: Final = 600.0
_CHUNK: Final = 1024 * 1024


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


@dataclass(frozen=True)
class _WholeFile:
    modified: int
    piece: Piece


@dataclass
class Committer:
    """Stores the snapshots of one attempt, in order, while the simulation goes on.

    `appended` names the files that the cuts of snapshots speak for, as of now: they may become
    more while a snapshot is being stored. `verified` is called with each checkpoint that is whole
    in S3; `failed` with the reason when one could not be stored: its output is carried over to
    the next.
    """

    bucket: Bucket
    workspace: Path
    inputs: dict[str, int]
    lammps_version: Callable[[], str]
    origin: Origin
    appended: Callable[[], frozenset[str]]
    verified: Callable[[CheckpointId], None]
    failed: Callable[[str], None]
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
    )
    _last: Future[None] | None = None
    _newest: CheckpointId | None = None
    _unsent: list[Cut] = field(default_factory=list)
    _pieces: dict[str, list[Piece]] = field(default_factory=dict)
    _anew: set[str] = field(default_factory=set)
    _whole: dict[str, _WholeFile] = field(default_factory=dict)

    def take(self, snapshot: Snapshot) -> None:
        """Store a snapshot in the background."""
        self._last = self._pool.submit(self._attempt, snapshot)

    def wait(self, seconds: float) -> bool:
        """Wait until everything taken is stored or has failed; False if the time was up before."""
        if self._last is None:
            return True
        done, _ = wait([self._last], timeout=max(0.0, seconds))
        return bool(done)

    def drain(self) -> None:
        """Wait until the bytes of everything taken have been read, or could not be stored."""
        self.wait(DRAIN_SECONDS)

    def complete(self, step: int, time_step: int, cuts: Iterable[Cut]) -> None:
        """Write the completion manifest; raises StorageError or an AWS error."""
        self._pool.shutdown(wait=True)
        self._unsent.extend(cuts)
        self._store_outputs()
        manifest = self._manifest(step, time_step, files=())
        self._create(keys.completion(self.origin.run_id, self.origin.attempt), manifest)

    def _attempt(self, snapshot: Snapshot) -> None:
        self._unsent.extend(snapshot.cuts)
        try:
            self._commit(snapshot)
        except Exception as error:  # whatever it was, the simulation goes on
            self.failed(f"checkpoint {snapshot.step}: {type(error).__name__}: {error}")
            raise
        finally:
            snapshot.restart.unlink(missing_ok=True)

    def _commit(self, snapshot: Snapshot) -> None:
        checkpoint = CheckpointId(snapshot.step, self.origin.attempt)
        if checkpoint == self._newest:
            return  # stopped at the very step of the last checkpoint: it is stored already
        packed = snapshot.restart.with_suffix(".zst")
        _compress(snapshot.restart, packed)
        restart = StoredFile(
            name=RESTART_NAME, size=packed.stat().st_size, sha256=_digest(_chunks(packed))
        )
        journal_text = snapshot.journal.model_dump_json().encode()
        journal = StoredFile(
            name=JOURNAL_NAME, size=len(journal_text), sha256=_digest([journal_text])
        )
        run_id = self.origin.run_id
        self.bucket.write(keys.checkpoint_file(run_id, checkpoint, JOURNAL_NAME), journal_text)
        self.bucket.upload(keys.checkpoint_file(run_id, checkpoint, RESTART_NAME), packed)
        packed.unlink()
        self._store_outputs()
        for item in (restart, journal):
            self._read_back(checkpoint, item)
        manifest = self._manifest(snapshot.step, snapshot.time_step, files=(restart, journal))
        self._create(keys.manifest(run_id, checkpoint), manifest)
        self._newest = checkpoint
        self.verified(checkpoint)

    def _store_outputs(self) -> None:
        while self._unsent:
            cut = self._unsent[0]
            piece = self._store_range(cut) if cut.end > cut.begin else None
            if cut.anew:
                self._anew.add(cut.path)
                self._whole.pop(cut.path, None)
                self._pieces[cut.path] = []
            if piece is not None:
                self._pieces.setdefault(cut.path, []).append(piece)
            self._unsent.pop(0)
        for path, modified in self._changed_files():
            known = self._whole.get(path)
            version = known.piece.begin + 1 if known else 0
            piece = self._store_file(path, version)
            self._whole[path] = _WholeFile(modified, piece)

    def _store_range(self, cut: Cut) -> Piece:
        begin = cut.base + cut.begin
        key = keys.output_piece(self.origin.run_id, self.origin.attempt, cut.path, begin)
        source, size = self.workspace / cut.path, cut.end - cut.begin
        digest = _digest(_range(source, cut.begin, size))
        if size <= IN_MEMORY:
            self.bucket.write(key, b"".join(_range(source, cut.begin, size)))
        else:
            part = self.workspace.parent / "part"
            with part.open("wb") as file:
                file.writelines(_range(source, cut.begin, size))
            self.bucket.upload(key, part)
            part.unlink()
        return Piece(begin=begin, size=size, sha256=digest)

    def _store_file(self, path: str, version: int) -> Piece:
        """A file that is complete in itself; `begin` numbers its versions within the attempt.

        It is copied first: the deck may be writing it anew.
        """
        key = keys.output_piece(self.origin.run_id, self.origin.attempt, path, version)
        part = self.workspace.parent / "part"
        shutil.copyfile(self.workspace / path, part)
        digest, size = _digest(_chunks(part)), part.stat().st_size
        self.bucket.upload(key, part)
        part.unlink()
        return Piece(begin=version, size=size, sha256=digest)

    def _changed_files(self) -> Iterator[tuple[str, int]]:
        """Files the deck wrote that no cut speaks for, with their modification times."""
        for source in self.workspace.rglob("*"):
            if source.is_symlink() or not source.is_file():
                continue
            path = source.relative_to(self.workspace).as_posix()
            modified = source.stat().st_mtime_ns
            known = self._whole.get(path)
            seen = known.modified if known else self.inputs.get(path)
            if modified != seen and path not in self.appended():
                yield path, modified

    def _read_back(self, checkpoint: CheckpointId, item: StoredFile) -> None:
        key = keys.checkpoint_file(self.origin.run_id, checkpoint, item.name)
        if _digest(self.bucket.stream(key)) != item.sha256:
            raise StorageError(f"{key} does not read back as it was written")

    def _manifest(self, step: int, time_step: int, files: tuple[StoredFile, ...]) -> Manifest:
        appended = [
            Output(
                path=path,
                kind=OutputKind.ANEW if path in self._anew else OutputKind.APPEND,
                pieces=tuple(pieces),
            )
            for path, pieces in self._pieces.items()
        ]
        whole = [
            Output(path=path, kind=OutputKind.WHOLE, pieces=(known.piece,))
            for path, known in self._whole.items()
        ]
        segment = Segment(
            attempt=self.origin.attempt,
            from_step=self.origin.from_step,
            to_step=step,
            outputs=(*appended, *whole),
        )
        return Manifest(
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
            seeds=self.origin.seeds,
        )

    def _create(self, key: str, manifest: Manifest) -> None:
        body = manifest.model_dump_json().encode()
        if not self.bucket.create(key, body) and self.bucket.read(key) != body:
            raise StorageError(f"{key} is there already and says something else")


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).copy_stream(plain, packed)


def _digest(chunks: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    return _range(path, 0, path.stat().st_size)


def _range(path: Path, begin: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        left = size
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
