"""The newest runs, for people."""

from __future__ import annotations

from deckhand.domain.ledger import RunRecord
from deckhand.usecases.ports import Ledger


def list_runs(ledger: Ledger, limit: int = 20) -> list[RunRecord]:
    """Runs without their attempts, newest first."""
    return ledger.recent(limit)
