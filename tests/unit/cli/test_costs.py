"""`deckhand costs`, and the money that `deckhand show` tells of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deckhand.adapters.measures import Measures
from deckhand.adapters.session import aws_client
from deckhand.cli import place
from deckhand.cli.money import money_facts
from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.domain.projection import Projection
from deckhand.domain.run import RunState
from deckhand.domain.status import Phase
from deckhand.usecases.forecast_run import Forecast
from tests.conftest import NOW
from tests.makers import RUN, attempt_record, ended_attempt, put_status, run_record
from tests.unit.cli.conftest import Deployed


@pytest.fixture(autouse=True)
def _no_local_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(place.LOCAL_STATES, str(tmp_path / "none"))


TODAY = datetime.now(UTC)


def add(deployed: Deployed, run_id: str, owner: str, hours: float, **change: Any) -> None:
    given = {"run_id": run_id, "owner": owner, "group": "polymers", "admitted_at": TODAY}
    deployed.ledger.admit(run_record(**{**given, **change}))
    lost = ended_attempt(1, Verdict.INTERRUPTED, hours, price_per_hour=0.25)
    deployed.ledger.plan(run_id, lost)
    deployed.ledger.plan(run_id, ended_attempt(2, Verdict.COMPLETED, 1, market=Market.ON_DEMAND))


def rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines() if line and "Runs admitted" not in line]


def test_costs_are_shown_by_owner_with_what_was_saved(deployed: Deployed) -> None:
    add(deployed, "run-1", "anna", 2)
    add(deployed, "run-2", "anna", 4)
    add(deployed, "run-3", "ben", 3)
    result = deployed.type("costs")
    assert result.exit_code == 0, result.output
    # The fixtures' stack says $0.5 for an hour on demand.
    assert rows(result.output)[1:] == [
        ["anna", "2", "8.0", "75", "%", "$2.50", "$4.00", "38", "%"],
        ["ben", "1", "4.0", "75", "%", "$1.25", "$2.00", "38", "%"],
        ["total", "3", "12.0", "75", "%", "$3.75", "$6.00", "38", "%"],
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("group", {"polymers"}),
        ("run", {"run-1", "run-2"}),
        ("month", {f"{TODAY:%Y-%m}"}),
        ("drop", {"inbox/melt/"}),
    ],
)
def test_costs_as_json(deployed: Deployed, by: str, expected: set[str]) -> None:
    add(deployed, "run-1", "anna", 2)
    add(deployed, "run-2", "ben", 2)
    found = json.loads(deployed.type("costs", "--by", by, "--json").output)
    assert {item["name"] for item in found["accounts"]} == expected
    assert found["total"]["runs"] == 2
    assert found["total"]["seconds"] == 6 * 3600
    assert found["total"]["cost"] == pytest.approx(2.0)


def test_costs_since_a_day(deployed: Deployed) -> None:
    old = TODAY - timedelta(days=100)
    add(deployed, "old", "anna", 2, admitted_at=old)
    add(deployed, "new", "ben", 2)
    assert "anna" not in deployed.type("costs").output
    since = f"{old:%Y-%m-%d}"
    assert "anna" in deployed.type("costs", "--since", since).output
    assert deployed.type("costs", "--since", "yesterday").exit_code == 2
    tomorrow = f"{TODAY + timedelta(days=1):%Y-%m-%d}"
    assert "No run was admitted since" in deployed.type("costs", "--since", tomorrow).output


def test_show_says_where_it_is_and_what_it_will_cost(deployed: Deployed, ledger_table: str) -> None:
    begun = datetime.now(UTC) - timedelta(hours=2)
    deployed.ledger.admit(
        run_record(admitted_at=begun, owner="anna", group="polymers", dollars=10.0)
    )
    deployed.ledger.advance(RUN, RunState.RUNNING, deck="in.melt", total_steps=144_000)
    deployed.ledger.plan(RUN, ended_attempt(1, Verdict.INTERRUPTED, 1, price_per_hour=0.5))
    deployed.ledger.plan(RUN, attempt_record(2))
    measures = Measures(aws_client("dynamodb"), ledger_table)
    measures.keep_machine("g4dn.xlarge", Machine(gpus=1, vcpus=4))
    zone = PriceKey("g4dn.xlarge", Market.SPOT, "us-east-2a")
    measures.keep_price(zone, Price(per_hour=0.75, at=begun))
    put_status(
        deployed.runs,  # type: ignore[arg-type]
        2,
        phase=Phase.RUNNING,
        started_at=begun,
        step=36_000,
        steps_per_second=10.0,
        instance_type="g4dn.xlarge",
        availability_zone="us-east-2a",
    )
    result = deployed.type("show", RUN)
    assert result.exit_code == 0, result.output
    assert "$2.00 so far, about $4.25 in all, by its own speed" in result.output
    assert "UTC, in 3 h 00 min" in result.output
    assert "$10.00, 20 % used" in result.output
    assert "anna, group polymers" in result.output


LEFT = Projection(seconds=7200, dollars=3.0, market=Market.SPOT, basis="2 runs on g5.xlarge")


def facts(forecast: Forecast, **change: Any) -> dict[str, str]:
    return dict(money_facts(run_record(**change), forecast, NOW))


def test_a_run_without_a_machine_has_no_end_yet() -> None:
    assert facts(Forecast(spent=0.0, left=LEFT)) == {
        "cost": "$0.00 so far, about $3.00 in all, by 2 runs on g5.xlarge",
        "end": "about 2 h of computing once it has a machine",
    }


def test_a_run_of_which_nothing_is_known_says_nothing() -> None:
    assert facts(Forecast(spent=0.0)) == {}
    assert facts(Forecast(spent=1.0)) == {"cost": "$1.00 so far"}
    assert facts(Forecast(spent=1.0), projected_cost=4.0) == {
        "cost": "$1.00 so far, about $4.00 in all"
    }


def test_a_cap_that_will_be_reached_is_said_beforehand() -> None:
    assert facts(Forecast(spent=1.0, left=LEFT), dollars=4.0)["cap"] == "$4.00, 25 % used"
    above = facts(Forecast(spent=1.0, left=LEFT), dollars=3.5)["cap"]
    assert "it will be reached before the end, and the run held" in above


def test_a_closed_run_has_cost_what_it_has() -> None:
    closed = {"state": RunState.FAILED, "dollars": 5.0, "owner": "anna"}
    assert facts(Forecast(spent=2.5), **closed) == {"cost": "$2.50", "owner": "anna, group default"}
    assert facts(Forecast(spent=0.0), state=RunState.REJECTED) == {}
