"""One run with all that is known of it, for people."""

from __future__ import annotations

from deckhand.domain import keys
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.status import Status
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints


class RunView(Frozen):
    """`status` is what the newest attempt says of itself; `results` are paths and sizes.

    `checkpoints` are those kept, furthest first.
    """

    record: RunRecord
    status: Status | None
    checkpoints: tuple[CheckpointId, ...]
    results: dict[str, int]


def show_run(runs: Bucket, ledger: Ledger, run_id: str) -> RunView:
    record = ledger.run(run_id)
    if record is None:
        raise LedgerError(f"There is no run {run_id}. `deckhand list` shows the runs there are.")
    sizes = runs.sizes(keys.checkpoints(run_id))
    folder = keys.results(run_id)
    last = record.attempts[-1].number if record.attempts else 0
    return RunView(
        record=record,
        status=read_status(runs, run_id, last) if last else None,
        checkpoints=tuple(
            manifest.checkpoint_id for manifest in trusted_checkpoints(runs, run_id, sizes)
        ),
        results={key.removeprefix(folder): size for key, size in runs.sizes(folder).items()},
    )
