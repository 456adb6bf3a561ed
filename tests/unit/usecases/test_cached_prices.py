"""Prices that are asked for once, and outlive their source."""

from __future__ import annotations

from datetime import timedelta

from deckhand.domain.attempt import Market
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.usecases.cached_prices import QUIET, CachedPrices
from tests.conftest import NOW
from tests.fakes import FakeMeasures, FakePrices

SPOT = PriceKey("g4dn.xlarge", Market.SPOT, "us-east-2a")
HOUR = timedelta(hours=1)


def test_a_price_is_asked_for_once_an_hour_by_all() -> None:
    store, source = FakeMeasures(), FakePrices({SPOT: 0.2})
    assert CachedPrices(store, source).price(SPOT, NOW) == 0.2
    source.prices[SPOT] = 0.3
    again = CachedPrices(store, source)
    assert again.price(SPOT, NOW + HOUR) == 0.2
    assert source.asked == 1
    assert again.price(SPOT, NOW + HOUR * 1.01) == 0.3
    assert again.price(SPOT, NOW + HOUR * 1.02) == 0.3
    assert source.asked == 2


def test_a_fresh_price_is_not_even_looked_up() -> None:
    store, source = FakeMeasures(), FakePrices({SPOT: 0.2})
    cached = CachedPrices(store, source)
    cached.price(SPOT, NOW)
    store.prices.clear()
    assert cached.price(SPOT, NOW) == 0.2
    assert source.asked == 1


def test_the_last_price_outlives_its_source() -> None:
    store = FakeMeasures({SPOT: Price(per_hour=0.2, at=NOW)})
    later = NOW + timedelta(days=40)
    assert CachedPrices(store, FakePrices()).price(SPOT, later) == 0.2
    assert CachedPrices(store).price(SPOT, later) == 0.2
    assert store.prices[SPOT].at == NOW


def test_a_source_without_an_answer_is_left_alone_for_a_while() -> None:
    source = FakePrices()
    cached = CachedPrices(FakeMeasures(), source)
    for _ in range(3):
        assert cached.price(SPOT, NOW) is None
    assert source.asked == 1
    source.prices[SPOT] = 0.2
    assert cached.price(SPOT, NOW + QUIET) == 0.2


def test_a_price_of_the_past_does_not_replace_that_of_now() -> None:
    store, source = FakeMeasures({SPOT: Price(per_hour=0.2, at=NOW)}), FakePrices({SPOT: 0.1})
    assert CachedPrices(store, source).price(SPOT, NOW - timedelta(days=1)) == 0.1
    assert store.prices[SPOT] == Price(per_hour=0.2, at=NOW)


def test_nothing_kept_and_nobody_to_ask() -> None:
    assert CachedPrices(FakeMeasures()).price(SPOT, NOW) is None
    assert CachedPrices(FakeMeasures()).machine("g4dn.xlarge") is None


def test_a_machine_is_asked_for_once() -> None:
    store, source = FakeMeasures(), FakePrices(machines={"g4dn.xlarge": Machine(gpus=1, vcpus=4)})
    for cached in (CachedPrices(store, source), CachedPrices(store, source), CachedPrices(store)):
        for _ in range(2):
            assert cached.machine("g4dn.xlarge") == Machine(gpus=1, vcpus=4)
    assert source.asked == 1
