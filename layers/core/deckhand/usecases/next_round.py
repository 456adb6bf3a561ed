"""Let a run go on in an execution of its own, whatever became of the one before."""

from __future__ import annotations

from datetime import datetime

from deckhand.domain.ledger import RunRecord, Wish
from deckhand.usecases.ports import Executions, Ledger


def next_round(
    ledger: Ledger,
    executions: Executions,
    record: RunRecord,
    now: datetime,
    wish: Wish | None = None,
    **change: object,
) -> None:
    """Begin the round after *record*'s and start its execution.

    Whoever finds that round begun starts its execution too: the ledger's answer may have been lost
    on its way, and an execution of that name is started once. A crash in between leaves a run
    without an execution, which the reaper takes up.
    """
    ledger.begin_round(record, now, wish=wish, **change)
    begun = ledger.run(record.run_id)
    if begun is not None and begun.round == record.round + 1:
        executions.start(begun.execution, begun.run_id, begun.drop)
