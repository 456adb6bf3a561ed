"""The arithmetic of costs, whatever the attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.cost import Prices, as_if_ended, cost, cost_on_demand
from deckhand.domain.report import compose_report
from deckhand.domain.status import Phase, Status
from tests.conftest import NOW
from tests.makers import ADMITTED, RUN, attempt_record, ended_attempt, run_record

PRICES = Prices(spot_per_hour=1.0, on_demand_per_hour=4.0)

DOLLARS = st.floats(0, 1000)
KNOWN = st.none() | DOLLARS
HOURS = st.floats(0, 200)


@st.composite
def attempts(draw: st.DrawFn) -> AttemptRecord:
    hours = draw(st.none() | HOURS)
    given: dict[str, Any] = {
        "market": draw(st.sampled_from(Market)),
        "price_per_hour": draw(KNOWN),
        "on_demand_per_hour": draw(KNOWN),
    }
    if hours is None:
        return attempt_record(1, **given)
    return ended_attempt(1, Verdict.INTERRUPTED, hours, **given)


ALL = st.builds(Prices, DOLLARS, DOLLARS)


@given(st.lists(attempts()), st.lists(attempts()), ALL)
def test_costs_add_up(some: list[AttemptRecord], more: list[AttemptRecord], prices: Prices) -> None:
    for sum_of in (cost, cost_on_demand):
        together = sum_of([*some, *more], prices)
        assert together == pytest.approx(sum_of(some, prices) + sum_of(more, prices))
        assert together >= 0


@given(attempts(), HOURS, HOURS, ALL)
def test_more_time_costs_no_less(
    attempt: AttemptRecord, hours: float, more: float, prices: Prices
) -> None:
    def lasting(time: float) -> AttemptRecord:
        times = {"started_at": ADMITTED, "stopped_at": ADMITTED + timedelta(hours=time)}
        return attempt.model_copy(update=times)

    for sum_of in (cost, cost_on_demand):
        assert sum_of([lasting(hours)], prices) <= sum_of([lasting(hours + more)], prices)
        assert sum_of([lasting(0)], prices) == 0


@given(attempts(), ALL, ALL)
def test_a_recorded_price_does_not_change_afterwards(
    attempt: AttemptRecord, before: Prices, after: Prices
) -> None:
    known = attempt.model_copy(update={"price_per_hour": 2.0, "on_demand_per_hour": 3.0})
    assert cost([known], before) == cost([known], after)
    assert cost_on_demand([known], before) == cost_on_demand([known], after)


def test_an_attempt_costs_its_own_price() -> None:
    spot = ended_attempt(1, Verdict.INTERRUPTED, 2, price_per_hour=0.5, on_demand_per_hour=2.0)
    unknown = ended_attempt(2, Verdict.INTERRUPTED, 1)
    bought = ended_attempt(3, Verdict.COMPLETED, 1, market=Market.ON_DEMAND, price_per_hour=3.0)
    history = (spot, unknown, bought)
    assert cost(history, PRICES) == 2 * 0.5 + 1.0 + 3.0
    assert cost_on_demand(history, PRICES) == 2 * 2.0 + 4.0 + 3.0


def test_a_clock_that_goes_back_costs_nothing() -> None:
    assert cost([ended_attempt(1, Verdict.COMPLETED, -1, price_per_hour=9.0)], PRICES) == 0


def test_the_report_says_what_a_cost_was_computed_with() -> None:
    here = {"instance_type": "g4dn.xlarge", "availability_zone": "us-east-2b"}
    priced = ended_attempt(1, Verdict.INTERRUPTED, 2, price_per_hour=0.2112, **here)
    guessed = ended_attempt(2, Verdict.COMPLETED, 1)
    report = compose_report(run_record(attempts=(priced, guessed)), NOW, PRICES)
    first, second = report.attempts
    assert (first.cost, first.price_per_hour) == (0.4224, 0.2112)
    assert (first.instance_type, first.availability_zone) == ("g4dn.xlarge", "us-east-2b")
    assert (second.cost, second.price_per_hour, second.instance_type) == (1.0, 1.0, None)
    assert (report.cost, report.cost_on_demand) == (1.4224, 12.0)


@pytest.mark.parametrize(
    ("phase", "seconds"), [(Phase.RUNNING, 3600), (Phase.FETCHING, 3600), (Phase.ENDED, 600)]
)
def test_a_living_attempt_costs_up_to_now(phase: Phase, seconds: float) -> None:
    status = Status(
        run_id=RUN,
        attempt=1,
        phase=phase,
        started_at=ADMITTED,
        updated_at=ADMITTED + timedelta(minutes=10),
    )
    assert as_if_ended(attempt_record(1), status, NOW).seconds == seconds
    assert as_if_ended(attempt_record(2), status, NOW).seconds == 0
    assert as_if_ended(attempt_record(1), None, NOW).seconds == 0
    assert as_if_ended(ended_attempt(1, Verdict.COMPLETED, 7), status, NOW).seconds == 7 * 3600
