"""Delete the checkpoints that a run no longer needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from deckhand.domain import checkpoint, keys
from deckhand.domain.checkpoint import prunable
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints


@dataclass(frozen=True)
class PruneCheckpoints:
    runs: Bucket
    ledger: Ledger
    keep: int = checkpoint.KEEP

    def __call__(self, key: str) -> list[CheckpointId]:
        """The checkpoints deleted, now that *key* was written, if that is a manifest or a report.

        A report closes its run, and the checkpoint its last attempt resumed from is free to go.
        What is there decides, so events may be lost, doubled or late.
        """
        manifest = keys.parse_manifest(key)
        run_id = manifest[0] if manifest else keys.parse_report(key)
        record = self.ledger.run(run_id) if run_id else None
        return self._prune(record) if record else []

    def _prune(self, record: RunRecord) -> list[CheckpointId]:
        run_id = record.run_id
        sizes = self.runs.sizes(keys.checkpoints(run_id))
        trusted = {
            manifest.checkpoint_id for manifest in trusted_checkpoints(self.runs, run_id, sizes)
        }
        protected = _in_use(record)
        keep = max(self.keep, checkpoint.KEEP)
        gone = prunable(trusted, protected, keep)
        gone += _torn(sizes, trusted, protected, keep)
        for item in gone:
            self._delete(run_id, item, sizes)
        return sorted(gone)

    def _delete(self, run_id: str, item: CheckpointId, sizes: Iterable[str]) -> None:
        """Manifest first: nobody may trust a checkpoint that is half gone."""
        manifest = keys.manifest(run_id, item)
        self.runs.delete([manifest])
        folder = keys.checkpoint(run_id, item)
        self.runs.delete([key for key in sizes if key.startswith(folder) and key != manifest])


def _in_use(record: RunRecord) -> set[CheckpointId]:
    """The checkpoints that attempts without a verdict resumed from."""
    return {
        CheckpointId.parse(attempt.resumed_from)
        for attempt in record.attempts
        if attempt.verdict is None and attempt.resumed_from is not None
    }


def _torn(
    sizes: Iterable[str],
    trusted: Collection[CheckpointId],
    protected: Collection[CheckpointId],
    keep: int,
) -> list[CheckpointId]:
    """Checkpoints that are not whole and lie behind all that are kept.

    One further on may be an upload that has not finished.
    """
    kept = checkpoint.ladder(trusted)[:keep]
    if len(kept) < keep:
        return []
    found = {keys.parse_checkpoint(key) for key in sizes}
    return [
        item
        for item in found
        if item is not None and item not in trusted and item not in protected and item < kept[-1]
    ]
