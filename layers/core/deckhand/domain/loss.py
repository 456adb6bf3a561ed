"""What would have to be computed again if the machine of a run were lost now."""

from __future__ import annotations

from deckhand.domain.deck import Frozen
from deckhand.domain.keys import CheckpointId
from deckhand.domain.status import Phase, Status


class Loss(Frozen):
    """The steps since `kept`, the newest verified checkpoint, and the seconds they took.

    Without a checkpoint it is everything; `seconds` is None while the speed is not known.
    """

    steps: int
    seconds: float | None
    kept: CheckpointId | None


def loss_now(status: Status, kept: CheckpointId | None) -> Loss | None:
    """As of *status*; None where nothing is being computed."""
    if status.phase not in (Phase.RUNNING, Phase.STOPPING):
        return None
    steps = max(0, status.step - (kept.step if kept else 0))
    speed = status.steps_per_second
    return Loss(steps=steps, seconds=steps / speed if speed else None, kept=kept)
