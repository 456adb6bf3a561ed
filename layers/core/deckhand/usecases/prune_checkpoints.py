"""Delete the checkpoints that a run no longer needs, and what a closed one has left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass

from deckhand.domain import checkpoint, keys
from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.checkpoint import ladder, prunable
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest
from deckhand.domain.status import Phase
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.sweep_outputs import unnamed_outputs
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints


@dataclass(frozen=True)
class PruneCheckpoints:
    runs: Bucket
    ledger: Ledger
    keep: int = checkpoint.KEEP

    def __call__(self, key: str) -> list[CheckpointId]:
        """The checkpoints deleted, now that *key* was written, if that is a manifest or a report.

        A report closes its run: the checkpoint its last attempt resumed from is free to go, and so
        is all that an attempt has left unfinished.
        What is there decides, so events may be lost, doubled or late.
        """
        manifest = keys.parse_manifest(key)
        run_id = manifest[0] if manifest else keys.parse_report(key)
        record = self.ledger.run(run_id) if run_id else None
        return self._prune(record) if record else []

    def _prune(self, record: RunRecord) -> list[CheckpointId]:
        """Keep the furthest of the run, and those on the way of each attempt that lives.

        An attempt that was given up may still be at work, and further on than its successor.
        """
        run_id, keep = record.run_id, max(self.keep, checkpoint.KEEP)
        sizes = self.runs.sizes(keys.checkpoints(run_id))
        stored = {found for key in sizes if (found := keys.parse_checkpoint(key))}
        trusted = {
            manifest.checkpoint_id: manifest
            for manifest in trusted_checkpoints(self.runs, run_id, sizes)
        }
        sound = trusted.keys() - self._passed_over(record)
        protected = self._protected(record, trusted, sound, keep)
        gone = prunable(sound, protected, keep)
        gone += _sweepable(
            record,
            torn=stored - trusted.keys() - protected,
            damaged=trusted.keys() - sound - protected,
            last_kept=ladder(sound)[keep - 1] if len(sound) >= keep else None,
        )
        for item in gone:
            self._delete(run_id, item, sizes)
        if record.closed_at is not None:
            kept = [manifest for item, manifest in trusted.items() if item not in gone]
            self.runs.delete(unnamed_outputs(self.runs, record, kept))
        return sorted(gone)

    def _passed_over(self, record: RunRecord) -> set[CheckpointId]:
        """The checkpoints that the newest attempt to say so found damaged when it read them.

        Every attempt looks at them from the furthest on, so that it finds them all again.
        """
        for attempt in reversed(record.attempts):
            status = read_status(self.runs, record.run_id, attempt.number)
            if status is not None and (status.skipped or status.phase is not Phase.FETCHING):
                return {*_named_in(text.partition(":")[0] for text in status.skipped)}
        return set()

    def _protected(
        self,
        record: RunRecord,
        trusted: Mapping[CheckpointId, Manifest],
        sound: Set[CheckpointId],
        keep: int,
    ) -> set[CheckpointId]:
        """What attempts that live resumed from, and the furthest that each may fall back to.

        It wrote those itself, or came past them before it was planned.
        """
        protected: set[CheckpointId] = set()
        for attempt in record.attempts:
            if attempt.verdict is None:
                origins = self._origins(record.run_id, attempt)
                origin = trusted.get(origins[0]) if origins else None
                way = [
                    item
                    for item in sound
                    if item.attempt == attempt.number or (origin and origin.leads_past(item))
                ]
                protected |= {*origins, *ladder(way)[:keep]}
        return protected

    def _origins(self, run_id: str, attempt: AttemptRecord) -> list[CheckpointId]:
        """What an attempt says it took, if it says so yet, and what was planned for it."""
        status = read_status(self.runs, run_id, attempt.number)
        taken = status.resumed_from if status else None
        return _named_in([taken or "", attempt.resumed_from or ""])

    def _delete(self, run_id: str, item: CheckpointId, sizes: Iterable[str]) -> None:
        """Manifest first: nobody may trust a checkpoint that is half gone."""
        manifest = keys.manifest(run_id, item)
        self.runs.delete([manifest])
        folder = keys.checkpoint(run_id, item)
        self.runs.delete([key for key in sizes if key.startswith(folder) and key != manifest])


def _sweepable(
    record: RunRecord,
    *,
    torn: Set[CheckpointId],
    damaged: Set[CheckpointId],
    last_kept: CheckpointId | None,
) -> list[CheckpointId]:
    """Checkpoints that are not whole and that nobody is about to complete.

    *last_kept* is None while there are fewer than should be kept. As long as the run goes on, a
    torn one that is further on may be an upload under way, and so may any of an attempt that lives.
    A damaged one looks whole to all but who reads it: it stays until there are enough others.
    """
    live = {attempt.number for attempt in record.attempts if attempt.verdict is None}
    swept = set(torn) if record.closed_at is not None else set()
    if last_kept is not None:
        swept |= damaged | {item for item in torn if item < last_kept}
    return [item for item in swept if item.attempt not in live]


def _named_in(texts: Iterable[str]) -> list[CheckpointId]:
    """Those that are the name of a checkpoint; what an attempt says of itself may be anything."""
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(CheckpointId.parse(text))
    return found
