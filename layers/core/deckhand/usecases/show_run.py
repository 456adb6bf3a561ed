"""One run with all that is known of it, for people."""

from __future__ import annotations

from deckhand.domain import keys
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.loss import Loss, loss_now
from deckhand.domain.status import Status
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.trusted_checkpoints import StoredCheckpoint, stored_checkpoints


class RunView(Frozen):
    """`status` is what the newest attempt says of itself; `results` are paths and sizes.

    `checkpoints` are all there are, verified or not, furthest first.
    """

    record: RunRecord
    status: Status | None
    checkpoints: tuple[StoredCheckpoint, ...]
    results: dict[str, int]

    @property
    def verified(self) -> tuple[CheckpointId, ...]:
        return tuple(item.checkpoint_id for item in self.checkpoints if item.verified)

    @property
    def live_status(self) -> Status | None:
        """What the newest attempt says, if it has no verdict yet."""
        attempts = self.record.attempts
        return self.status if attempts and attempts[-1].verdict is None else None

    @property
    def loss(self) -> Loss | None:
        """What a loss of the machine would cost now; None where there is none to lose."""
        status, verified = self.live_status, self.verified
        return loss_now(status, verified[0] if verified else None) if status else None


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
        checkpoints=tuple(stored_checkpoints(runs, run_id, sizes)),
        results={key.removeprefix(folder): size for key, size in runs.sizes(folder).items()},
    )
