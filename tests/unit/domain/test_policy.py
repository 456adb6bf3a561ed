"""The policy against a second, plainer reading of its rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import RESUMABLE, AttemptRecord, Market, Verdict
from deckhand.domain.policy import Exhausted, Plan, Policy, may_continue, next_attempt
from tests.makers import attempt_record

histories = st.lists(
    st.tuples(st.sampled_from(list(Market)), st.sampled_from(sorted(RESUMABLE)), st.booleans()),
    max_size=14,
)
policies = st.builds(
    Policy,
    losses_before_on_demand=st.integers(1, 4),
    fruitless_limit=st.integers(1, 6),
    attempt_limit=st.integers(1, 12),
)


def record(number: int, market: Market, verdict: Verdict, advanced: bool) -> AttemptRecord:
    return attempt_record(number, market=market, verdict=verdict, advanced=advanced, reason="r")


def reference(history: list[AttemptRecord], policy: Policy) -> Market | None:
    """The market of the next attempt, by walking forward through the history."""
    fruitless = losses = 0
    for item in history:
        if item.verdict is not Verdict.NO_CAPACITY:
            fruitless = 0 if item.advanced else fruitless + 1
        lost_spot = item.market is Market.SPOT and item.verdict is Verdict.INTERRUPTED
        losses = losses + 1 if lost_spot else 0
    if len(history) >= policy.attempt_limit or fruitless >= policy.fruitless_limit:
        return None
    dry = bool(history) and (history[-1].market, history[-1].verdict) == (
        Market.SPOT,
        Verdict.NO_CAPACITY,
    )
    return Market.ON_DEMAND if dry or losses >= policy.losses_before_on_demand else Market.SPOT


@given(histories, policies)
def test_the_policy_is_the_reference_model(
    history: list[tuple[Market, Verdict, bool]], policy: Policy
) -> None:
    records = [record(n, *item) for n, item in enumerate(history, start=1)]
    plan = next_attempt(records, policy)
    expected = reference(records, policy)
    assert (plan.market if isinstance(plan, Plan) else None) == expected
    if isinstance(plan, Plan):
        assert plan.number == len(records) + 1
        on_demand = plan.market is Market.ON_DEMAND
        assert plan.timeout_seconds == (
            policy.on_demand_seconds if on_demand else policy.spot_seconds
        )
    assert plan.reason


def test_the_first_attempt_is_on_spot() -> None:
    plan = next_attempt([], Policy())
    assert isinstance(plan, Plan)
    assert (plan.number, plan.market) == (1, Market.SPOT)


def test_after_a_slice_on_demand_it_is_spot_again() -> None:
    lost = [record(n, Market.SPOT, Verdict.INTERRUPTED, True) for n in (1, 2, 3)]
    bought = next_attempt(lost, Policy())
    assert isinstance(bought, Plan)
    assert bought.market is Market.ON_DEMAND
    back = next_attempt([*lost, record(4, Market.ON_DEMAND, Verdict.WALLTIME, True)], Policy())
    assert isinstance(back, Plan)
    assert back.market is Market.SPOT


def test_a_run_that_gets_nowhere_is_given_up_with_the_last_reason() -> None:
    stuck = [record(n, Market.SPOT, Verdict.INFRASTRUCTURE, False) for n in range(1, 6)]
    plan = next_attempt(stuck, Policy())
    assert isinstance(plan, Exhausted)
    assert "5 attempts in a row" in plan.reason


def test_waiting_for_a_machine_is_not_an_attempt_that_got_nowhere() -> None:
    markets = [Market.SPOT, Market.ON_DEMAND] * 10
    dry = [record(n, m, Verdict.NO_CAPACITY, False) for n, m in enumerate(markets, start=1)]
    assert isinstance(next_attempt(dry, Policy()), Plan)


def test_interruptions_that_left_a_checkpoint_are_free() -> None:
    lost = [record(n, Market.SPOT, Verdict.INTERRUPTED, True) for n in range(1, 100)]
    assert isinstance(next_attempt(lost, Policy()), Plan)


def test_a_deck_error_never_buys_a_second_machine() -> None:
    assert not may_continue(Verdict.DECK_ERROR)
    assert may_continue(Verdict.INTERRUPTED)
