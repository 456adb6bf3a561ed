"""Write down that a drop was seen, under the name of its run."""

from __future__ import annotations

from datetime import datetime

from deckhand.domain import deck, keys
from deckhand.domain.deck import Drop
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from deckhand.usecases.ports import Bucket, Ledger


def record_drop(runs: Bucket, ledger: Ledger, drop: Drop, now: datetime) -> RunRecord:
    """The run of *drop* as the ledger knows it from now on.

    Retries and duplicates find the listing of the first, so this may be repeated.
    """
    run_id = deck.run_id(drop)
    runs.create(keys.drop_record(run_id), drop.model_dump_json().encode())
    return ledger.admit(
        RunRecord(run_id=run_id, drop=drop.prefix, state=RunState.CHECKING, admitted_at=now)
    )
