"""The contract of what is kept of prices, machines and speeds, in DynamoDB (moto) and the fake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest

from deckhand.adapters.ledger import Ledger
from deckhand.adapters.measures import Measures
from deckhand.domain.attempt import Market
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.domain.speed import Measurement, SpeedKey
from deckhand.usecases.ports import PriceStore, Speeds
from tests.conftest import NOW
from tests.fakes import FakeMeasures

SPOT = PriceKey("g4dn.xlarge", Market.SPOT, "us-east-2a")
MELT = SpeedKey("g4dn.xlarge", 1, "lj/cut bonded")


class Kept(PriceStore, Speeds, Protocol):
    """Both ports."""


@pytest.fixture(params=["fake", "dynamodb"])
def kept(request: pytest.FixtureRequest, aws: Callable[[str], Any], ledger_table: str) -> Kept:
    return FakeMeasures() if request.param == "fake" else Measures(aws("dynamodb"), ledger_table)


def measured(run: str, speed: float) -> Measurement:
    return Measurement(run_id=run, atom_steps_per_second=speed)


def test_nothing_is_known_at_first(kept: Kept) -> None:
    assert kept.price(SPOT) is None
    assert kept.machine("g4dn.xlarge") is None
    assert kept.newest(MELT, 20) == []


@pytest.mark.parametrize("per_hour", [0.0, 0.1 + 0.2, 21.95764])
def test_a_price_comes_back_as_it_was(kept: Kept, per_hour: float) -> None:
    kept.keep_price(SPOT, Price(per_hour=9.0, at=NOW))
    later = Price(per_hour=per_hour, at=NOW + timedelta(microseconds=1))
    kept.keep_price(SPOT, later)
    assert kept.price(SPOT) == later
    for other in (SPOT.in_region(), SPOT.on(Market.ON_DEMAND), PriceKey("g4dn", Market.SPOT, "u")):
        assert kept.price(other) is None


def test_a_machine_comes_back(kept: Kept) -> None:
    kept.keep_machine("p4d.24xlarge", Machine(gpus=8, vcpus=96))
    assert kept.machine("p4d.24xlarge") == Machine(gpus=8, vcpus=96)
    assert kept.machine("p4d.24xlarg") is None


def test_the_newest_speeds_of_a_class_come_first(kept: Kept) -> None:
    for number in range(5):
        at = NOW + timedelta(seconds=number)
        kept.keep(MELT, 1, at, measured(f"run-{number}", 1e6 + number))
    for other in (
        SpeedKey("g4dn.xlarge", 1, "lj/cut"),
        SpeedKey("g4dn.xlarge", 2, "lj/cut bonded"),
        SpeedKey("g5.xlarge", 1, "lj/cut bonded"),
    ):
        kept.keep(other, 1, NOW + timedelta(days=1), measured("other", 7.0))
    assert [item.run_id for item in kept.newest(MELT, 3)] == ["run-4", "run-3", "run-2"]
    assert len(kept.newest(MELT, 20)) == 5


def test_what_an_attempt_measured_is_kept_once(kept: Kept) -> None:
    for number in (1, 1, 2):
        kept.keep(MELT, number, NOW, measured("run", 5.0))
    assert len(kept.newest(MELT, 20)) == 2


def test_no_run_is_called_like_what_is_kept(aws: Callable[[str], Any], ledger_table: str) -> None:
    measures = Measures(aws("dynamodb"), ledger_table)
    measures.keep_price(SPOT, Price(per_hour=1.0, at=NOW))
    measures.keep(MELT, 1, NOW, measured("run", 1.0))
    ledger = Ledger(aws("dynamodb"), ledger_table)
    assert ledger.run("prices") is None
    assert ledger.since(datetime(2020, 1, 1, tzinfo=NOW.tzinfo)) == []


def test_a_table_that_is_away_is_nothing_known(aws: Callable[[str], Any]) -> None:
    measures = Measures(aws("dynamodb"), "nowhere")
    measures.keep_price(SPOT, Price(per_hour=1.0, at=NOW))
    measures.keep(MELT, 1, NOW, measured("run", 1.0))
    assert (measures.price(SPOT), measures.newest(MELT, 5)) == (None, [])


def test_what_cannot_be_read_is_nothing_known(aws: Callable[[str], Any], ledger_table: str) -> None:
    item = {"run_id": {"S": "prices"}, "item": {"S": str(SPOT)}, "body": {"S": '{"per_hour": -1}'}}
    aws("dynamodb").put_item(TableName=ledger_table, Item=item)
    assert Measures(aws("dynamodb"), ledger_table).price(SPOT) is None
