"""Runs summed up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.account import Account, Grouping, accounts, total
from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.cost import Prices
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from tests.makers import ended_attempt, run_record

PRICES = Prices(spot_per_hour=1.0, on_demand_per_hour=4.0)


def record(number: int, hours: float = 1.0, **change: object) -> RunRecord:
    attempts = (
        ended_attempt(1, Verdict.INTERRUPTED, hours),
        ended_attempt(2, Verdict.COMPLETED, hours, market=Market.ON_DEMAND),
    )
    return run_record(**{"run_id": f"run-{number}", "attempts": attempts, **change})


def test_owners_are_told_apart_the_dearest_first() -> None:
    found = accounts(
        [record(1, owner="anna"), record(2, 3, owner="ben"), record(3, owner="anna")],
        PRICES,
        Grouping.OWNER,
    )
    assert [(item.name, item.runs, item.cost) for item in found] == [
        ("ben", 1, 15.0),
        ("anna", 2, 10.0),
    ]
    assert found[0].spot_share == 0.5
    assert found[0].cost_on_demand == 24.0
    assert found[0].saved == pytest.approx(1 - 15 / 24)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (Grouping.GROUP, ["polymers"]),
        (Grouping.MONTH, ["2026-12"]),
        (Grouping.RUN, ["run-1"]),
        (Grouping.DROP, ["inbox/melt/"]),
    ],
)
def test_what_runs_are_summed_up_by(by: Grouping, expected: list[str]) -> None:
    last_second = datetime.fromisoformat("2026-11-30T23:30:00-02:00")
    found = accounts([record(1, group="polymers", admitted_at=last_second)], PRICES, by)
    assert [item.name for item in found] == expected


def test_a_closed_run_cost_what_people_were_told() -> None:
    closed = record(1, state=RunState.COMPLETED, cost=3.21, closed_at=datetime.now(UTC))
    assert accounts([closed], PRICES, Grouping.RUN)[0].cost == 3.21
    going_on = record(1, state=RunState.RUNNING, cost=3.21)
    assert accounts([going_on], PRICES, Grouping.RUN)[0].cost == 5.0


def test_a_run_that_never_began_has_no_shares() -> None:
    [found] = accounts([run_record()], PRICES, Grouping.RUN)
    assert (found.seconds, found.cost, found.spot_share, found.saved) == (0, 0, None, None)
    assert total([]) == Account(name="total")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100))), st.sampled_from(Grouping))
def test_no_cent_is_lost_by_summing_up(runs: list[tuple[str, float]], by: Grouping) -> None:
    records = [
        record(number, hours, owner=owner, group=owner)
        for number, (owner, hours) in enumerate(runs)
    ]
    found = total(accounts(records, PRICES, by))
    assert found.runs == len(runs)
    assert found.cost == pytest.approx(sum(5 * hours for _, hours in runs), abs=1e-6)
    assert found.cost <= found.cost_on_demand + 1e-9
