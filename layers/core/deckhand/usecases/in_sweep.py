"""Whether people hear of a run from its sweep."""

from __future__ import annotations

from deckhand.domain.ledger import RunRecord
from deckhand.usecases.ports import Ledger


def is_told_by_sweep(ledger: Ledger, record: RunRecord) -> bool:
    """Of a point as long as its sweep goes on, and for good of one that was never on its own."""
    if record.point is None or record.parent is None:
        return False
    if record.is_carried_by_parent:
        return True
    parent = ledger.run(record.parent)
    return parent is not None and not parent.state.is_final
