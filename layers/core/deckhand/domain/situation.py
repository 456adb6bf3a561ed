"""What the policy knows of a run, and what it reads in the attempts that have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from typing import Final

from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.caps import Caps
from deckhand.domain.options import Purchase, RunOptions

INFRASTRUCTURE: Final = frozenset({"INFRASTRUCTURE", "SUBMIT_FAILED", "UNKNOWN", "STALLED"})
"""Names of the verdicts that blame neither the deck nor the market."""

NO_MACHINE: Final = frozenset({Verdict.NO_CAPACITY, Verdict.UNFIT_HOST})
"""A queue had none, or one that cannot work: the next attempt there might get the same one."""

LEFT: Final = NO_MACHINE | {Verdict.INTERRUPTED}
"""After which the next queue of the market is asked, if there is one."""

LONGEST_IN_QUEUE: Final = timedelta(days=1)
"""After which a queue hands back a job: https://docs.aws.amazon.com/batch/latest/APIReference/API_JobStateTimeLimitAction.html"""


@dataclass(frozen=True)
class Situation:
    """A run between two attempts; times UTC, money US dollars.

    `history` is oldest first, and a person forgave the first `forgiven` of it: those count for
    caps, but not for what a run may try. `dollars` is the cap that holds now, `spent` what was
    spent, `prices` what an hour of an attempt costs where that is known. `remaining_seconds` is the
    machine time that the work still needs, by the speed that was measured. Queues are of AWS
    Batch, at least one of each market; a second one has machines of another family or zone.
    """

    history: Sequence[AttemptRecord]
    now: datetime
    admitted_at: datetime
    options: RunOptions
    spot_queues: Sequence[str]
    on_demand_queues: Sequence[str]
    prices: Mapping[Market, float | None] = field(default_factory=dict)
    dollars: float | None = None
    spent: float = 0.0
    remaining_seconds: float | None = None
    forgiven: int = 0
    run_id: str = "RUN"

    def check(self) -> None:
        """Raise ValueError if an attempt may be alive, or is not among those that are known."""
        for number, record in enumerate(self.history, start=1):
            if record.verdict is None:
                raise ValueError(f"attempt {record.number} has not ended")
            if record.number != number:
                raise ValueError(f"attempt {number} is not in the history")
        if not self.spot_queues or not self.on_demand_queues:
            raise ValueError("each market needs a queue")

    @property
    def number(self) -> int:
        """Of the next attempt."""
        return len(self.history) + 1

    @property
    def counted(self) -> Sequence[AttemptRecord]:
        """The attempts that nobody forgave."""
        return self.history[self.forgiven :]

    @cached_property
    def caps(self) -> Caps:
        used = sum(record.seconds for record in self.history)
        return Caps(self.dollars, self.spent, self.options.hours, used)

    def price(self, market: Market) -> float | None:
        """Spot costs no more than on demand, so that price stands in for an unknown one."""
        price = self.prices.get(market)
        return price if price or market is Market.ON_DEMAND else self.price(Market.ON_DEMAND)

    def queues(self, market: Market) -> Sequence[str]:
        return self.spot_queues if market is Market.SPOT else self.on_demand_queues

    def queue(self, market: Market) -> str:
        """That of the last attempt on this market, or the next one if it had no machine to keep."""
        queues = self.queues(market)
        for record in reversed(self.history):
            if record.market is market and record.queue in queues:
                left = record.verdict in LEFT
                return queues[(queues.index(record.queue) + left) % len(queues)]
        return queues[0]

    @property
    def queues_in_use(self) -> int:
        purchase = self.options.purchase
        spot, on_demand = len(self.spot_queues), len(self.on_demand_queues)
        if purchase is Purchase.SPOT_FIRST:
            return spot + on_demand
        return spot if purchase is Purchase.SPOT_ONLY else on_demand

    def dry(self, market: Market) -> int:
        """How many times in a row, up to now, this market had no machine that could work."""
        return sum(1 for _ in takewhile(lambda item: _was_dry(item, market), self._newest_first()))

    def losses(self, brief_seconds: float) -> int:
        """Machines in a row that spot took away before they had worked for so long.

        That there was none to be had in between does not end the row.
        """
        losses = 0
        for record in self._newest_first():
            if _was_dry(record, Market.SPOT):
                continue
            if not _was_lost(record, brief_seconds):
                break
            losses += 1
        return losses

    @cached_property
    def waited(self) -> timedelta:
        """For machines that never came.

        The ledger has no end of an attempt that did not begin: it is where the next was planned.
        """
        ends = [*(record.planned_at for record in self.counted[1:]), self.now]
        waits = (
            min(max(end - record.planned_at, timedelta()), LONGEST_IN_QUEUE)
            for record, end in zip(self.counted, ends, strict=False)
            if record.verdict is Verdict.NO_CAPACITY
        )
        return sum(waits, timedelta())

    def slices(self, brief_seconds: float) -> int:
        """How many slices on demand have worked since a spot machine last lasted so long."""
        slices = 0
        for record in self._newest_first():
            if record.market is Market.ON_DEMAND:
                slices += record.verdict not in NO_MACHINE
            elif not (_was_dry(record, Market.SPOT) or _was_lost(record, brief_seconds)):
                break
        return slices

    def _newest_first(self) -> Iterator[AttemptRecord]:
        """The attempts that tell something of the markets."""
        return (record for record in reversed(self.history) if not is_idle(record))


def is_idle(record: AttemptRecord) -> bool:
    """A failure of infrastructure that brought the run no further."""
    verdict = record.verdict
    return verdict is not None and verdict.name in INFRASTRUCTURE and not record.advanced


def _was_dry(record: AttemptRecord, market: Market) -> bool:
    return record.market is market and record.verdict in NO_MACHINE


def _was_lost(record: AttemptRecord, brief_seconds: float) -> bool:
    interrupted = record.market is Market.SPOT and record.verdict is Verdict.INTERRUPTED
    return interrupted and record.seconds < brief_seconds
