"""The checkpoints of a run that have a readable manifest and all the files it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deckhand.domain import keys
from deckhand.domain.checkpoint import ladder
from deckhand.domain.errors import ManifestError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.usecases.ports import Bucket


def trusted_checkpoints(runs: Bucket, run_id: str, sizes: Mapping[str, int]) -> Iterator[Manifest]:
    """Manifests in the order an attempt tries them; *sizes* lists the run's checkpoints."""
    found = (keys.parse_manifest(key) for key in sizes)
    for checkpoint in ladder([item[1] for item in found if item is not None]):
        manifest = _read(runs, run_id, checkpoint)
        if manifest is not None and _is_whole(manifest, run_id, sizes):
            yield manifest


def newest_checkpoint(runs: Bucket, run_id: str) -> Manifest | None:
    sizes = runs.sizes(keys.checkpoints(run_id))
    return next(trusted_checkpoints(runs, run_id, sizes), None)


def _read(runs: Bucket, run_id: str, checkpoint: CheckpointId) -> Manifest | None:
    content = runs.read(keys.manifest(run_id, checkpoint))
    if content is None:
        return None
    try:
        manifest = read_manifest(content, run_id)
    except ManifestError:
        return None
    return manifest if manifest.checkpoint_id == checkpoint else None


def _is_whole(manifest: Manifest, run_id: str, sizes: Mapping[str, int]) -> bool:
    return all(
        sizes.get(keys.checkpoint_file(run_id, manifest.checkpoint_id, file.name)) == file.size
        for file in manifest.files
    )
