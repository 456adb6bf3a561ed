"""One run carried through a market: the policy decides, the market and chance answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from benchmarks.policy.market import DAY, ON_DEMAND_PRICE, SPOT_PRICE, Market
from deckhand.domain import attempt
from deckhand.domain.attempt import AttemptRecord, Verdict
from deckhand.domain.options import RunOptions
from deckhand.domain.policy import Exhausted, Hold, Plan, Policy, Wait, next_attempt
from deckhand.domain.situation import Situation

BOOT: Final = 240.0
"""From the machine's first second to the first step that it computes."""

CHECKPOINT: Final = 600.0
STOP_MARGIN: Final = 300.0
BETWEEN: Final = 30.0
"""From the end of an attempt until the next one is in a queue."""

COMES: Final = 60.0
"""Until AWS has started a machine that it has."""

WITHOUT_NOTICE: Final = 0.1
"""The share of losses that no notice came before."""

EPOCH: Final = datetime(2026, 1, 5, tzinfo=UTC)

PRICES: Final = {
    attempt.Market.SPOT: SPOT_PRICE,
    attempt.Market.ON_DEMAND: ON_DEMAND_PRICE,
}


@dataclass(frozen=True)
class Work:
    """A run to be carried: machine time that it needs, and when it comes; seconds."""

    seconds: float
    begins: float
    seed: str


@dataclass(frozen=True)
class Carried:
    """What became of it."""

    work: Work
    dollars: float
    seconds: float
    attempts: Sequence[AttemptRecord]
    is_finished: bool
    reason: str


@dataclass
class Voyage:
    """A run on its way; times in seconds since the market began."""

    work: Work
    market: Market
    policy: Policy
    options: RunOptions
    chance: Random
    now: float
    left: float
    speed_error: float
    records: list[AttemptRecord] = field(default_factory=list)
    dollars: float = 0.0
    cap: float | None = None

    def step(self, plan: Plan) -> None:
        """Carry out *plan*."""
        spot = plan.market is attempt.Market.SPOT
        zones = self.market.zones if spot else (self.market.on_demand,)
        zone = zones[int(plan.queue)]
        asked = self.now
        came = zone.comes(self.now, self.policy.capacity_wait_seconds)
        if came is None:
            self.now += self.policy.capacity_wait_seconds
            self._record(plan, asked, None, Verdict.NO_CAPACITY)
            return
        begin = came + COMES
        stop = begin + max(plan.timeout_seconds - STOP_MARGIN, 0)
        done = begin + BOOT + self.left
        lost = min(zone.ends(came), begin + self.market.lives(self.chance)) if spot else stop
        self.now = max(begin, min(stop, done, lost))
        worked = min(self.left, max(0.0, self.now - begin - BOOT))
        verdict = Verdict.COMPLETED if self.now >= done else Verdict.WALLTIME
        if verdict is not Verdict.COMPLETED and self.now >= lost and spot:
            verdict = Verdict.INTERRUPTED
            if self.chance.random() < WITHOUT_NOTICE:
                worked -= worked % CHECKPOINT
        self.left -= worked
        self._record(plan, asked, begin, verdict, advanced=worked > 0)

    def _record(
        self,
        plan: Plan,
        asked: float,
        begin: float | None,
        verdict: Verdict,
        advanced: bool = False,
    ) -> None:
        record = AttemptRecord(
            number=plan.number,
            market=plan.market,
            planned_at=at(asked),
            timeout_seconds=plan.timeout_seconds,
            verdict=verdict,
            started_at=None if begin is None else at(begin),
            stopped_at=None if begin is None else at(self.now),
            advanced=advanced,
            queue=plan.queue,
        )
        self.records.append(record)
        self.dollars += record.seconds / 3600 * PRICES[plan.market]
        self.now += BETWEEN

    @property
    def situation(self) -> Situation:
        return Situation(
            history=self.records,
            now=at(self.now),
            admitted_at=at(self.work.begins),
            options=self.options,
            spot_queues=[str(number) for number in range(len(self.market.zones))],
            on_demand_queues=["0"],
            prices=PRICES,
            dollars=self.cap,
            spent=self.dollars,
            # The speed is measured in steps that were computed.
            remaining_seconds=self.left * self.speed_error if self._has_computed else None,
        )

    @property
    def _has_computed(self) -> bool:
        return any(record.advanced for record in self.records)


def carry(
    work: Work, market: Market, policy: Policy, options: RunOptions, cap: float | None = None
) -> Carried:
    """Carry a run until it is finished, held or given up; deterministic by its seed."""
    chance = Random(work.seed)
    error = chance.uniform(0.97, 1.03)
    voyage = Voyage(work, market, policy, options, chance, work.begins, work.seconds, error)
    voyage.cap = cap
    while True:
        decision = next_attempt(voyage.situation, policy)
        if isinstance(decision, Plan):
            voyage.step(decision)
        elif isinstance(decision, Wait):
            voyage.now = (decision.until - EPOCH).total_seconds()
        elif isinstance(decision, Hold | Exhausted):
            return _ended(voyage, decision.reason)
        if voyage.records and voyage.records[-1].verdict is Verdict.COMPLETED:
            return _ended(voyage, "finished")


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def works(seed: int, market: Market, count: int) -> list[Work]:
    """Runs of two to seven days that come at any time of the market."""
    chance = Random(f"{seed} {market.name}")
    return [
        Work(
            seconds=chance.uniform(2, 7) * DAY,
            begins=chance.uniform(0, 30 * DAY),
            seed=f"{seed} {market.name} {number}",
        )
        for number in range(count)
    ]


def _ended(voyage: Voyage, reason: str) -> Carried:
    ended = voyage.records[-1] if voyage.records else None
    finished = ended is not None and ended.verdict is Verdict.COMPLETED
    last = ended.stopped_at if ended is not None and finished else at(voyage.now)
    assert last is not None
    seconds = (last - at(voyage.work.begins)).total_seconds()
    return Carried(voyage.work, voyage.dollars, seconds, voyage.records, finished, reason)
