"""Brings a run's inputs and its newest whole checkpoint to this machine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import zstandard

from deckhand.domain import keys
from deckhand.domain.errors import ManifestError, StorageError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import (
    JOURNAL_NAME,
    RESTART_NAME,
    Manifest,
    Output,
    OutputKind,
    StoredFile,
    read_manifest,
)
from deckhand.domain.run import InputFile, Run
from deckhand.lammps.journal import Journal
from deckhand.lammps.restart_file import restart_step
from deckhand.runner.digest import chunks_of, digest
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket
from deckhand.usecases.trusted_checkpoints import stored_checkpoints


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on this machine, verified: manifest, journal, restart file.

    `outputs` is a folder with the complete files that earlier attempts wrote: the deck may read
    them again. `heads` are what those outputs begin with whose first bytes tell how much there is.
    """

    manifest: Manifest
    journal: Journal
    restart: Path
    outputs: Path
    heads: dict[str, bytes]

    def place_outputs(self, workspace: Path) -> None:
        """Put the complete files where the deck left them."""
        shutil.copytree(self.outputs, workspace, dirs_exist_ok=True, copy_function=shutil.move)
        shutil.rmtree(self.outputs)


def fetch_run(bucket: Bucket, run_id: str) -> Run:
    """Read run.json; raises StorageError where there is none."""
    text = bucket.read(keys.run_record(run_id))
    if text is None:
        raise StorageError(f"there is no {keys.run_record(run_id)}")
    return Run.model_validate_json(text)


def fetch_inputs(bucket: Bucket, run: Run, workspace: Path) -> None:
    """Write the frozen inputs below *workspace*; raises StorageError for a changed one.

    Those of a point of a sweep lie with its parent.
    """
    fetch_files(bucket, run.parent or run.run_id, run.inputs, workspace)


def fetch_files(bucket: Bucket, owner: str, inputs: Sequence[InputFile], workspace: Path) -> None:
    """Write the inputs that are frozen with the run *owner* below *workspace*; raises as above."""

    def fetch(item: InputFile) -> None:
        target = workspace / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        found = _save(bucket.stream(keys.deck(owner, item.path)), target)
        if found != item.sha256:
            raise StorageError(f"the input {item.path} is not the one that was admitted")

    in_parallel(fetch, inputs)


def find_checkpoint(
    bucket: Bucket, run_id: str, planned: CheckpointId | None, directory: Path, skipped: list[str]
) -> Checkpoint | None:
    """The planned checkpoint or, where it does not verify, the next one down the ladder.

    Each that is passed over is added to *skipped* with the reason, those further on that the plan
    did not trust as well; None if none is left. A whole one further on is of another attempt and
    came after the plan; one without a manifest is an upload that never ended.
    """
    sizes = bucket.sizes(keys.checkpoints(run_id))
    for stored in stored_checkpoints(bucket, run_id, sizes):
        checkpoint = stored.checkpoint_id
        if keys.manifest(run_id, checkpoint) not in sizes:
            continue
        if stored.manifest is None or not stored.verified:
            skipped.append(f"{checkpoint}: {stored.flaw}")
        elif planned is not None and checkpoint <= planned:
            try:
                return _fetch_checkpoint(bucket, stored.manifest, directory)
            except (ManifestError, StorageError, ValueError, zstandard.ZstdError) as error:
                skipped.append(f"{checkpoint}: {error}")
    return None


def flags_of(bucket: Bucket, run_id: str, checkpoint: CheckpointId) -> tuple[str, ...] | None:
    """The flags of LAMMPS that a checkpoint was written with, which all of a run share.

    None where its manifest cannot be read.
    """
    content = bucket.read(keys.manifest(run_id, checkpoint))
    try:
        return None if content is None else read_manifest(content, run_id).lammps_flags
    except ManifestError:
        return None


def fetch_whole_outputs(
    bucket: Bucket, manifest: Manifest, journal: Journal, directory: Path
) -> None:
    """Bring the complete files that earlier attempts wrote below *directory*.

    Trajectories of one file per frame stay where they are. Raises StorageError for a damaged one.
    """
    frames = [
        PurePosixPath(setting.words[5]).name
        for setting in journal.of("dump")
        if "*" in setting.words[5]
    ]
    newest = {
        output.path: (segment.attempt, output)
        for segment in manifest.segments
        for output in segment.outputs
    }

    def fetch(item: tuple[str, tuple[int, Output]]) -> None:
        path, (attempt, output) = item
        is_frame = any(fnmatchcase(PurePosixPath(path).name, frame) for frame in frames)
        if output.kind is not OutputKind.WHOLE or is_frame:
            return
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        for piece in output.pieces:
            key = keys.output_piece(manifest.run_id, attempt, path, piece.begin, piece.sha256)
            if _save(bucket.stream(key), target) != piece.sha256:
                raise StorageError(f"the output {path} of attempt {attempt} is damaged")

    in_parallel(fetch, newest.items())


def fetch_heads(bucket: Bucket, manifest: Manifest) -> dict[str, bytes]:
    """What the outputs begin with that have a head; raises StorageError for a damaged one."""
    heads: dict[str, bytes] = {}
    for segment in manifest.segments:
        for output in segment.outputs:
            if output.kind is not OutputKind.APPEND:
                heads.pop(output.path, None)
            if (head := output.head) is not None:
                key = keys.output_head(
                    manifest.run_id, segment.attempt, output.path, head.begin, head.sha256
                )
                heads[output.path] = _read(bucket, key, head.sha256)
    return heads


def _read(bucket: Bucket, key: str, sha256: str) -> bytes:
    body = bucket.read(key)
    if body is None or hashlib.sha256(body).hexdigest() != sha256:
        raise StorageError(f"{key} is damaged")
    return body


def _fetch_checkpoint(bucket: Bucket, manifest: Manifest, directory: Path) -> Checkpoint:
    run_id, checkpoint = manifest.run_id, manifest.checkpoint_id
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
    text = directory / JOURNAL_NAME
    _fetch_file(bucket, run_id, checkpoint, files[JOURNAL_NAME], text)
    journal = Journal.model_validate_json(text.read_bytes())
    outputs = directory / "outputs"
    shutil.rmtree(outputs, ignore_errors=True)  # those of a checkpoint that did not verify
    outputs.mkdir()
    fetch_whole_outputs(bucket, manifest, journal, outputs)
    return Checkpoint(manifest, journal, plain, outputs, fetch_heads(bucket, manifest))


def _fetch_file(
    bucket: Bucket, run_id: str, checkpoint: CheckpointId, item: StoredFile, target: Path
) -> None:
    bucket.download(keys.checkpoint_file(run_id, checkpoint, item.name), target)
    if target.stat().st_size != item.size or digest(chunks_of(target)) != item.sha256:
        raise StorageError(f"{item.name} is not what its manifest says")


def _save(chunks: Iterator[bytes], target: Path) -> str:
    hasher = hashlib.sha256()
    with target.open("wb") as file:
        for chunk in chunks:
            hasher.update(chunk)
            file.write(chunk)
    return hasher.hexdigest()
