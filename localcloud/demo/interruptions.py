"""When the demo takes machines away, and the taking."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from deckhand.adapters.local_cloud import LocalCloud
from deckhand.domain.errors import LocalCloudError
from deckhand.usecases.show_run import RunView


class Kind(StrEnum):
    NOTICE = "spot notice"
    LOSS = "host loss"


@dataclass(frozen=True)
class Moment:
    """When attempt *attempt* is interrupted: all of the conditions must hold.

    `seconds` count from the start of its machine, `fraction` is of the steps it has before it,
    `checkpoints` are those it wrote itself.
    """

    attempt: int
    kind: Kind
    seconds: float = 0.0
    fraction: float = 0.0
    checkpoints: int = 0

    def __str__(self) -> str:
        when = [
            f"after {self.seconds:.1f} s" if self.seconds else "",
            f"at {self.fraction:.0%} of its steps" if self.fraction else "",
            "after a checkpoint of its own" if self.checkpoints else "",
        ]
        return f"{self.kind.value} to attempt {self.attempt} {' and '.join(filter(None, when))}"


DEFAULT: Final = (
    Moment(1, Kind.NOTICE, fraction=0.3),
    Moment(2, Kind.LOSS, fraction=0.4, checkpoints=1),
)
EARLY_SHARE: Final = 0.35
EARLY_SECONDS: Final = 5.0
LATEST: Final = 0.8
"""Later than this an attempt might reach its end before it is known how far it is."""


def choose(seed: int | None) -> tuple[Moment, Moment]:
    """The moments of a demo; random ones may come before there is any checkpoint."""
    if seed is None:
        return DEFAULT
    chance = random.Random(seed)
    return _random(chance, 1, Kind.NOTICE), _random(chance, 2, Kind.LOSS)


def _random(chance: random.Random, attempt: int, kind: Kind) -> Moment:
    if chance.random() < EARLY_SHARE:
        return Moment(attempt, kind, seconds=chance.uniform(0.05, EARLY_SECONDS))
    return Moment(attempt, kind, fraction=chance.uniform(0.0, LATEST))


@dataclass
class Interruptions:
    """Interrupts the attempts of one run at their moments, one after the other."""

    cloud: LocalCloud
    moments: tuple[Moment, ...]
    clock: Callable[[], float] = time.monotonic
    done: dict[int, float] = field(default_factory=dict)
    _begun: dict[int, float] = field(default_factory=dict)

    def after_look(self, view: RunView) -> Iterator[str]:
        """Interrupt the living attempt if its moment has come; says so."""
        attempts = view.record.attempts
        if not attempts or attempts[-1].verdict is not None:
            return
        moment = next((m for m in self.moments if m.attempt == attempts[-1].number), None)
        if moment is None or moment.attempt in self.done:
            return
        try:
            host = self.cloud.host_of(view.record.run_id)
        except LocalCloudError:
            return
        now = self.clock()
        begun = self._begun.setdefault(moment.attempt, now)
        if now - begun >= moment.seconds and _is_reached(moment, view):
            self.done[moment.attempt] = now
            yield self._interrupt(moment, host)

    def _interrupt(self, moment: Moment, host: str) -> str:
        if moment.kind is Kind.NOTICE:
            self.cloud.give_spot_notice(host)
            return f"⚡ spot notice to {host}: it goes in two minutes"
        self.cloud.lose(host)
        return f"⚡ {host} disappears without a word"


def _is_reached(moment: Moment, view: RunView) -> bool:
    status = view.status
    if not moment.fraction and not moment.checkpoints:
        return True
    if status is None or status.attempt != moment.attempt or not view.record.total_steps:
        return False
    ahead = view.record.total_steps - status.from_step
    return (
        status.step - status.from_step >= moment.fraction * ahead
        and status.checkpoints_written >= moment.checkpoints
    )
