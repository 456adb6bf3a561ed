"""The checkpoints of a run, and which have a readable manifest and all the files it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deckhand.domain import keys
from deckhand.domain.checkpoint import ladder
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import ManifestError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.usecases.ports import Bucket


class StoredCheckpoint(Frozen):
    """A checkpoint as it lies in S3; `size` is that of all its files.

    `flaw` says why nobody may trust it, and is empty for a verified one. `manifest` is None where
    it cannot be read.
    """

    checkpoint_id: CheckpointId
    size: int
    manifest: Manifest | None = None
    flaw: str = ""

    @property
    def verified(self) -> bool:
        return not self.flaw


def stored_checkpoints(
    runs: Bucket, run_id: str, sizes: Mapping[str, int]
) -> Iterator[StoredCheckpoint]:
    """In the order an attempt tries them; *sizes* lists the run's checkpoints."""
    found = {keys.parse_checkpoint(key) for key in sizes}
    for checkpoint in ladder([item for item in found if item is not None]):
        yield _inspected(runs, run_id, checkpoint, sizes)


def trusted_checkpoints(runs: Bucket, run_id: str, sizes: Mapping[str, int]) -> Iterator[Manifest]:
    """The manifests of the verified ones, in the same order."""
    for checkpoint in stored_checkpoints(runs, run_id, sizes):
        if checkpoint.manifest is not None and checkpoint.verified:
            yield checkpoint.manifest


def newest_checkpoint(runs: Bucket, run_id: str) -> Manifest | None:
    sizes = runs.sizes(keys.checkpoints(run_id))
    return next(trusted_checkpoints(runs, run_id, sizes), None)


def _inspected(
    runs: Bucket, run_id: str, checkpoint: CheckpointId, sizes: Mapping[str, int]
) -> StoredCheckpoint:
    folder = keys.checkpoint(run_id, checkpoint)
    here = {key.removeprefix(folder): size for key, size in sizes.items() if key.startswith(folder)}
    known = StoredCheckpoint(checkpoint_id=checkpoint, size=sum(here.values()))
    key = keys.manifest(run_id, checkpoint)
    content = runs.read(key) if key in sizes else None
    if content is None:
        return known.model_copy(update={"flaw": "it has no manifest"})
    try:
        manifest = read_manifest(content, run_id)
    except ManifestError as error:
        return known.model_copy(update={"flaw": str(error)})
    flaw = _flaw(manifest, checkpoint, here)
    return known.model_copy(update={"manifest": manifest, "flaw": flaw})


def _flaw(manifest: Manifest, checkpoint: CheckpointId, here: Mapping[str, int]) -> str:
    if manifest.checkpoint_id != checkpoint:
        return f"its manifest is that of checkpoint {manifest.checkpoint_id}"
    for file in manifest.files:
        if here.get(file.name) != file.size:
            found = f"{here[file.name]:,}" if file.name in here else "none"
            return f"{file.name} should have {file.size:,} bytes, but has {found}"
    return ""
