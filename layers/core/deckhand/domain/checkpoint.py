"""Which checkpoints a run keeps and which one an attempt starts from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from deckhand.domain.keys import CheckpointId

KEEP: Final = 3


def ladder(checkpoints: Collection[CheckpointId]) -> list[CheckpointId]:
    """Checkpoints in the order an attempt tries them: furthest step first, then newest attempt."""
    return sorted(checkpoints, reverse=True)


def prunable(
    checkpoints: Collection[CheckpointId],
    protected: Collection[CheckpointId] = (),
    keep: int = KEEP,
) -> list[CheckpointId]:
    """Checkpoints that may go: all but the *keep* furthest and the *protected* ones."""
    kept = set(ladder(checkpoints)[:keep]) | set(protected)
    return sorted(set(checkpoints) - kept)
