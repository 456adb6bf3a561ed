"""Plans: the right checkpoint, the right market, and the same answer twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import (
    NEVER_SUBMITTED,
    AttemptRecord,
    Market,
    Outcome,
    Verdict,
    job_name,
    judge,
    parse_job,
)
from deckhand.domain.cost import Prices, cost
from deckhand.domain.errors import LedgerError, MessageNotSentError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import Event
from deckhand.domain.options import RunOptions, Window
from deckhand.domain.policy import Policy
from deckhand.domain.run import Run, RunState
from deckhand.usecases.plan_attempt import Decision, Order, PlanAttempt, Planned
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeJobs, FakeLedger, FakeTopic, telling
from tests.makers import (
    PROFILES,
    RUN,
    attempt_record,
    ended_attempt,
    job,
    manifest,
    put_checkpoint,
    put_run,
    run_record,
)


@dataclass
class World:
    runs: FakeBucket = field(default_factory=FakeBucket)
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger({RUN: run_record()}))
    jobs: FakeJobs = field(default_factory=FakeJobs)
    topic: FakeTopic = field(default_factory=FakeTopic)
    prices: Prices = field(default_factory=lambda: Prices(0.2, 0.5))
    quoted: dict[Market, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tell = telling(self.topic)

    def plan(self, now: datetime = NOW) -> Planned:
        services = self.runs, self.ledger, self.jobs, self.tell
        given = Policy(), PROFILES, self.prices, 300, 600
        return PlanAttempt(*services, *given, quote=self.quote)(RUN, now)

    def quote(self, record: RunRecord, run: Run, market: Market, now: datetime) -> float | None:
        return self.quoted.get(market)

    def order(self) -> Order:
        planned = self.plan()
        assert planned.decision is Decision.RUN
        assert planned.order is not None
        return planned.order

    def history(self, *verdicts: Verdict, advanced: bool = True, **change: Any) -> None:
        ended = (
            ended_attempt(number, verdict, advanced=advanced)
            for number, verdict in enumerate(verdicts, start=1)
        )
        self.ledger.runs[RUN] = run_record(attempts=tuple(ended), **change)

    @property
    def record(self) -> RunRecord:
        return self.ledger.runs[RUN]

    @property
    def events(self) -> list[Event]:
        return [message.event for message in self.topic.messages]


@pytest.fixture
def world() -> World:
    world = World()
    put_run(world.runs)
    return world


def test_the_first_attempt_starts_from_the_beginning_on_spot(world: World) -> None:
    planned = world.plan()
    assert (planned.decision, planned.attempt) == (Decision.RUN, 1)
    order = planned.order
    assert order is not None
    assert (order.market, order.queue, order.checkpoint) == (Market.SPOT, "spot", "")
    assert order.timeout_seconds == Policy().spot_seconds
    assert order.stop_after_seconds == Policy().spot_seconds - 300
    assert order.resources == (
        {"Type": "VCPU", "Value": "4"},
        {"Type": "MEMORY", "Value": "14336"},
        {"Type": "GPU", "Value": "1"},
    )
    assert world.record.attempts[0].planned_at == NOW
    assert world.events == []


def test_an_attempt_resumes_from_the_furthest_checkpoint(world: World) -> None:
    for step, attempt in ((1000, 1), (3000, 1), (2000, 2)):
        put_checkpoint(world.runs, manifest(step, attempt))
    world.history(Verdict.INTERRUPTED, Verdict.INTERRUPTED)
    assert world.order().checkpoint == "000000003000-a1"


def test_a_checkpoint_without_a_readable_manifest_or_a_file_is_passed_over(world: World) -> None:
    put_checkpoint(world.runs, manifest(1000, 1))
    world.runs.write(keys.manifest(RUN, CheckpointId(5000, 1)), b'{"schema_version": 99}')
    world.runs.write(keys.checkpoint_file(RUN, CheckpointId(4000, 1), "restart.zst"), b"xxxx")
    put_checkpoint(world.runs, manifest(3000, 1))
    world.runs.delete([keys.checkpoint_file(RUN, CheckpointId(3000, 1), "restart.zst")])
    moved = manifest(2000, 1).model_dump_json().encode()
    world.runs.write(keys.manifest(RUN, CheckpointId(6000, 1)), moved)
    assert world.order().checkpoint == "000000001000-a1"


def test_a_repeated_plan_is_the_same_plan(world: World) -> None:
    first = world.plan()
    put_checkpoint(world.runs, manifest(1000, 1))
    assert world.plan() == first
    assert len(world.ledger.runs[RUN].attempts) == 1


def test_three_losses_buy_a_slice_on_demand_and_say_so(world: World) -> None:
    ended = [ended_attempt(number, Verdict.INTERRUPTED, advanced=True) for number in range(1, 4)]
    world.ledger.runs[RUN] = run_record(attempts=tuple(ended))
    planned = world.plan()
    order = planned.order
    assert order is not None
    assert (order.market, order.queue, planned.attempt) == (Market.ON_DEMAND, "on-demand", 4)
    assert order.timeout_seconds == Policy().first_slice_seconds
    assert world.events == [Event.RUN_FELL_BACK]


def test_a_run_that_gets_nowhere_is_given_up(world: World) -> None:
    world.history(*[Verdict.WALLTIME] * 5, advanced=False)
    planned = world.plan()
    assert (planned.decision, planned.state) == (Decision.CLOSE, RunState.FAILED)
    assert "5 attempts in a row" in planned.reason
    assert len(world.record.attempts) == 5


def test_a_stall_is_told_of_and_another_machine_goes_on(world: World) -> None:
    world.history(Verdict.STALLED)
    assert world.plan().attempt == 2
    assert world.events == [Event.RUN_STALLED]
    assert "Attempt 2 goes on" in world.topic.messages[0].body


def test_a_person_who_resumes_forgives(world: World) -> None:
    world.history(*[Verdict.WALLTIME] * 5, advanced=False, forgiven=5)
    assert world.plan().attempt == 6


def test_a_closed_run_is_not_planned(world: World) -> None:
    world.ledger.close(RUN, RunState.CANCELLED, "stopped by hand", NOW)
    planned = world.plan()
    assert (planned.decision, planned.state) == (Decision.CLOSE, RunState.CANCELLED)
    assert planned.reason == "stopped by hand"


def test_what_run_yaml_asks_for_is_ordered(world: World) -> None:
    put_run(world.runs, options=RunOptions(gpus=2, priority=9, tell_start=True))
    world.ledger.runs[RUN] = run_record(owner="ada.l-1", group="polymers")
    order = world.order()
    assert (order.priority, order.share) == (9, "adal1")
    assert (order.owner, order.group) == ("ada.l-1", "polymers")
    assert {item["Type"]: item["Value"] for item in order.resources} == {
        "VCPU": "8",
        "MEMORY": "28672",
        "GPU": "2",
    }
    assert world.events == [Event.RUN_STARTED]


def test_a_cap_holds_the_run_with_one_message(world: World) -> None:
    world.history(Verdict.INTERRUPTED, dollars=0.1)
    for _ in range(2):
        planned = world.plan()
        assert (planned.decision, planned.state) == (Decision.HOLD, RunState.HELD)
    assert world.record.state is RunState.HELD
    assert f"To go on: deckhand resume {RUN} --dollars" in planned.reason
    assert f"  deckhand resume {RUN} --dollars" in world.topic.messages[0].body
    assert world.events == [Event.RUN_HELD]


def timeout_below_a_cap(world: World, dollars: float) -> int:
    world.ledger.runs[RUN] = run_record(dollars=dollars)
    return world.order().timeout_seconds


def test_a_run_of_four_gpus_reaches_its_cap_four_times_as_soon(world: World) -> None:
    usual = timeout_below_a_cap(world, 2.0)
    put_run(world.runs, options=RunOptions(gpus=4))
    assert usual == pytest.approx(10 * 3600)
    assert timeout_below_a_cap(world, 2.0) == pytest.approx(usual / 4)


def test_todays_price_goes_before_that_of_the_stack(world: World) -> None:
    world.quoted = {Market.SPOT: 0.4}
    assert timeout_below_a_cap(world, 2.0) == pytest.approx(5 * 3600)
    [attempt] = world.record.attempts
    assert (attempt.price_per_hour, attempt.on_demand_per_hour) == (0.4, 0.5)


def test_a_price_that_is_told_is_already_that_of_all_gpus(world: World) -> None:
    put_run(world.runs, options=RunOptions(gpus=4))
    world.quoted = {Market.SPOT: 0.4}
    assert timeout_below_a_cap(world, 2.0) == pytest.approx(5 * 3600)


def test_what_an_attempt_costs_is_written_down_when_it_is_planned(world: World) -> None:
    put_run(world.runs, options=RunOptions(gpus=4))
    world.order()
    [attempt] = world.record.attempts
    assert (attempt.price_per_hour, attempt.on_demand_per_hour) == (0.8, 2.0)
    times = {"started_at": NOW, "stopped_at": NOW + timedelta(hours=2)}
    assert cost([attempt.model_copy(update=times)], world.prices) == pytest.approx(1.6)


def test_a_price_that_nobody_knows_is_not_written_down(world: World) -> None:
    world.prices = Prices(0.0, 0.0)
    world.order()
    [attempt] = world.record.attempts
    assert (attempt.price_per_hour, attempt.on_demand_per_hour) == (None, None)


def test_people_are_told_what_falling_back_costs_today(world: World) -> None:
    ended = [ended_attempt(number, Verdict.INTERRUPTED, advanced=True) for number in range(1, 4)]
    world.ledger.runs[RUN] = run_record(attempts=tuple(ended))
    world.quoted = {Market.SPOT: 3.0, Market.ON_DEMAND: 7.5}
    world.order()
    assert "$7.50 per hour instead of $3.00" in world.topic.messages[0].body


def test_a_run_is_held_also_while_nobody_can_be_told(world: World) -> None:
    world.history(Verdict.INTERRUPTED, dollars=0.1)
    world.topic.error = MessageNotSentError("throttled")
    assert world.plan().decision is Decision.HOLD
    assert world.events == []
    world.tell.again(timedelta(0) - timedelta(seconds=1))
    assert world.events == [Event.RUN_HELD]


def test_a_run_outside_its_hours_waits(world: World) -> None:
    put_run(world.runs, options=RunOptions(window=Window.WEEKENDS))
    friday = NOW - timedelta(days=(NOW.weekday() - 4) % 7)
    planned = world.plan(friday.replace(hour=12))
    assert (planned.decision, world.record.state) == (Decision.WAIT, RunState.WAITING)
    assert 0 < planned.wait_seconds <= 3 * 24 * 3600
    assert world.plan(friday + timedelta(seconds=planned.wait_seconds, days=1)).attempt == 1
    assert world.record.state is RunState.RUNNING


def test_an_extension_reaches_run_json(world: World) -> None:
    put_run(world.runs, total_steps=1000)
    world.ledger.runs[RUN] = run_record(extensions=(500, 20))
    world.plan()
    run = Run.model_validate_json(world.runs.read(keys.run_record(RUN)) or b"")
    assert (run.extensions, run.total_steps) == ((500, 20), 1000)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.COMPLETED, RunState.COMPLETED),
        (Verdict.DECK_ERROR, RunState.FAILED),
        (Verdict.OUT_OF_MEMORY, RunState.FAILED),
        (Verdict.CANCELLED, RunState.CANCELLED),
    ],
)
def test_a_run_that_is_over_is_closed_also_by_another_execution(
    world: World, verdict: Verdict, state: RunState
) -> None:
    world.history(Verdict.INTERRUPTED, verdict)
    planned = world.plan()
    assert (planned.decision, planned.state, planned.reason) == (Decision.CLOSE, state, "because")
    world.history(Verdict.INTERRUPTED, verdict, forgiven=2)
    assert world.plan().attempt == 3


def test_a_stop_that_comes_after_the_end_changes_nothing(world: World) -> None:
    world.history(Verdict.COMPLETED, wish=Wish.STOP)
    assert world.plan().state is RunState.COMPLETED


# ---- what its user wants, and what an earlier execution has left --------------------------------


@pytest.mark.parametrize(
    ("wish", "decision", "state"),
    [
        (Wish.STOP, Decision.CLOSE, RunState.CANCELLED),
        (Wish.HOLD, Decision.HOLD, RunState.HELD),
    ],
)
def test_a_wish_comes_before_the_next_attempt(
    world: World, wish: Wish, decision: Decision, state: RunState
) -> None:
    world.history(Verdict.CANCELLED, wish=wish)
    planned = world.plan()
    assert (planned.decision, planned.state) == (decision, state)
    assert len(world.record.attempts) == 1


def open_attempt(world: World, status: str | None, wish: Wish | None = None) -> None:
    world.ledger.runs[RUN] = run_record(attempts=(attempt_record(1),), wish=wish)
    if status is not None:
        world.jobs.by_name[job_name(RUN, 1)] = parse_job(job(Status=status))


@pytest.mark.parametrize("status", ["RUNNABLE", "RUNNING"])
def test_a_live_job_is_waited_for_not_doubled(world: World, status: str) -> None:
    open_attempt(world, status)
    planned = world.plan()
    assert (planned.decision, planned.order) == (Decision.WAIT, None)
    assert world.jobs.terminated == []


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_a_job_that_has_ended_is_judged(world: World, status: str) -> None:
    open_attempt(world, status)
    planned = world.plan()
    assert (planned.decision, planned.attempt) == (Decision.JUDGE, 1)


def test_a_live_job_is_ended_for_a_wish(world: World) -> None:
    open_attempt(world, "RUNNING", Wish.STOP)
    planned = world.plan()
    assert (planned.decision, world.jobs.terminated) == (Decision.WAIT, ["job-1"])
    assert planned.wait_seconds < 60


def test_an_attempt_that_was_never_submitted_is_not_for_a_wish(world: World) -> None:
    open_attempt(world, None, Wish.STOP)
    planned = world.plan()
    assert (planned.decision, planned.reason) == (Decision.JUDGE, NEVER_SUBMITTED)
    assert judge(Outcome(cause=planned.reason)).verdict is Verdict.CANCELLED


def test_progress_makes_good_for_executions_that_died(world: World) -> None:
    world.history(Verdict.INTERRUPTED, taken_up=2)
    world.plan()
    assert world.record.taken_up == 0


def test_of_two_planners_the_second_takes_over_the_plan_of_the_first(world: World) -> None:
    class Raced(FakeLedger):
        """Somebody else plans the same attempt just before."""

        def plan(self, run_id: str, attempt: AttemptRecord) -> bool:
            super().plan(run_id, attempt.model_copy(update={"timeout_seconds": 77}))
            return super().plan(run_id, attempt)

    world.ledger = Raced({RUN: run_record()})
    assert world.order().timeout_seconds == 77


def test_an_unknown_run_is_an_error(world: World) -> None:
    world.ledger.runs.clear()
    with pytest.raises(LedgerError):
        world.plan()
