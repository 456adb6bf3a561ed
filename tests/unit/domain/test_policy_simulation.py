"""The comparison of benchmarks/policy in small: orderings that must hold on any seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.policy.carry import carry, works
from benchmarks.policy.compare import (
    DECKHAND,
    GREEDY,
    IN_TIME,
    ON_DEMAND,
    SPOT_ONLY,
    Row,
    Way,
    compare,
)
from benchmarks.policy.market import ALWAYS, DAY, HOUR, NEVER, Market, Zone, published, synthetic
from deckhand.domain.attempt import Market as Bought
from deckhand.domain.attempt import Verdict
from deckhand.domain.options import RunOptions
from deckhand.domain.policy import Policy

MARKETS = {market.name.split(":")[0]: market for market in synthetic(7)}
RUNS = 12
SLACK = 1.1
WAYS = (ON_DEMAND, SPOT_ONLY, Way("greedy", GREEDY), DECKHAND, IN_TIME)


def rows(market: Market, *ways: Way) -> list[Row]:
    return compare(market, ways or WAYS, works(7, market, RUNS), SLACK)


@pytest.mark.parametrize("name", ["mild", "ordinary", "hard", "hard, 3 zones"])
def test_cheaper_than_on_demand_and_in_time_where_spot_works_at_all(name: str) -> None:
    on_demand, spot_only, greedy, deckhand, in_time = rows(MARKETS[name])
    assert spot_only.dollars <= deckhand.dollars <= in_time.dollars < greedy.dollars
    assert greedy.dollars <= on_demand.dollars * 1.01
    assert deckhand.span_95 <= spot_only.span_95
    assert in_time.missed == 0
    assert {row.unfinished for row in (on_demand, greedy, deckhand, in_time)} == {0}


def test_without_any_spot_little_is_lost() -> None:
    on_demand, deckhand, in_time = rows(MARKETS["no spot at all"], ON_DEMAND, DECKHAND, IN_TIME)
    assert deckhand.dollars <= 1.05 * on_demand.dollars
    assert deckhand.span_95 <= 1.1
    assert in_time.missed == 0


def test_more_zones_are_cheaper() -> None:
    (one,), (three,) = rows(MARKETS["hard"], DECKHAND), rows(MARKETS["hard, 3 zones"], DECKHAND)
    assert three.of_on_demand < one.of_on_demand


def test_spot_only_without_spot_is_given_up() -> None:
    market = Market("none", (NEVER,), ALWAYS)
    policy = Policy(waiting_seconds=2 * 24 * 3600)
    options = RunOptions(purchase="spot-only")
    run = carry(works(7, market, 1)[0], market, policy, options)
    assert (run.is_finished, run.dollars) == (False, 0)
    assert "48 h 00 min" in run.reason
    assert run.seconds < 3 * DAY


def test_a_cap_is_never_passed() -> None:
    market = MARKETS["ordinary"]
    for work in works(7, market, RUNS):
        run = carry(work, market, Policy(), RunOptions(), cap=30.0)
        assert not run.is_finished
        assert run.dollars <= 30.0
        assert "--dollars" in run.reason


def test_the_same_seed_is_the_same_run() -> None:
    market = MARKETS["hard"]
    assert rows(market, DECKHAND) == rows(market, DECKHAND)


def test_a_machine_is_had_and_lost_when_its_zone_says_so() -> None:
    zone = Zone((2 * HOUR, 5 * HOUR), DAY)
    assert zone.comes(0, HOUR) is None
    assert zone.comes(1.5 * HOUR, HOUR) == 2 * HOUR
    assert zone.ends(3 * HOUR) == 5 * HOUR
    assert zone.comes(DAY - HOUR, 4 * HOUR) == DAY + 2 * HOUR
    lasting = Zone((0.0, 5 * HOUR, 6 * HOUR), DAY)
    assert lasting.ends(7 * HOUR) == DAY + 5 * HOUR


def test_a_published_trace_is_a_market(tmp_path: Path) -> None:
    document = {"metadata": {"gap_seconds": 600}, "data": [0, 1, 1, 0, 2, 0]}
    for zone in ("a", "b"):
        path = tmp_path / f"us-west-2{zone}_v100_1.json"
        path.write_text(json.dumps(document), encoding="utf-8")
    (market,) = published(tmp_path)
    assert market.name == f"{tmp_path.name}: us-west-2, 2 zones"
    assert market.zones[0] == Zone((600, 1800, 2400, 3000), 3600)
    run = carry(works(7, market, 1)[0], market, Policy(), RunOptions())
    assert run.is_finished
    assert {record.market for record in run.attempts} == set(Bought)
    assert Verdict.INTERRUPTED in {record.verdict for record in run.attempts}
