"""Makes checkpoints real: data first, read back, manifest last."""

from __future__ import annotations

import fnmatch
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
    RestartFile,
    Segment,
    StoredFile,
)
from deckhand.lammps.outputs import Cut
from deckhand.lammps.packing import packed
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
    _heads: dict[str, Piece] = field(default_factory=dict)
    _anew: set[str] = field(default_factory=set)
    _whole: dict[str, _WholeFile] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def take(self, snapshot: Snapshot) -> None:
        """Store a snapshot in the background, with the files that are there now.

        One that comes later must not be known to a run that is resumed from here.
        """
        self._last = self._pool.submit(self._attempt, snapshot, self._whole_files())

    def wait(self, seconds: float) -> bool:
        """Wait until everything taken is stored or has failed; False if the time was up before."""
        if self._last is None:
            return True
        done, _ = wait([self._last], timeout=max(0.0, seconds))
        return bool(done)

    def drain(self) -> None:
        """Wait until the bytes of everything taken have been read, or could not be stored."""
        self.wait(DRAIN_SECONDS)

    def complete(
        self, step: int, time_step: int, cuts: Iterable[Cut], written: tuple[RestartFile, ...]
    ) -> None:
        """Write the completion manifest; raises StorageError or an AWS error."""
        self._pool.shutdown(wait=True)
        self._unsent.extend(cuts)
        self._store_outputs(self._whole_files())
        manifest = self._manifest(step, time_step, files=(), written=written)
        self._create(keys.completion(self.origin.run_id, self.origin.attempt), manifest)

    def _attempt(self, snapshot: Snapshot, whole: dict[str, int]) -> None:
        self._unsent.extend(snapshot.cuts)
        try:
            self._commit(snapshot, whole)
        except Exception as error:  # whatever it was, the simulation goes on
            self.failed(f"checkpoint {snapshot.step}: {type(error).__name__}: {error}")
            raise
        finally:
            snapshot.restart.unlink(missing_ok=True)

    def _commit(self, snapshot: Snapshot, whole: dict[str, int]) -> None:
        checkpoint = CheckpointId(snapshot.step, self.origin.attempt)
        if checkpoint == self._newest:
            return  # stopped at the very step of the last checkpoint: it is stored already
        restart_file = snapshot.restart.with_suffix(".zst")
        _compress(snapshot.restart, restart_file)
        restart = StoredFile(
            name=RESTART_NAME,
            size=restart_file.stat().st_size,
            sha256=_digest(_chunks(restart_file)),
        )
        journal_text = snapshot.journal.model_dump_json().encode()
        journal = StoredFile(
            name=JOURNAL_NAME, size=len(journal_text), sha256=_digest([journal_text])
        )
        run_id = self.origin.run_id
        self.bucket.write(keys.checkpoint_file(run_id, checkpoint, JOURNAL_NAME), journal_text)
        self.bucket.upload(keys.checkpoint_file(run_id, checkpoint, RESTART_NAME), restart_file)
        restart_file.unlink()
        self._store_outputs(whole)
        for item in (restart, journal):
            self._read_back(checkpoint, item)
        manifest = self._manifest(
            snapshot.step, snapshot.time_step, files=(restart, journal), written=snapshot.written
        )
        self._create(keys.manifest(run_id, checkpoint), manifest)
        self._newest = checkpoint
        self.verified(checkpoint)

    def _store_outputs(self, whole: dict[str, int]) -> None:
        while self._unsent:
            self._store_cut(self._unsent[0])
            self._unsent.pop(0)
        for path in self._whole.keys() - whole.keys():
            self._forget(path)  # LAMMPS has removed it: `dump_modify maxfiles`
        for path, modified in whole.items():
            known = self._whole.get(path)
            if modified == (known.modified if known else self.inputs.get(path)):
                continue
            piece = self._store_file(path)
            if piece is not None:
                self._whole[path] = _WholeFile(modified, piece)
                self._gone.discard(path)

    def _store_cut(self, cut: Cut) -> None:
        if cut.gone:
            self._remove(cut.path)
            return
        piece = self._store_range(cut) if cut.end > cut.begin else None
        head = self._store_head(cut) if cut.head else None
        self._gone.discard(cut.path)
        if cut.anew:
            self._forget(cut.path)
            self._anew.add(cut.path)
        if head is not None:
            self._heads[cut.path] = head
        self._pieces.setdefault(cut.path, []).extend([piece] if piece else [])

    def _remove(self, pattern: str) -> None:
        of_others = {output.path for seg in self.origin.lineage for output in seg.outputs}
        for path in fnmatch.filter({*self._pieces, *self._whole, *of_others}, pattern):
            self._forget(path)
            self._gone.add(path)

    def _forget(self, path: str) -> None:
        """Nothing of a file that was stored is left in the results."""
        for known in (self._whole, self._pieces, self._heads):
            known.pop(path, None)
        self._anew.discard(path)

    def _store_range(self, cut: Cut) -> Piece:
        begin = cut.base + cut.begin
        key = keys.output_piece(self.origin.run_id, self.origin.attempt, cut.path, begin)
        chunks = cut.chunks(self.workspace, _CHUNK)
        if cut.packing is not None:
            chunks = packed(chunks, cut.packing)
        if cut.end - cut.begin <= IN_MEMORY:
            body = b"".join(chunks)
            self.bucket.write(key, body)
            return Piece(begin=begin, size=len(body), sha256=_digest([body]))
        part = self.workspace.parent / "part"
        with part.open("wb") as file:
            file.writelines(chunks)
        piece = Piece(begin=begin, size=part.stat().st_size, sha256=_digest(_chunks(part)))
        self.bucket.upload(key, part)
        part.unlink()
        return piece

    def _store_head(self, cut: Cut) -> Piece:
        """What the file begins with, as of this cut; it is numbered by where the cut ends."""
        version = cut.base + cut.end
        key = keys.output_head(self.origin.run_id, self.origin.attempt, cut.path, version)
        self.bucket.write(key, cut.head)
        return Piece(begin=version, size=len(cut.head), sha256=_digest([cut.head]))

    def _store_file(self, path: str) -> Piece | None:
        """A file that is complete in itself; `begin` numbers its versions within the attempt.

        It is copied first: the deck may be writing it anew. None if LAMMPS has removed it.
        """
        version = self._versions.get(path, 0)
        key = keys.output_piece(self.origin.run_id, self.origin.attempt, path, version)
        part = self.workspace.parent / "part"
        try:
            shutil.copyfile(self.workspace / path, part)
        except FileNotFoundError:
            return None
        digest, size = _digest(_chunks(part)), part.stat().st_size
        self.bucket.upload(key, part)
        part.unlink()
        self._versions[path] = version + 1
        return Piece(begin=version, size=size, sha256=digest)

    def _whole_files(self) -> dict[str, int]:
        """The files that no cut speaks for, with their modification times."""
        appended = self.appended()
        found = {}
        for source in self.workspace.rglob("*"):
            path = source.relative_to(self.workspace).as_posix()
            if path not in appended and not source.is_symlink() and source.is_file():
                found[path] = _modified(source)
        return {path: modified for path, modified in found.items() if modified is not None}

    def _read_back(self, checkpoint: CheckpointId, item: StoredFile) -> None:
        key = keys.checkpoint_file(self.origin.run_id, checkpoint, item.name)
        if _digest(self.bucket.stream(key)) != item.sha256:
            raise StorageError(f"{key} does not read back as it was written")

    def _manifest(
        self,
        step: int,
        time_step: int,
        files: tuple[StoredFile, ...],
        written: tuple[RestartFile, ...],
    ) -> Manifest:
        appended = [
            Output(
                path=path,
                kind=OutputKind.ANEW if path in self._anew else OutputKind.APPEND,
                pieces=tuple(pieces),
                head=self._heads.get(path),
            )
            for path, pieces in self._pieces.items()
        ]
        whole = [
            Output(path=path, kind=OutputKind.WHOLE, pieces=(known.piece,))
            for path, known in self._whole.items()
        ]
        gone = [Output(path=path, kind=OutputKind.GONE, pieces=()) for path in sorted(self._gone)]
        segment = Segment(
            attempt=self.origin.attempt,
            from_step=self.origin.from_step,
            to_step=step,
            outputs=(*appended, *whole, *gone),
            restart_files=written,
            seeds=self.origin.seeds,
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
        )

    def _create(self, key: str, manifest: Manifest) -> None:
        body = manifest.model_dump_json().encode()
        if not self.bucket.create(key, body) and self.bucket.read(key) != body:
            raise StorageError(f"{key} is there already and says something else")


def _modified(file: Path) -> int | None:
    """The modification time; None for a file that LAMMPS has removed meanwhile."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).copy_stream(plain, packed)


def _digest(chunks: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
