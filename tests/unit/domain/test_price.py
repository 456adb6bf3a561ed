"""Which price is meant, and an attempt's part of a machine."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Market
from deckhand.domain.price import JobSize, Machine, MachinePrices, Price, PriceKey, share
from tests.conftest import NOW

P4D = Machine(gpus=8, vcpus=96)


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("us-east-2a", "us-east-2"),
        ("us-east-2", "us-east-2"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("us-east-1-bos-1a", "us-east-1"),
        ("ap-southeast-2c", "ap-southeast-2"),
        ("nowhere", "nowhere"),
    ],
)
def test_a_zone_lies_in_a_region(zone: str, region: str) -> None:
    key = PriceKey("g4dn.xlarge", Market.SPOT, zone)
    assert key.region == region
    assert key.is_zone == (zone != region)
    assert key.in_region().zone == region
    assert not key.in_region().is_zone


def test_on_demand_has_one_price_in_a_region() -> None:
    spot = PriceKey("g4dn.xlarge", Market.SPOT, "us-east-2a")
    bought = PriceKey("g4dn.xlarge", Market.ON_DEMAND, "us-east-2")
    assert spot.on(Market.ON_DEMAND) == bought
    assert spot.on(Market.SPOT) == spot
    assert str(bought) == "g4dn.xlarge#on-demand#us-east-2"


@pytest.mark.parametrize(
    ("market", "age", "fresh"),
    [
        (Market.SPOT, timedelta(minutes=59), True),
        (Market.SPOT, timedelta(minutes=61), False),
        (Market.ON_DEMAND, timedelta(hours=23), True),
        (Market.ON_DEMAND, timedelta(hours=25), False),
    ],
)
def test_a_price_ages(market: Market, age: timedelta, fresh: bool) -> None:
    price = Price(per_hour=1.0, at=NOW)
    assert price.is_fresh(market, NOW + age) is fresh
    assert price.is_fresh(market, NOW - age) is fresh


@pytest.mark.parametrize(
    ("job", "machine", "expected"),
    [
        (JobSize(gpus=1, vcpus=12), P4D, 1 / 8),
        (JobSize(gpus=1), P4D, 1 / 8),
        (JobSize(gpus=1, vcpus=48), P4D, 1 / 2),
        (JobSize(gpus=8, vcpus=96), P4D, 1),
        (JobSize(gpus=1, vcpus=4), Machine(gpus=1, vcpus=4), 1),
        (JobSize(gpus=0, vcpus=2), Machine(gpus=0, vcpus=8), 1 / 4),
        (JobSize(gpus=0, vcpus=0), P4D, None),
        (JobSize(gpus=1, vcpus=4), Machine(gpus=0, vcpus=4), None),
        (JobSize(gpus=1, vcpus=97), P4D, None),
    ],
)
def test_a_share_is_what_nobody_else_can_use(
    job: JobSize, machine: Machine, expected: float | None
) -> None:
    assert share(job, machine) == expected


@given(
    st.builds(JobSize, st.integers(0, 16), st.integers(0, 200)),
    st.builds(Machine, gpus=st.integers(0, 16), vcpus=st.integers(0, 200)),
)
def test_nobody_has_more_than_the_machine(job: JobSize, machine: Machine) -> None:
    part = share(job, machine)
    assert part is None or 0 < part <= 1


def test_prices_of_ones_own_are_read() -> None:
    own = MachinePrices.model_validate({"spot": 0.2, "on-demand": 0.526, "gpus": 1})
    assert (own.per_hour(Market.SPOT), own.per_hour(Market.ON_DEMAND)) == (0.2, 0.526)
    assert MachinePrices().per_hour(Market.SPOT) is None
