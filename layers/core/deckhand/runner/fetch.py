"""Brings a run's inputs and its newest whole checkpoint to this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import zstandard

from deckhand.domain import keys
from deckhand.domain.checkpoint import ladder
from deckhand.domain.errors import ManifestError, StorageError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import (
    JOURNAL_NAME,
    RESTART_NAME,
    Manifest,
    OutputKind,
    StoredFile,
    read_manifest,
)
from deckhand.domain.run import Run
from deckhand.lammps.journal import Journal
from deckhand.lammps.restart_file import restart_step
from deckhand.usecases.ports import Bucket


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on this machine, verified: manifest, journal, restart file."""

    manifest: Manifest
    journal: Journal
    restart: Path


def fetch_run(bucket: Bucket, run_id: str) -> Run:
    """Read run.json; raises StorageError where there is none."""
    text = bucket.read(keys.run_record(run_id))
    if text is None:
        raise StorageError(f"there is no {keys.run_record(run_id)}")
    return Run.model_validate_json(text)


def fetch_inputs(bucket: Bucket, run: Run, workspace: Path) -> None:
    """Write the frozen inputs below *workspace*; raises StorageError for a changed one."""
    for item in run.inputs:
        target = workspace / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = _save(bucket.stream(keys.deck(run.run_id, item.path)), target)
        if digest != item.sha256:
            raise StorageError(f"the input {item.path} is not the one that was admitted")


def find_checkpoint(
    bucket: Bucket, run_id: str, planned: CheckpointId, directory: Path, skipped: list[str]
) -> Checkpoint | None:
    """The planned checkpoint or, where it does not verify, the next one down the ladder.

    Each that is passed over is added to *skipped* with the reason; None if none is left.
    """
    known = [
        parsed[1]
        for key in bucket.sizes(keys.checkpoints(run_id))
        if (parsed := keys.parse_manifest(key))
    ]
    for candidate in ladder([found for found in known if found <= planned]):
        try:
            return _fetch_checkpoint(bucket, run_id, candidate, directory)
        except (ManifestError, StorageError, ValueError, zstandard.ZstdError) as error:
            skipped.append(f"{candidate}: {error}")
    return None


def fetch_whole_outputs(bucket: Bucket, checkpoint: Checkpoint, workspace: Path) -> None:
    """Bring back the complete files that earlier attempts wrote: the deck may read them again.

    Trajectories of one file per frame stay where they are.
    """
    manifest = checkpoint.manifest
    frames = [
        PurePosixPath(setting.words[5]).name
        for setting in checkpoint.journal.of("dump")
        if "*" in setting.words[5]
    ]
    newest = {
        output.path: (segment.attempt, output)
        for segment in manifest.segments
        for output in segment.outputs
    }
    for path, (attempt, output) in newest.items():
        if output.kind is not OutputKind.WHOLE:
            continue
        if any(fnmatchcase(PurePosixPath(path).name, frame) for frame in frames):
            continue
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        for piece in output.pieces:
            key = keys.output_piece(manifest.run_id, attempt, path, piece.begin)
            if _save(bucket.stream(key), target) != piece.sha256:
                raise StorageError(f"the output {path} of attempt {attempt} is damaged")


def fetch_heads(bucket: Bucket, checkpoint: Checkpoint) -> dict[str, bytes]:
    """What those outputs begin with whose first bytes tell how much there is."""
    heads: dict[str, bytes] = {}
    manifest = checkpoint.manifest
    for segment in manifest.segments:
        for output in segment.outputs:
            if output.kind is not OutputKind.APPEND:
                heads.pop(output.path, None)
            if output.head is not None:
                key = keys.output_head(
                    manifest.run_id, segment.attempt, output.path, output.head.begin
                )
                heads[output.path] = _read(bucket, key, output.head.sha256)
    return heads


def _read(bucket: Bucket, key: str, sha256: str) -> bytes:
    body = bucket.read(key)
    if body is None or hashlib.sha256(body).hexdigest() != sha256:
        raise StorageError(f"{key} is damaged")
    return body


def _fetch_checkpoint(
    bucket: Bucket, run_id: str, checkpoint: CheckpointId, directory: Path
) -> Checkpoint:
    text = bucket.read(keys.manifest(run_id, checkpoint))
    if text is None:
        raise ManifestError("the manifest is gone")
    manifest = read_manifest(text, run_id)
    if manifest.checkpoint_id != checkpoint:
        raise ManifestError(f"the manifest belongs to checkpoint {manifest.checkpoint_id}")
    files = {item.name: item for item in manifest.files}
    if not {RESTART_NAME, JOURNAL_NAME} <= files.keys():
        raise ManifestError("the manifest names no restart file or no journal")
    packed = directory / RESTART_NAME
    _fetch_file(bucket, run_id, checkpoint, files[RESTART_NAME], packed)
    plain = directory / "resume.restart"
    with packed.open("rb") as source, plain.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
    packed.unlink()
    if restart_step(plain) != manifest.time_step:
        raise StorageError(f"the restart file does not stand at time step {manifest.time_step}")
    journal = directory / JOURNAL_NAME
    _fetch_file(bucket, run_id, checkpoint, files[JOURNAL_NAME], journal)
    return Checkpoint(manifest, Journal.model_validate_json(journal.read_bytes()), plain)


def _fetch_file(
    bucket: Bucket, run_id: str, checkpoint: CheckpointId, item: StoredFile, target: Path
) -> None:
    digest = _save(bucket.stream(keys.checkpoint_file(run_id, checkpoint, item.name)), target)
    if target.stat().st_size != item.size or digest != item.sha256:
        raise StorageError(f"{item.name} is not what its manifest says")


def _save(chunks: Iterator[bytes], target: Path) -> str:
    hasher = hashlib.sha256()
    with target.open("wb") as file:
        for chunk in chunks:
            hasher.update(chunk)
            file.write(chunk)
    return hasher.hexdigest()
