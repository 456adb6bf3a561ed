"""What each interruption cost: steps computed again, and seconds until the run was past them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deckhand.cli.view import reached
from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.report import steps_lost
from deckhand.usecases.show_run import RunView


@dataclass(frozen=True)
class Look:
    at: float
    attempt: int
    step: int


@dataclass(frozen=True)
class Loss:
    """`seconds` is None where the run never came past the step again."""

    attempt: int
    step: int
    resumed: int
    steps: int
    seconds: float | None


@dataclass
class Losses:
    """Remembers how far the run was at each look."""

    clock: Callable[[], float] = time.monotonic
    looks: list[Look] = field(default_factory=list)

    def after_look(self, view: RunView) -> None:
        attempts = view.record.attempts
        if attempts:
            self.looks.append(Look(self.clock(), attempts[-1].number, reached(view)))

    def of(self, record: RunRecord, interrupted: dict[int, float]) -> Iterator[Loss]:
        """The losses of a closed run; *interrupted* is when each attempt was interrupted."""
        for attempt, successor in zip(record.attempts, record.attempts[1:], strict=False):
            step = _furthest(attempt)
            back = (
                look.at for look in self.looks if look.attempt > attempt.number and look.step > step
            )
            begin, end = interrupted.get(attempt.number), next(back, None)
            yield Loss(
                attempt=attempt.number,
                step=step,
                resumed=_begin(successor),
                steps=steps_lost(attempt),
                seconds=end - begin if begin is not None and end is not None else None,
            )


def _furthest(attempt: AttemptRecord) -> int:
    """How far an attempt is known to have come; its last report may be older than its end."""
    return max(attempt.reached_step or 0, _step_of(attempt.checkpoint), _begin(attempt))


def _begin(attempt: AttemptRecord) -> int:
    """Where an attempt began; one that never reported was told where."""
    told = _step_of(attempt.resumed_from)
    return told if attempt.from_step is None else attempt.from_step


def _step_of(checkpoint: str | None) -> int:
    return CheckpointId.parse(checkpoint).step if checkpoint else 0
