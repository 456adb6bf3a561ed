"""The policy against a second reading of its rules, and its rules one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deckhand.domain.attempt import RESUMABLE, AttemptRecord, Market, Verdict
from deckhand.domain.options import Purchase, RunOptions
from deckhand.domain.policy import (
    Decision,
    Exhausted,
    Hold,
    Plan,
    Policy,
    Wait,
    may_continue,
    next_attempt,
)
from deckhand.domain.situation import Situation
from tests.makers import ADMITTED, attempt_record

SPOT, ON_DEMAND = Market.SPOT, Market.ON_DEMAND
LOST, DRY, WALLTIME = Verdict.INTERRUPTED, Verdict.NO_CAPACITY, Verdict.WALLTIME
UNFIT = Verdict.UNFIT_HOST
BROKEN = (Verdict.INFRASTRUCTURE, Verdict.SUBMIT_FAILED, Verdict.UNKNOWN)
VAIN = (DRY, UNFIT)
HOUR = 3600
NOW = ADMITTED + timedelta(hours=12)
SPOT_QUEUES, ON_DEMAND_QUEUES = ("s0", "s1", "s2"), ("d0", "d1")
PRICES = {SPOT: 0.75, ON_DEMAND: 2.74}


def record(
    number: int, market: Market, verdict: Verdict, advanced: bool = True, **change: Any
) -> AttemptRecord:
    hours = change.pop("hours", 1.0)
    times = {"started_at": ADMITTED, "stopped_at": ADMITTED + timedelta(hours=hours)}
    given = {"reason": "because", **({} if verdict is DRY else times), **change}
    return attempt_record(number, market=market, verdict=verdict, advanced=advanced, **given)


def history(*items: tuple[Any, ...]) -> list[AttemptRecord]:
    return [record(number, *item) for number, item in enumerate(items, start=1)]


def situation(records: Sequence[AttemptRecord] = (), **change: Any) -> Situation:
    given = {
        "now": NOW,
        "admitted_at": ADMITTED,
        "options": RunOptions(),
        "spot_queues": SPOT_QUEUES[:1],
        "on_demand_queues": ON_DEMAND_QUEUES[:1],
        "prices": PRICES,
    }
    return Situation(history=records, **{**given, **change})


def decide(*items: tuple[Any, ...], policy: Policy | None = None, **change: Any) -> Decision:
    return next_attempt(situation(history(*items), **change), policy or Policy())


def planned(decision: Decision) -> Plan:
    assert isinstance(decision, Plan), decision
    return decision


# ---- a second reading ------------------------------------------------------------------------

items = st.tuples(
    st.sampled_from(list(Market)),
    st.one_of(st.sampled_from([LOST, DRY]), st.sampled_from(sorted(RESUMABLE))),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([0.1, 1.0, 5.0]),
    st.integers(0, 2),
)
policies = st.builds(
    Policy,
    losses_before_on_demand=st.integers(1, 4),
    brief_seconds=st.sampled_from([HOUR // 2, 2 * HOUR, 9 * HOUR]),
    fruitless_limit=st.integers(2, 8),
    infrastructure_limit=st.integers(2, 8),
    attempt_limit=st.integers(4, 30),
    unfit_limit=st.integers(2, 10),
    on_demand_seconds=st.sampled_from([HOUR, 6 * HOUR]),
)


class Reference:
    """The rules as a machine that is told one attempt after the other."""

    def __init__(self, policy: Policy, spots: int, on_demands: int) -> None:
        self.policy, self.counts = policy, {SPOT: spots, ON_DEMAND: on_demands}
        self.next_queue = {SPOT: 0, ON_DEMAND: 0}
        self.dry = {SPOT: 0, ON_DEMAND: 0}
        self.losses = self.slices = self.worked = self.fruitless = self.broken = self.unfit = 0

    def tell(self, market: Market, verdict: Verdict, advanced: bool, hours: float, q: int) -> None:
        idle = verdict in RESUMABLE - {LOST, WALLTIME, *VAIN} and not advanced
        self.next_queue[market] = (q + (verdict in (LOST, *VAIN))) % self.counts[market]
        self.worked += verdict is not DRY
        if verdict not in VAIN:
            self._count(advanced, idle)
            self.unfit = 0
        self.unfit += verdict is UNFIT
        if idle:
            return
        self.dry = {market: self.dry[market] + 1 if verdict in VAIN else 0, _other(market): 0}
        if market is ON_DEMAND:
            self.losses, self.slices = 0, self.slices + (verdict not in VAIN)
        elif verdict is LOST and hours * HOUR < self.policy.brief_seconds:
            self.losses += 1
        elif verdict not in VAIN:
            self.losses = self.slices = 0

    def _count(self, advanced: bool, idle: bool) -> None:
        self.fruitless = 0 if advanced else self.fruitless + (not idle)
        self.broken = 0 if advanced else self.broken + idle

    @property
    def is_over(self) -> bool:
        policy = self.policy
        return (
            self.worked >= policy.attempt_limit
            or self.fruitless >= policy.fruitless_limit
            or self.broken >= policy.infrastructure_limit
            or self.unfit >= policy.unfit_limit
        )

    @property
    def market(self) -> Market:
        for market in (ON_DEMAND, SPOT):
            if self.dry[market]:
                more = self.dry[market] < self.counts[market]
                return market if more else _other(market)
        return ON_DEMAND if self.losses >= self.policy.losses_before_on_demand else SPOT

    @property
    def timeout(self) -> int:
        if self.market is SPOT:
            return self.policy.spot_seconds
        slice_seconds = self.policy.first_slice_seconds
        for _ in range(self.slices):
            slice_seconds *= 2
        return min(slice_seconds, self.policy.on_demand_seconds)


def _other(market: Market) -> Market:
    return SPOT if market is ON_DEMAND else ON_DEMAND


@settings(max_examples=500)
@given(st.lists(items, max_size=16), policies, st.integers(1, 3), st.integers(1, 2))
def test_the_policy_is_the_reference_model(
    told: list[tuple[Market, Verdict, bool, float, int]],
    policy: Policy,
    spots: int,
    on_demands: int,
) -> None:
    reference = Reference(policy, spots, on_demands)
    queues = {SPOT: SPOT_QUEUES[:spots], ON_DEMAND: ON_DEMAND_QUEUES[:on_demands]}
    records = []
    for number, (market, verdict, advanced, hours, q) in enumerate(told, start=1):
        fruit = advanced and verdict not in VAIN
        chosen = q % len(queues[market])
        reference.tell(market, verdict, fruit, hours, chosen)
        queue = queues[market][chosen]
        records.append(record(number, market, verdict, fruit, hours=hours, queue=queue))
    known = situation(records, spot_queues=queues[SPOT], on_demand_queues=queues[ON_DEMAND])
    decision = next_attempt(known, policy)
    assert isinstance(decision, Exhausted) == reference.is_over
    assert decision.reason.strip()
    if not reference.is_over:
        plan = planned(decision)
        market = reference.market
        assert (plan.number, plan.market) == (len(records) + 1, market)
        assert plan.queue == queues[market][reference.next_queue[market]]
        assert plan.timeout_seconds == reference.timeout


# ---- the markets -----------------------------------------------------------------------------


def test_the_first_attempt_is_on_spot() -> None:
    plan = planned(decide())
    assert (plan.number, plan.market, plan.queue) == (1, SPOT, "s0")
    assert "$0.75 an hour, $2.74 on demand" in plan.reason


def test_after_a_slice_on_demand_it_is_spot_again() -> None:
    lost = [(SPOT, LOST)] * 3
    bought = planned(decide(*lost))
    assert (bought.market, bought.timeout_seconds) == (ON_DEMAND, Policy().first_slice_seconds)
    assert "3 spot machines in a row" in bought.reason
    assert planned(decide(*lost, (ON_DEMAND, WALLTIME))).market is SPOT


def test_a_queue_without_a_machine_does_not_end_a_row_of_losses() -> None:
    row = [(SPOT, LOST), (SPOT, DRY, False), (SPOT, LOST), (SPOT, LOST)]
    assert planned(decide(*row, spot_queues=SPOT_QUEUES)).market is ON_DEMAND
    assert planned(decide(*row[:3], spot_queues=SPOT_QUEUES)).market is SPOT


def test_a_machine_that_lived_long_says_nothing_against_spot() -> None:
    assert planned(decide(*[(SPOT, LOST, True)] * 2)).market is SPOT
    long = {"started_at": ADMITTED, "stopped_at": ADMITTED + timedelta(hours=3)}
    lived = [record(number, SPOT, LOST, **long) for number in (1, 2, 3, 4)]
    assert planned(next_attempt(situation(lived), Policy())).market is SPOT


def test_slices_grow_while_spot_stays_bad_and_are_short_again_after_it_was_good() -> None:
    bad = [(SPOT, DRY, False), (ON_DEMAND, WALLTIME)]
    asked = [planned(decide(*bad * rounds, (SPOT, DRY, False))) for rounds in range(5)]
    assert [plan.timeout_seconds // HOUR for plan in asked] == [1, 2, 4, 6, 6]
    good = [*bad * 3, (SPOT, WALLTIME), (SPOT, DRY, False)]
    assert planned(decide(*good)).timeout_seconds == HOUR


def test_without_a_machine_on_any_market_they_are_asked_in_turn() -> None:
    asked: list[tuple[Any, ...]] = []
    for _ in range(40):
        asked.append((planned(decide(*asked)).market, DRY, False))
    assert [market for market, *_ in asked] == [SPOT, ON_DEMAND] * 20


def test_a_loss_or_no_machine_moves_to_the_next_queue() -> None:
    queues: list[str] = []
    records: list[AttemptRecord] = []
    for verdict in (LOST, DRY, LOST, WALLTIME, DRY, DRY, DRY):
        known = situation(
            records, spot_queues=SPOT_QUEUES, options=RunOptions(purchase="spot-only")
        )
        plan = planned(next_attempt(known, Policy()))
        queues.append(plan.queue)
        records.append(record(plan.number, SPOT, verdict, verdict is not DRY, queue=plan.queue))
    assert queues == ["s0", "s1", "s2", "s0", "s0", "s1", "s2"]


def test_every_spot_queue_is_asked_before_a_machine_is_bought_on_demand() -> None:
    markets = [
        planned(decide(*[(SPOT, DRY, False)] * count, spot_queues=SPOT_QUEUES)).market
        for count in range(4)
    ]
    assert markets == [SPOT, SPOT, SPOT, ON_DEMAND]


@pytest.mark.parametrize(
    ("purchase", "market"), [(Purchase.SPOT_ONLY, SPOT), (Purchase.ON_DEMAND, ON_DEMAND)]
)
def test_a_run_may_name_its_market(purchase: Purchase, market: Market) -> None:
    options = RunOptions(purchase=purchase, deadline=NOW + timedelta(hours=30))
    for items in ([], [(market, DRY, False)], [(market, LOST)] * 4):
        plan = planned(decide(*items, options=options, remaining_seconds=29 * HOUR))
        assert (plan.market, plan.timeout_seconds) == (market, Policy().spot_seconds)


# ---- budgets ---------------------------------------------------------------------------------


def test_a_run_that_gets_nowhere_is_given_up_with_the_last_reason() -> None:
    decision = decide(*[(SPOT, LOST, False)] * 5)
    assert isinstance(decision, Exhausted)
    assert "5 attempts in a row" in decision.reason
    assert "because" in decision.reason


@pytest.mark.parametrize(
    "verdict", [*BROKEN, *(verdict for verdict in Verdict if verdict.name == "STALLED")]
)
def test_infrastructure_has_a_budget_of_its_own(verdict: Verdict) -> None:
    broken, stuck = (SPOT, verdict, False), (SPOT, LOST, False)
    mixed = [broken, stuck] * 4
    assert isinstance(decide(*mixed), Plan)
    assert isinstance(decide(*mixed, broken), Exhausted)
    assert isinstance(decide(*mixed, stuck), Exhausted)
    assert isinstance(decide(*mixed, (SPOT, verdict, True), broken), Plan)


def test_after_an_unfit_machine_comes_the_next_queue_and_then_the_other_market() -> None:
    unfit = record(1, SPOT, UNFIT, False, queue="s0")
    plan = planned(next_attempt(situation([unfit], spot_queues=SPOT_QUEUES), Policy()))
    assert (plan.market, plan.queue) == (SPOT, "s1")
    plan = planned(decide((SPOT, UNFIT, False)))
    assert plan.market is ON_DEMAND
    assert plan.reason.startswith("No spot machine was fit; 1 h 00 min at most")
    assert planned(decide((SPOT, UNFIT, False), (ON_DEMAND, LOST))).market is SPOT


def test_a_queue_whose_machine_is_unfit_is_not_asked_again_at_once() -> None:
    """A machine that eight attempts share stays: the next one there gets the same place."""
    waited_long = record(1, SPOT, UNFIT, False, planned_at=ADMITTED)
    assert waited_long.stopped_at is not None
    only = {"options": RunOptions(purchase=Purchase.SPOT_ONLY)}
    soon = waited_long.stopped_at + timedelta(minutes=4)
    decision = next_attempt(situation([waited_long], now=soon, **only), Policy())
    assert isinstance(decision, Wait)
    assert decision.until == waited_long.stopped_at + timedelta(minutes=10)


def test_unfit_machines_end_a_run_after_a_few_with_what_is_wrong_with_them() -> None:
    unfit = [(SPOT, UNFIT, False), (ON_DEMAND, UNFIT, False)]
    assert not isinstance(decide(*unfit * 4, (SPOT, UNFIT, False)), Exhausted)
    decision = decide(*unfit * 5)
    assert isinstance(decision, Exhausted)
    assert decision.reason.startswith("10 machines in a row were unfit; the last one: ")


def test_an_unfit_machine_is_no_fruitless_attempt() -> None:
    stuck = [(SPOT, LOST, False), (SPOT, UNFIT, False)]
    assert isinstance(decide(*stuck * 4), Plan)
    assert isinstance(decide(*stuck * 5, (SPOT, DRY, False)), Exhausted)


def test_infrastructure_says_nothing_of_a_market() -> None:
    lost = [(SPOT, LOST), (SPOT, Verdict.UNKNOWN, False)] * 3
    assert planned(decide(*lost)).market is ON_DEMAND
    assert planned(decide(*lost, (ON_DEMAND, Verdict.UNKNOWN, False))).market is ON_DEMAND


def test_interruptions_that_left_a_checkpoint_are_free() -> None:
    assert isinstance(decide(*[(SPOT, LOST)] * 99), Plan)
    assert isinstance(decide(*[(SPOT, LOST)] * Policy().attempt_limit), Exhausted)


def test_a_person_may_forgive_what_was_tried() -> None:
    stuck = [(SPOT, LOST, False)] * 5
    assert planned(decide(*stuck, forgiven=5)).number == 6
    assert isinstance(decide(*stuck, *stuck, forgiven=5), Exhausted)


def test_waiting_is_bounded_by_its_time_and_not_by_attempts() -> None:
    def dry(days: int) -> Decision:
        at = [ADMITTED + timedelta(hours=hour) for hour in range(24 * days)]
        records = [
            record(number, (SPOT, ON_DEMAND)[number % 2], DRY, False, planned_at=when)
            for number, when in enumerate(at, start=1)
        ]
        return next_attempt(situation(records, now=at[-1] + timedelta(hours=1)), Policy())

    assert isinstance(dry(29), Plan)
    given_up = dry(30)
    assert isinstance(given_up, Exhausted)
    assert "720 h" in given_up.reason


def test_weeks_on_hold_are_not_waiting_for_a_machine() -> None:
    held = history((SPOT, DRY, False))
    assert isinstance(
        next_attempt(situation(held, now=ADMITTED + timedelta(days=90)), Policy()), Plan
    )


def test_markets_that_say_no_at_once_are_asked_again_later() -> None:
    records = [record(n, m, DRY, False) for n, m in ((1, SPOT), (2, ON_DEMAND))]
    now = ADMITTED + timedelta(seconds=5)
    assert isinstance(next_attempt(situation(records[:1], now=now), Policy()), Plan)
    decision = next_attempt(situation(records, now=now), Policy())
    assert isinstance(decision, Wait)
    assert decision.until == ADMITTED + timedelta(seconds=600)
    assert isinstance(next_attempt(situation(records, now=decision.until), Policy()), Plan)


def test_what_is_finished_is_not_bought_again() -> None:
    assert isinstance(decide((SPOT, Verdict.COMPLETED)), Exhausted)


def test_a_deck_error_never_buys_a_second_machine() -> None:
    assert not may_continue(Verdict.DECK_ERROR)
    assert may_continue(Verdict.INTERRUPTED)


@pytest.mark.parametrize(
    "records",
    [
        [attempt_record(1)],
        [attempt_record(1), attempt_record(2, verdict=LOST)],
        [attempt_record(2, verdict=LOST)],
        [attempt_record(1, verdict=LOST), attempt_record(1, verdict=LOST)],
    ],
)
def test_nothing_is_planned_beside_an_attempt_that_may_be_alive(
    records: list[AttemptRecord],
) -> None:
    with pytest.raises(ValueError, match="attempt"):
        next_attempt(situation(records), Policy())


@pytest.mark.parametrize("market", ["spot_queues", "on_demand_queues"])
def test_each_market_needs_a_queue(market: str) -> None:
    with pytest.raises(ValueError, match="queue"):
        decide(**{market: ()})


# ---- caps ------------------------------------------------------------------------------------


def test_an_attempt_is_cut_so_that_it_cannot_pass_the_cap() -> None:
    plan = planned(decide(dollars=20.0, spent=14.0))
    assert plan.timeout_seconds == 8 * HOUR
    assert "8 h 00 min at most, for the cap of $20.00 at $0.75 an hour" in plan.reason
    used = planned(decide((SPOT, LOST), options=RunOptions(hours=3), dollars=20.0))
    assert used.timeout_seconds == 2 * HOUR
    assert "for the cap of 3 h of machine time" in used.reason


def test_a_cap_that_leaves_too_little_holds_the_run_and_names_the_way_on() -> None:
    held = decide(dollars=20.0, spent=19.9, remaining_seconds=48 * HOUR, run_id="melt-1")
    assert isinstance(held, Hold)
    for part in ("$20.00", "$19.90 are spent", "$55.90 in all", "resume melt-1 --dollars 62"):
        assert part in held.reason
    raised = planned(decide(dollars=62.0, spent=19.9, remaining_seconds=48 * HOUR))
    assert raised.timeout_seconds >= 48 * HOUR


def test_two_caps_are_raised_at_once() -> None:
    options = RunOptions(hours=1.1)
    held = decide((SPOT, LOST), dollars=1.0, spent=0.9, options=options)
    assert isinstance(held, Hold)
    assert held.reason.endswith("deckhand resume RUN --dollars 2 --hours 3")
    assert held.reason.count("not known yet") == 2


def test_a_rest_that_is_shorter_than_an_attempt_is_worth_is_finished() -> None:
    assert isinstance(decide(dollars=1.0, spent=0.86), Hold)
    assert isinstance(decide(dollars=1.0, spent=0.86, remaining_seconds=30), Plan)


def test_a_cap_without_a_price_is_not_risked() -> None:
    held = decide(dollars=20.0, prices={SPOT: None, ON_DEMAND: None})
    assert isinstance(held, Hold)
    assert "SpotPricePerHour" in held.reason
    assert isinstance(decide(prices={}), Plan)
    dear = planned(decide(dollars=20.0, prices={SPOT: None, ON_DEMAND: 2.0}))
    assert dear.timeout_seconds == 10 * HOUR


def test_what_is_too_dear_on_demand_goes_on_on_spot() -> None:
    plan = planned(decide((SPOT, DRY, False), dollars=1.0, spent=0.4))
    assert plan.market is SPOT
    assert "would pass a cap" in plan.reason


# ---- the deadline and the window ---------------------------------------------------------------


def due(hours: float, **change: Any) -> RunOptions:
    return RunOptions(deadline=NOW + timedelta(hours=hours), **change)


@pytest.mark.parametrize(
    ("hours", "market", "late"),
    [(48, SPOT, False), (22, ON_DEMAND, False), (20, ON_DEMAND, True), (15, SPOT, True)],
)
def test_spot_is_left_while_the_deadline_can_be_made(
    hours: float, market: Market, late: bool
) -> None:
    plan = planned(decide(options=due(hours), remaining_seconds=20 * HOUR))
    assert (plan.market, plan.late) == (market, late)
    assert ("cannot be made" in plan.reason) is late
    assert ("could be too much" in plan.reason) is (market is ON_DEMAND)


def test_a_slice_for_the_deadline_is_a_whole_one() -> None:
    plan = planned(decide(options=due(22), remaining_seconds=20 * HOUR))
    assert plan.timeout_seconds == Policy().on_demand_seconds


def test_a_deadline_that_is_over_is_told() -> None:
    plan = planned(decide(options=due(-1), remaining_seconds=20 * HOUR))
    assert plan.late
    assert plan.reason.endswith("the deadline is over.")


def test_without_a_known_speed_the_deadline_moves_nothing() -> None:
    assert planned(decide(options=due(3))).market is SPOT


def test_an_attempt_waits_for_its_window() -> None:
    # NOW is 23:00 on a Saturday.
    noon = NOW - timedelta(hours=11)
    decision = decide(options=RunOptions(window="nights"), now=noon)
    assert isinstance(decision, Wait)
    assert decision.until == noon + timedelta(hours=8)
    assert "nights only, 8 h 00 min on" in decision.reason
    assert isinstance(decide(options=RunOptions(window="nights")), Plan)
    assert isinstance(decide(options=RunOptions(window="weekends"), now=noon), Plan)


@pytest.mark.parametrize(
    ("hours", "remaining", "waits"),
    [(40, 20, True), (28, 20, False), (20, None, True), (14, None, False), (20, 30, True)],
)
def test_a_window_gives_way_to_a_deadline_that_can_be_made(
    hours: float, remaining: float | None, waits: bool
) -> None:
    noon = NOW - timedelta(hours=11)
    options = RunOptions(deadline=noon + timedelta(hours=hours), window="nights")
    seconds = None if remaining is None else remaining * HOUR
    decision = decide(options=options, remaining_seconds=seconds, now=noon)
    assert isinstance(decision, Wait if waits else Plan)
    if not waits:
        assert "its window is shut" in decision.reason
    assert ("cannot be made" in decision.reason) is (remaining == 30)
