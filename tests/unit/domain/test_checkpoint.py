"""Which checkpoints stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.checkpoint import KEEP, ladder, prunable
from deckhand.domain.keys import CheckpointId

sets = st.sets(st.builds(CheckpointId, step=st.integers(0, 50), attempt=st.integers(1, 4)))


@given(sets, sets)
def test_three_stay_and_so_does_what_is_protected(
    found: set[CheckpointId], protected: set[CheckpointId]
) -> None:
    gone = set(prunable(found, protected))
    left = found - gone
    assert gone <= found
    assert not gone & protected
    assert len(left) >= min(KEEP, len(found))
    assert set(ladder(found)[:KEEP]) <= left


def test_the_ladder_starts_at_the_furthest_step_and_its_newest_attempt() -> None:
    found = [CheckpointId(10, 2), CheckpointId(20, 1), CheckpointId(10, 3)]
    assert ladder(found) == [CheckpointId(20, 1), CheckpointId(10, 3), CheckpointId(10, 2)]
