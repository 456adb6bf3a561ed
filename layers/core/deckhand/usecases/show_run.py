"""One run with all that is known of it, for people."""

from __future__ import annotations

from deckhand.domain import keys
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.status import Status
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.trusted_checkpoints import newest_checkpoint


class RunView(Frozen):
    """`status` is what the newest attempt says of itself; `results` are paths and sizes."""

    record: RunRecord
    status: Status | None
    checkpoint: str | None
    results: dict[str, int]


def show_run(runs: Bucket, ledger: Ledger, run_id: str) -> RunView:
    record = ledger.run(run_id)
    if record is None:
        raise LedgerError(f"There is no run {run_id}. `deckhand list` shows the runs there are.")
    manifest = newest_checkpoint(runs, run_id)
    folder = keys.results(run_id)
    last = record.attempts[-1].number if record.attempts else 0
    return RunView(
        record=record,
        status=read_status(runs, run_id, last) if last else None,
        checkpoint=str(manifest.checkpoint_id) if manifest else None,
        results={key.removeprefix(folder): size for key, size in runs.sizes(folder).items()},
    )
