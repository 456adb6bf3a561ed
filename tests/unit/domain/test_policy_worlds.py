"""What the policy must never do, in worlds that answer its plans as badly as they can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import RESUMABLE, AttemptRecord, Market, Verdict
from deckhand.domain.options import Purchase, RunOptions, Window
from deckhand.domain.policy import Decision, Exhausted, Hold, Plan, Policy, Wait, next_attempt
from deckhand.domain.situation import Situation
from deckhand.domain.window import is_open
from tests.makers import ADMITTED, attempt_record

SPOT, ON_DEMAND = Market.SPOT, Market.ON_DEMAND
HOUR = 3600.0
PRICES = {SPOT: 0.75, ON_DEMAND: 2.74}
QUEUES = {SPOT: ("s0", "s1"), ON_DEMAND: ("d0",)}
MOST_DECISIONS = 5000
IDLE = RESUMABLE - {Verdict.INTERRUPTED, Verdict.NO_CAPACITY, Verdict.WALLTIME}


@dataclass(frozen=True)
class Answer:
    """How a plan ends: after what share of its time, and with what."""

    verdict: Verdict
    share: float
    advanced: bool
    wait: float


@dataclass
class World:
    """Everything that happens between two decisions; seconds since the run was admitted."""

    options: RunOptions
    policy: Policy
    dollars: float | None = None
    now: float = 0.0
    spent: float = 0.0
    live: int = 0
    records: list[AttemptRecord] = field(default_factory=list)
    plans: list[tuple[float, Plan]] = field(default_factory=list)
    remaining: float | None = None

    def decide(self) -> Decision:
        assert self.live == 0
        return next_attempt(
            Situation(
                history=self.records,
                now=self.at(self.now),
                admitted_at=ADMITTED,
                options=self.options,
                spot_queues=QUEUES[SPOT],
                on_demand_queues=QUEUES[ON_DEMAND],
                prices=PRICES,
                dollars=self.dollars,
                spent=self.spent,
                remaining_seconds=self.remaining,
            ),
            self.policy,
        )

    def carry_out(self, plan: Plan, answer: Answer) -> None:
        self.live += 1
        self.plans.append((self.now, plan))
        asked, self.now = self.now, self.now + answer.wait
        ran = 0.0 if answer.verdict is Verdict.NO_CAPACITY else answer.share * plan.timeout_seconds
        self.end(plan, asked, ran, answer.verdict, answer.advanced and ran > 0)

    def end(self, plan: Plan, asked: float, ran: float, verdict: Verdict, advanced: bool) -> None:
        began, self.now = self.now, self.now + ran
        times = {"started_at": self.at(began), "stopped_at": self.at(self.now)} if ran else {}
        self.spent += ran / HOUR * PRICES[plan.market]
        self.live -= 1
        self.records.append(
            attempt_record(
                plan.number,
                market=plan.market,
                queue=plan.queue,
                planned_at=self.at(asked),
                verdict=verdict,
                advanced=advanced,
                **times,
            )
        )

    def at(self, seconds: float) -> Any:
        return ADMITTED + timedelta(seconds=seconds)

    def run(self, answers: Iterator[Answer]) -> Decision:
        for _ in range(MOST_DECISIONS):
            decision = self.decide()
            if isinstance(decision, Hold | Exhausted):
                return decision
            if isinstance(decision, Wait):
                assert decision.until > self.at(self.now)
                self.now = (decision.until - ADMITTED).total_seconds()
                continue
            self.carry_out(decision, next(answers))
        raise AssertionError(f"no end after {MOST_DECISIONS} decisions")


answers = st.lists(
    st.builds(
        Answer,
        verdict=st.sampled_from(sorted(RESUMABLE)),
        share=st.floats(0, 1),
        advanced=st.booleans(),
        wait=st.sampled_from([0.0, 1.0, 600.0, 7 * HOUR, 70 * HOUR]),
    ),
    min_size=1,
    max_size=8,
)
droughts = st.just([Answer(Verdict.NO_CAPACITY, 0, False, 0.0)])
run_options = st.builds(
    RunOptions,
    purchase=st.sampled_from(list(Purchase)),
    window=st.sampled_from([None, *Window]),
    hours=st.sampled_from([None, 0.1, 3.0, 100.0]),
    deadline=st.sampled_from([None, *(ADMITTED + timedelta(hours=h) for h in (1, 50, 500))]),
)
policies = st.builds(
    Policy,
    losses_before_on_demand=st.integers(1, 4),
    attempt_limit=st.integers(1, 40),
    fruitless_limit=st.integers(1, 50),
    infrastructure_limit=st.integers(1, 50),
    waiting_seconds=st.sampled_from([0, 3600, 5 * 86400]),
)


@given(
    st.one_of(answers, droughts),
    run_options,
    policies,
    st.sampled_from([None, 0.0, 0.01, 2.0, 30.0]),
    st.sampled_from([None, 60.0, 40 * HOUR]),
)
def test_in_any_world(
    given_answers: list[Answer],
    options: RunOptions,
    policy: Policy,
    dollars: float | None,
    remaining: float | None,
) -> None:
    world = World(options, policy, dollars, remaining=remaining)
    ended = world.run(cycle(given_answers))
    assert ended.reason.strip()
    assert world.decide() == ended
    assert [plan.number for _, plan in world.plans] == [*range(1, len(world.plans) + 1)]
    markets_are_kept(world)
    caps_are_kept(world)
    the_window_is_kept(world)
    slices_are_bounded_and_left(world)


def markets_are_kept(world: World) -> None:
    bought = {plan.market for _, plan in world.plans}
    if world.options.purchase is Purchase.SPOT_ONLY:
        assert ON_DEMAND not in bought
    if world.options.purchase is Purchase.ON_DEMAND:
        assert SPOT not in bought
    assert all(plan.queue in QUEUES[plan.market] for _, plan in world.plans)


def caps_are_kept(world: World) -> None:
    spent = used = 0.0
    for (_, plan), record in zip(world.plans, world.records, strict=True):
        if world.dollars is not None:
            assert spent < world.dollars
            assert spent + plan.timeout_seconds / HOUR * PRICES[plan.market] <= world.dollars + 1e-6
        if world.options.hours is not None:
            assert used + plan.timeout_seconds <= world.options.hours * HOUR + 1e-3
        spent += record.seconds / HOUR * PRICES[plan.market]
        used += record.seconds


def the_window_is_kept(world: World) -> None:
    window = world.options.window
    if window is not None and world.options.deadline is None:
        for at, _ in world.plans:
            assert is_open(window, world.at(at), world.policy.hours)


def slices_are_bounded_and_left(world: World) -> None:
    if world.options.purchase is not Purchase.SPOT_FIRST:
        return
    for (_, plan), record, (_, after) in zip(
        world.plans, world.records, world.plans[1:], strict=False
    ):
        if plan.market is SPOT:
            continue
        assert plan.timeout_seconds <= world.policy.on_demand_seconds
        had_its_slice = record.advanced or record.verdict not in IDLE
        if had_its_slice and world.options.deadline is None:
            assert after.market is SPOT


# ---- the deadline ------------------------------------------------------------------------------

losses = st.lists(st.one_of(st.none(), st.floats(0, 12 * HOUR)), min_size=1, max_size=12)
"""What becomes of a spot attempt: no machine, or seconds of work until it is lost."""


@given(
    losses,
    st.floats(0.1, 60),
    st.floats(1.0, 1.1),
    st.floats(1.0, 3.0),
    st.sampled_from([None, *Window]),
    st.integers(0, 7 * 24),
)
def test_the_deadline_is_made_whatever_spot_does_if_on_demand_can(
    given_losses: list[float | None],
    hours: float,
    slower: float,
    slack: float,
    window: Window | None,
    begins: int,
) -> None:
    """*slower*: the work takes more than its speed told, as far as the policy allows for that."""
    policy = Policy(fruitless_limit=10**6, attempt_limit=10**6)
    needs = policy.safety * hours * HOUR + policy.start_up_seconds * (2 + hours / 5)
    due = begins * HOUR + slack * needs
    options = RunOptions(window=window, deadline=ADMITTED + timedelta(seconds=due))
    world = World(options, policy, now=begins * HOUR, remaining=hours * HOUR)
    spot = cycle(given_losses)
    while world.remaining:
        decision = world.decide()
        if isinstance(decision, Wait):
            world.now = (decision.until - ADMITTED).total_seconds()
            continue
        assert isinstance(decision, Plan), decision
        assert not decision.late
        work(world, decision, next(spot) if decision.market is SPOT else 1e9, slower)
    assert world.now <= due


def work(world: World, plan: Plan, most: float | None, slower: float) -> None:
    """An attempt that starts as late and takes along as much as the policy assumes at worst."""
    policy, asked = world.policy, world.now
    world.live += 1
    world.now += policy.capacity_wait_seconds if plan.market is SPOT else 0.0
    if most is None:
        world.end(plan, asked, 0.0, Verdict.NO_CAPACITY, advanced=False)
        return
    assert world.remaining is not None
    left = world.remaining * slower
    ran = min(left, most, plan.timeout_seconds - policy.start_up_seconds)
    lost = 0.0
    if plan.market is SPOT and ran < left:
        lost = min(ran, policy.checkpoint_seconds)
    verdict = Verdict.INTERRUPTED if lost else Verdict.WALLTIME
    world.end(plan, asked, policy.start_up_seconds + ran, verdict, advanced=ran > lost)
    kept = (ran - lost) / slower
    world.remaining = 0.0 if ran >= left else world.remaining - kept
