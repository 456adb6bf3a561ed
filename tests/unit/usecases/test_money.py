"""What attempts cost and measure, what runs are expected to cost, and what people are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.cost import Prices
from deckhand.domain.options import Purchase, RunOptions
from deckhand.domain.price import JobSize, Machine, PriceKey
from deckhand.domain.projection import OWN_SPEED
from deckhand.domain.run import RunState
from deckhand.domain.speed import Measurement, SpeedKey
from deckhand.domain.status import Phase, Status
from deckhand.usecases.cached_prices import CachedPrices
from deckhand.usecases.forecast_run import Forecast, ForecastRun, read_run
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.keep_accounts import KeepAccounts
from deckhand.usecases.list_costs import ListCosts
from deckhand.usecases.project_run import ProjectRun
from deckhand.usecases.quote_attempt import QuoteAttempt
from deckhand.usecases.rates import Rates
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeLedger, FakeMeasures, FakePrices
from tests.makers import (
    ADMITTED,
    RUN,
    admitted_run,
    attempt_record,
    ended_attempt,
    put_run,
    put_status,
    run_record,
)

P4D = "p4d.24xlarge"
SPOT = PriceKey(P4D, Market.SPOT, "us-east-2a")
HERE = {"instance_type": P4D, "availability_zone": "us-east-2a"}
MELT = SpeedKey(P4D, 1, "lj/cut")


@dataclass
class World:
    """Eight attempts share a machine of $8 an hour on spot, $32 on demand."""

    runs: FakeBucket = field(default_factory=FakeBucket)
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger({RUN: run_record()}))
    measures: FakeMeasures = field(default_factory=FakeMeasures)
    prices: FakePrices = field(
        default_factory=lambda: FakePrices(
            {SPOT: 8.0, SPOT.in_region(): 16.0, SPOT.on(Market.ON_DEMAND): 32.0},
            {P4D: Machine(gpus=8, vcpus=96)},
        )
    )

    @property
    def rates(self) -> Rates:
        return Rates(self.prices, JobSize(gpus=1, vcpus=12), Prices(0.5, 5.0))

    @property
    def project(self) -> ProjectRun:
        types = {Market.SPOT: ("g5.xlarge", P4D), Market.ON_DEMAND: (P4D,)}
        return ProjectRun(self.measures, self.rates, types, "us-east-2")

    @property
    def forecast(self) -> ForecastRun:
        return ForecastRun(self.runs, self.rates, self.project)

    def account(self, attempt: AttemptRecord, **status: Any) -> AttemptRecord:
        put_status(self.runs, attempt.number, **status)
        self.ledger.runs[RUN] = self.ledger.runs[RUN].model_copy(
            update={"attempts": (attempt_record(attempt.number),)}
        )
        keep = KeepAccounts(self.runs, self.ledger, self.rates, self.measures)
        return keep(RUN, attempt, read_status(self.runs, RUN, attempt.number))

    def look(self, status: Status | None = None, done: int = 0, **change: Any) -> Forecast:
        return self.forecast(run_record(**change), status, done, NOW)

    def measure(self, *speeds: float, key: SpeedKey = MELT) -> None:
        for number, speed in enumerate(speeds):
            found = Measurement(run_id=f"run-{number}", atom_steps_per_second=speed)
            self.measures.keep(key, 1, NOW, found)


@pytest.fixture
def world() -> World:
    return World()


LOST = ended_attempt(1, Verdict.INTERRUPTED, 2, checkpoint="000000003000-a1")


def test_an_attempt_pays_its_part_of_its_machine(world: World) -> None:
    found = world.account(LOST, **HERE, steps_per_second=10.0)
    assert (found.price_per_hour, found.on_demand_per_hour) == (1.0, 4.0)
    assert (found.instance_type, found.availability_zone) == (P4D, "us-east-2a")
    assert found.steps_per_second == 10.0


def test_an_attempt_on_demand_pays_that_price(world: World) -> None:
    bought = LOST.model_copy(update={"market": Market.ON_DEMAND})
    found = world.account(bought, **HERE)
    assert (found.price_per_hour, found.on_demand_per_hour) == (4.0, 4.0)


def test_a_run_that_asks_for_more_gpus_pays_for_them(world: World) -> None:
    put_run(world.runs, options=RunOptions(gpus=4))
    assert world.account(LOST, **HERE).price_per_hour == 4.0


def test_more_gpus_come_with_as_many_times_the_vcpus(world: World) -> None:
    """Two attempts of 40 vCPUs each fill the machine, whatever GPUs are left."""
    put_run(world.runs, options=RunOptions(gpus=2))
    rates = Rates(world.prices, JobSize(gpus=1, vcpus=40), Prices(0.5, 5.0))
    assert rates.known(SPOT, NOW, 2) == pytest.approx(8.0 * 80 / 96)


def test_a_machine_nobody_knows_costs_as_many_times_as_it_has_gpus(world: World) -> None:
    key = PriceKey("g9.new", Market.SPOT, "us-east-2")
    assert world.rates.per_hour(key, NOW) == 0.5
    assert world.rates.per_hour(key, NOW, 4) == 2.0


def test_an_estimate_stands_where_the_machine_is_not_known(world: World) -> None:
    planned = LOST.model_copy(update={"price_per_hour": 2.0, "on_demand_per_hour": 20.0})
    unknown = {"instance_type": "g9.new", "availability_zone": "us-east-2a"}
    found = world.account(planned, **unknown)
    assert (found.price_per_hour, found.on_demand_per_hour) == (2.0, 20.0)
    found = world.account(planned, **HERE)
    assert (found.price_per_hour, found.on_demand_per_hour) == (1.0, 4.0)


# ---- what the next attempt of a run is expected to cost ------------------------------------------


def quote(world: World, market: Market, *types: str, **history: Any) -> float | None:
    asked = QuoteAttempt(world.rates, {market: types}, "us-east-2")
    attempts = (LOST.model_copy(update=history),) if history else ()
    run = admitted_run(options=RunOptions(gpus=4))
    return asked(run_record(attempts=attempts), run, market, NOW)


def test_the_next_attempt_costs_what_the_dearest_machine_of_the_stack_costs(world: World) -> None:
    world.prices.prices[PriceKey("p5", Market.SPOT, "us-east-2")] = 10.0
    world.prices.machines["p5"] = Machine(gpus=4, vcpus=96)
    assert quote(world, Market.SPOT, "g9.new", P4D) == 8.0
    assert quote(world, Market.SPOT, "g9.new", P4D, "p5") == 10.0
    assert quote(world, Market.ON_DEMAND, P4D) == 16.0


def test_a_price_is_taken_from_where_the_run_was_if_the_region_has_none(world: World) -> None:
    del world.prices.prices[SPOT.in_region()]
    assert quote(world, Market.SPOT, P4D) is None
    assert quote(world, Market.SPOT, P4D, **HERE) == 4.0


def test_a_run_that_asks_for_other_machines_does_not_pay_for_those_of_the_stack(
    world: World,
) -> None:
    asked = QuoteAttempt(world.rates, {Market.SPOT: (P4D,)}, "us-east-2")
    for instance, price in ((None, 2.0), ("standard", 2.0), ("big-memory", None)):
        run = admitted_run(options=RunOptions(instance=instance))
        assert asked(run_record(), run, Market.SPOT, NOW) == price


def test_what_one_run_has_heard_of_its_region_the_plan_of_the_next_one_knows(world: World) -> None:
    fallback = Prices(0.5, 5.0)
    heard = CachedPrices(world.measures, world.prices)
    accounts = Rates(heard, JobSize(gpus=1, vcpus=12), fallback)
    put_status(world.runs, 1, **HERE)
    keep = KeepAccounts(world.runs, world.ledger, accounts, world.measures)
    keep(RUN, LOST, read_status(world.runs, RUN, 1))
    kept = Rates(CachedPrices(world.measures), JobSize(gpus=1, vcpus=12), fallback)
    asked = QuoteAttempt(kept, {Market.SPOT: (P4D,)}, "us-east-2")
    assert asked(run_record(), admitted_run(), Market.SPOT, NOW) == 2.0


def test_nobody_knows_what_a_machine_without_a_price_costs(world: World) -> None:
    assert quote(world, Market.SPOT, "g9.new") is None
    assert quote(world, Market.SPOT) is None


def test_a_zone_without_a_price_has_that_of_its_region(world: World) -> None:
    found = world.account(LOST, **{**HERE, "availability_zone": "us-east-2c"})
    assert found.price_per_hour == 2.0


@pytest.mark.parametrize(
    "status", [{}, {"instance_type": "g9.new", "availability_zone": "us-east-2a"}]
)
def test_a_machine_nobody_knows_leaves_the_price_open(world: World, status: Any) -> None:
    found = world.account(LOST, **status)
    assert (found.price_per_hour, found.on_demand_per_hour) == (None, None)
    assert found.verdict is Verdict.INTERRUPTED


def test_an_attempt_that_said_nothing_is_as_it_was(world: World) -> None:
    keep = KeepAccounts(world.runs, world.ledger, world.rates, world.measures)
    assert keep(RUN, LOST, None) == LOST


def test_what_an_attempt_measured_serves_those_that_come(world: World) -> None:
    put_run(world.runs, atoms=4000, total_steps=5000, deck_class="lj/cut")
    world.account(LOST, **HERE, steps_per_second=10.0)
    [measured] = world.measures.newest(MELT, 20)
    assert measured == Measurement(run_id=RUN, atom_steps_per_second=40_000)


@pytest.mark.parametrize(
    ("run", "status"),
    [
        ({"atoms": 4000, "deck_class": ""}, {**HERE, "steps_per_second": 10.0}),
        ({"atoms": None, "deck_class": "lj/cut"}, {**HERE, "steps_per_second": 10.0}),
        ({"atoms": 4000, "deck_class": "lj/cut"}, {**HERE}),
        ({"atoms": 4000, "deck_class": "lj/cut"}, {"steps_per_second": 10.0}),
    ],
)
def test_half_a_measurement_is_none(world: World, run: Any, status: Any) -> None:
    put_run(world.runs, **run)
    world.account(LOST, **status)
    assert world.measures.speeds == {}


def test_after_an_attempt_the_run_is_projected_anew(world: World) -> None:
    world.ledger.runs[RUN] = run_record(total_steps=39_000, projected_cost=99.0)
    world.account(LOST, **HERE, steps_per_second=10.0)
    # $2 for two hours, and an hour for the 36,000 steps after the checkpoint.
    assert world.ledger.runs[RUN].projected_cost == pytest.approx(3.0)


def test_a_completed_run_costs_what_it_has_cost(world: World) -> None:
    world.ledger.runs[RUN] = run_record(total_steps=5000, projected_cost=99.0)
    world.account(ended_attempt(1, Verdict.COMPLETED, 3), **HERE, steps_per_second=10.0)
    assert world.ledger.runs[RUN].projected_cost == 3.0


def test_a_projection_stays_where_nothing_was_measured(world: World) -> None:
    world.ledger.runs[RUN] = run_record(total_steps=5000, projected_cost=99.0)
    world.account(LOST, **HERE)
    assert world.ledger.runs[RUN].projected_cost == 99.0


MELT_RUN = {"atoms": 1000, "total_steps": 36_000, "deck_class": "lj/cut"}


def test_a_run_is_projected_from_those_of_its_class(world: World) -> None:
    world.measure(9_000, 10_000, 12_000)
    found = world.project(admitted_run(**MELT_RUN), NOW)
    assert str(found) == f"about 60 min, $2.00 on spot (projected from 3 runs on {P4D})"


def test_a_run_that_is_bought_on_demand_is_projected_so(world: World) -> None:
    world.measure(10_000)
    options = RunOptions(purchase=Purchase.ON_DEMAND)
    found = world.project(admitted_run(**MELT_RUN, options=options), NOW)
    assert found is not None
    assert (found.dollars, found.market) == (4.0, Market.ON_DEMAND)


def test_a_run_that_names_its_machine_is_projected_on_it(world: World) -> None:
    world.measure(10_000)
    world.measure(100, key=SpeedKey("g4dn.xlarge", 1, "lj/cut"))
    options = RunOptions(instance="g4dn.xlarge")
    found = world.project(admitted_run(**MELT_RUN, options=options), NOW)
    assert found is not None
    # Nobody knows what that costs: the stack's own figure for an attempt.
    assert (found.seconds, found.dollars) == (360_000, 50.0)


@pytest.mark.parametrize(
    "change", [{"atoms": None}, {"total_steps": None}, {"total_steps": 0}, {"deck_class": ""},
               {"deck_class": "eam"}, {"options": RunOptions(gpus=2)}],
)  # fmt: skip
def test_nothing_is_projected_from_nothing(world: World, change: Any) -> None:
    world.measure(10_000)
    assert world.project(admitted_run(**{**MELT_RUN, **change}), NOW) is None


def living(world: World, phase: Phase = Phase.RUNNING, **change: Any) -> Status:
    """Attempt 2, on its machine for an hour."""
    return put_status(world.runs, 2, phase=phase, steps_per_second=10.0, **{**HERE, **change})


PAID = LOST.model_copy(update={"price_per_hour": 3.0})


def test_a_living_attempt_is_forecast_by_its_own_speed(world: World) -> None:
    found = world.look(
        living(world), done=3_000, total_steps=39_000, attempts=(PAID, attempt_record(2))
    )
    assert found.spent == 6.0 + 1.0
    assert found.left is not None
    assert (found.left.seconds, found.left.basis) == (3600, OWN_SPEED)
    assert (found.in_all, found.ends_at) == (8.0, NOW + timedelta(hours=1))


def test_without_a_machine_there_is_no_end(world: World) -> None:
    measured = PAID.model_copy(update={"steps_per_second": 10.0})
    waiting = world.look(done=3_000, total_steps=39_000, attempts=(measured, attempt_record(2)))
    assert (waiting.in_all, waiting.ends_at) == (9.0, None)
    stopping = world.look(
        living(world, Phase.STOPPING), total_steps=39_000, attempts=(PAID, attempt_record(2))
    )
    assert stopping.ends_at is None
    ended = world.look(living(world), total_steps=39_000, attempts=(PAID, LOST))
    assert ended.ends_at is None


def test_before_the_first_attempt_others_tell(world: World) -> None:
    world.measure(10_000)
    assert world.look(total_steps=36_000).left is None
    put_run(world.runs, **MELT_RUN)
    found = world.look(total_steps=36_000)
    assert (found.spent, found.in_all) == (0, 2.0)


def test_a_closed_run_has_no_future(world: World) -> None:
    found = world.look(
        living(world), state=RunState.COMPLETED, cost=7.5, total_steps=9, attempts=(PAID,)
    )
    assert found == Forecast(spent=7.5)


@pytest.mark.parametrize("content", [None, b"{}", b"not JSON"])
def test_a_run_that_was_not_accepted_cannot_be_read(content: bytes | None) -> None:
    runs = FakeBucket()
    if content is not None:
        runs.write(keys.run_record(RUN), content)
    assert read_run(runs, RUN) is None


def test_costs_are_listed_up_to_now(world: World) -> None:
    living(world)
    world.ledger.runs = {
        RUN: run_record(attempts=(PAID, attempt_record(2))),
        "old": run_record(run_id="old", admitted_at=ADMITTED - timedelta(days=1)),
        "done": run_record(run_id="done", state=RunState.COMPLETED, attempts=(PAID,)),
    }
    listed = ListCosts(world.runs, world.ledger, world.forecast)(ADMITTED, NOW)
    found = {item.run_id: item.attempts for item in listed}
    assert set(found) == {RUN, "done"}
    assert found["done"] == (PAID,)
    assert [item.seconds for item in found[RUN]] == [7200, 3600]
    assert found[RUN][1].price_per_hour == 1.0


def test_an_attempt_that_a_closed_run_left_behind_costs_nothing_more(world: World) -> None:
    living(world)
    cancelled = run_record(state=RunState.CANCELLED, attempts=(PAID, attempt_record(2)))
    world.ledger.runs = {RUN: cancelled}
    assert ListCosts(world.runs, world.ledger, world.forecast)(ADMITTED, NOW) == [cancelled]
