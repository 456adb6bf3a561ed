"""A sweep: one array, every point a run of its own, judged and closed without a word of its own."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Job, Market, Verdict, job_name, parse_job
from deckhand.domain.cost import Prices
from deckhand.domain.errors import StorageError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.options import Purchase, RunOptions, Window
from deckhand.domain.policy import Policy
from deckhand.domain.run import Contract, Run, RunState
from deckhand.domain.steering import Request, Verb
from deckhand.domain.sweep import Point, Sweep, point_run_id, run_of
from deckhand.usecases.begin_sweep import BeginSweep
from deckhand.usecases.carry_sweep import (
    FIRST_WAIT_SECONDS,
    MOST_LOOKS,
    MOST_SUBMISSIONS,
    Carried,
    CarrySweep,
    Decision,
    Look,
)
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.follow_sweep import FollowSweep
from deckhand.usecases.judge_attempt import JudgeAttempt
from deckhand.usecases.plan_attempt import PlanAttempt
from deckhand.usecases.steer_run import SteerRun
from tests.fakes import FakeBucket, FakeExecutions, FakeJobs, FakeLedger, FakeTopic, telling
from tests.makers import ADMITTED, DROP, PROFILES, RUN, admitted_run, job, manifest, run_record

NOW = ADMITTED + timedelta(hours=1)
PRICES = Prices(0.2, 0.5)
LONG, SHORT = timedelta(minutes=10), timedelta(seconds=10)
ARRAY = job_name(RUN, 1)
DONE = {"Status": "SUCCEEDED", "ExitCode": 0}
LOST = {"AttemptStatusReason": "Host EC2 (instance i-1) terminated."}
WRONG = {"ExitCode": 65}
ENDED = {"Status": "FAILED", "StatusReason": "ended", "IsTerminated": True, "ExitCode": 75}


def sweep_of(count: int) -> Sweep:
    points = [
        Point(index=n, run_id=point_run_id(RUN, n), variables={"T": n / 2}, total_steps=1000)
        for n in range(count)
    ]
    return Sweep(run_id=RUN, points=tuple(points))


def live(status: str = "RUNNING") -> Job:
    return parse_job(job(Status=status))


class World:
    def __init__(self, count: int = 3, cap: float | None = 200.0, **change: Any) -> None:
        self.runs, self.ledger, self.jobs = FakeBucket(), FakeLedger(), FakeJobs()
        self.executions, self.topic = FakeExecutions(clock=lambda: NOW), FakeTopic()
        self.tell = telling(self.topic)
        self.sweep = sweep_of(count)
        given = {"deck": "in.melt", "points": count, "owner": "ada", "started_at": ADMITTED}
        self.ledger.admit(run_record(**{**given, **change}))
        self.executions.start(RUN, RUN, DROP)
        self.run = admitted_run(
            options=RunOptions(sweep={"T": tuple(n / 2 for n in range(count))}, tell_start=True)
        )
        self.write(keys.run_record(RUN), self.run)
        self.write(keys.sweep(RUN), self.sweep)
        self.cap = cap
        self.look = Look()

    def write(self, key: str, document: Run | Sweep) -> None:
        self.runs.write(key, document.model_dump_json().encode())

    @property
    def steer(self) -> SteerRun:
        return SteerRun(self.runs, self.ledger, self.executions, self.jobs, lambda deck, read: "")

    @property
    def close(self) -> CloseRun:
        return CloseRun(self.runs, self.ledger, self.tell, PRICES)

    @property
    def use_case(self) -> CarrySweep:
        runs, ledger, jobs, executions = self.runs, self.ledger, self.jobs, self.executions
        plan = PlanAttempt(runs, ledger, jobs, self.tell, Policy(), PROFILES, PRICES, 300, 600)
        begin, judge = BeginSweep(runs, ledger), JudgeAttempt(runs, ledger, jobs)
        follow = FollowSweep(ledger, jobs, executions, begin, judge, self.close, self.steer)
        return CarrySweep(runs, ledger, jobs, executions, plan, begin, follow, self.cap, 600)

    def carry(self, now: datetime = NOW, left: timedelta = LONG, **look: Any) -> Carried:
        """One look; what the state machine knows is kept as it keeps it."""
        asked = self.look.model_copy(update=look)
        carried = self.use_case(RUN, asked, now, lambda: left)
        self.look = Look(array=carried.array, looks=carried.looks)
        return carried

    def submit(self, *children: Job) -> None:
        """Begin the sweep, and let Batch have its array with these children."""
        assert self.carry().decision is Decision.SUBMIT
        self.look = Look(array=self.jobs.put_array(ARRAY, *children))

    def end(self, index: int, **how: Any) -> None:
        """Let a child end; a completed one has left its completion."""
        array = self.look.array
        job_id = f"{array}:{index}"
        ended = parse_job(job(JobId=job_id, **how))
        self.jobs.by_id[job_id] = self.jobs.by_name[f"{ARRAY}:{index}"] = ended
        if how == DONE:
            self.complete(index, 1)
        if not any(
            f"{array}:{n}" in self.jobs.by_id and self.jobs.by_id[f"{array}:{n}"].is_live
            for n in range(len(self.sweep.points))
        ):
            self.jobs.by_id[str(array)] = self.jobs.by_name[ARRAY] = Job(
                JobId=str(array), Status="FAILED"
            )

    def complete(self, index: int, attempt: int) -> None:
        run_id = self.name(index)
        done = manifest(1000, attempt).model_copy(update={"files": (), "run_id": run_id})
        self.runs.write(keys.completion(run_id, attempt), done.model_dump_json().encode())

    def name(self, index: int) -> str:
        return self.sweep.points[index].run_id

    def point(self, index: int) -> RunRecord:
        return self.ledger.runs[self.name(index)]

    @property
    def record(self) -> RunRecord:
        return self.ledger.runs[RUN]

    @property
    def states(self) -> list[str]:
        return [self.point(n).state.value for n in range(len(self.sweep.points))]

    @property
    def own_executions(self) -> set[str]:
        return {name for name in self.executions.running() if not name.startswith(RUN)}


# ---- beginning -------------------------------------------------------------------------------


def test_every_point_becomes_a_run_and_one_array_is_asked_for() -> None:
    world = World()
    carried = world.carry()
    assert (carried.decision, carried.size) == (Decision.SUBMIT, 3)
    assert carried.order is not None
    assert (carried.order.queue, carried.order.market, carried.order.share) == (
        "spot",
        Market.SPOT,
        "ada",
    )
    for index in range(3):
        record = world.point(index)
        assert (record.parent, record.point, record.owner) == (RUN, index, "ada")
        assert record.is_carried_by_parent
        [attempt] = record.attempts
        assert (attempt.number, attempt.array, attempt.queue) == (1, ARRAY, "spot")
        assert (attempt.price_per_hour, attempt.on_demand_per_hour) == (
            PRICES.spot_per_hour,
            PRICES.on_demand_per_hour,
        )
        run = Run.model_validate_json(world.runs.read(keys.run_record(world.name(index))) or b"")
        assert run.parent == RUN
        assert run.options.sweep is None
        assert run.options.variables == {"T": index / 2}
    assert [item.event.value for item in world.topic.messages] == ["run_started"]


def test_a_sweep_that_is_broken_off_while_it_begins_goes_on() -> None:
    world = World(20)
    assert world.carry(left=SHORT).decision is Decision.AGAIN
    assert world.carry().decision is Decision.SUBMIT
    before = dict(world.ledger.runs)
    assert world.carry().decision is Decision.SUBMIT
    assert world.ledger.runs == before


def test_the_array_of_an_execution_that_died_is_found_by_its_name() -> None:
    world = World()
    world.submit(live(), live(), live())
    array = world.look.array
    world.look = Look()
    carried = world.carry()
    assert (carried.decision, carried.array) == (Decision.WAIT, array)


def test_what_costs_too_much_is_held_before_anything_is_begun() -> None:
    world = World(projected_cost=300.0)
    carried = world.carry()
    assert carried.decision is Decision.HOLD
    assert world.record.state is RunState.HELD
    [mail] = world.topic.messages
    assert "$300.00" in mail.body
    assert f"deckhand resume {RUN}" in mail.body
    assert list(world.ledger.runs) == [RUN]
    world.steer(Request(run_id=RUN, verb=Verb.RESUME), NOW)
    assert world.carry().decision is Decision.SUBMIT


@pytest.mark.parametrize(("error", "decision"), [
    ("Batch.ServerException", Decision.SUBMIT),
    ("States.Timeout", Decision.SUBMIT),
    ("Batch.ClientException", Decision.CLOSE),
])  # fmt: skip
def test_what_batch_did_not_take(error: str, decision: Decision) -> None:
    world = World()
    world.carry()
    carried = world.carry(error=error, cause="Array size")
    assert carried.decision is decision
    assert (carried.state is RunState.FAILED) == (decision is Decision.CLOSE)


def test_an_array_that_batch_never_takes_is_given_up() -> None:
    world = World()
    world.carry()
    carried = world.carry(error="States.Timeout", looks=MOST_SUBMISSIONS)
    assert (carried.decision, carried.state) == (Decision.CLOSE, RunState.FAILED)


def test_the_array_of_a_sweep_that_was_closed_ends() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.ledger.close(RUN, RunState.FAILED, "CarrySweep failed", NOW)
    assert world.carry().decision is Decision.CLOSE
    assert world.jobs.terminated == [world.look.array]
    world.end(0, **ENDED)
    world.end(1, **ENDED)
    world.end(2, **ENDED)
    world.carry()
    assert len(world.jobs.terminated) == 1


def test_an_array_that_batch_took_in_spite_of_its_answer_is_not_submitted_again() -> None:
    world = World()
    world.carry()
    array = world.jobs.put_array(ARRAY, live(), live(), live())
    carried = world.carry(error="Batch.ServerException")
    assert (carried.decision, carried.array) == (Decision.WAIT, array)


def test_a_sweep_of_one_point_is_an_ordinary_run() -> None:
    world = World(1)
    assert world.carry().decision is Decision.WAIT
    assert world.point(0).attempts == ()
    assert world.own_executions == {f"{world.name(0)}-r2"}


def test_a_sweep_waits_for_its_window_like_a_run() -> None:
    world = World()
    options = world.run.options.model_copy(update={"window": Window.WEEKENDS})
    world.write(keys.run_record(RUN), world.run.model_copy(update={"options": options}))
    monday = datetime(2026, 11, 23, 12, tzinfo=NOW.tzinfo)
    carried = world.carry(monday)
    assert carried.decision is Decision.WAIT
    assert carried.wait_seconds > 3600
    assert list(world.ledger.runs) == [RUN]


# ---- following -------------------------------------------------------------------------------


def test_looks_become_rarer() -> None:
    world = World()
    world.submit(live(), live(), live())
    waits = [world.carry().wait_seconds for _ in range(12)]
    assert waits[:3] == [FIRST_WAIT_SECONDS * n for n in (1, 2, 3)]
    assert waits[-1] == 600


def test_runs_are_closed_as_they_end_and_people_hear_of_the_whole_once() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.topic.mails.clear()
    world.end(1, **DONE)
    carried = world.carry()
    assert carried.decision is Decision.WAIT
    assert world.states == ["running", "completed", "running"]
    assert (world.record.points_done, carried.reason) == (
        1,
        "1 of 3 runs are done: 1 completed.",
    )
    world.end(0, **DONE)
    world.end(2, **DONE)
    carried = world.carry()
    assert (carried.decision, carried.state) == (Decision.CLOSE, RunState.COMPLETED)
    assert world.topic.mails == []
    world.close(RUN, carried.state, carried.reason, NOW)
    world.close(RUN, carried.state, carried.reason, NOW)
    [mail] = world.topic.messages
    assert mail.subject == "Deckhand: melt 3 of 3 runs completed, $0.60, no interruptions"
    assert world.runs.read(keys.report(world.name(1))) is not None


def test_the_report_of_a_sweep_has_a_line_for_each_run() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(0, **DONE)
    world.end(1, **WRONG)
    world.end(2, **DONE)
    carried = world.carry()
    assert (carried.decision, carried.state) == (Decision.CLOSE, RunState.FAILED)
    world.close(RUN, carried.state, carried.reason, NOW)
    [mail] = world.topic.messages[1:]
    assert "2 of 3 runs completed, 1 failed" in mail.subject
    lines = mail.body.splitlines()
    first = lines.index("Its runs, first those that did not complete:") + 1
    assert lines[first].startswith("  T=0.5: failed, $0.20")
    assert lines[first + 1].startswith("  T=0.0: completed")
    assert f"deckhand resume {RUN}" in mail.body
    body = world.runs.read(keys.result(RUN, "points.csv")) or b""
    table = list(csv.DictReader(io.StringIO(body.decode())))
    assert [(row["T"], row["state"], row["cost"]) for row in table] == [
        ("0.0", "completed", "0.2"),
        ("0.5", "failed", "0.2"),
        ("1.0", "completed", "0.2"),
    ]
    report = json.loads(world.runs.read(keys.report(RUN)) or b"")
    assert [point["run_id"] for point in report["points"]] == [world.name(n) for n in range(3)]
    assert world.record.cost == pytest.approx(0.6)


def test_a_run_that_lost_its_machine_goes_on_in_an_execution_of_its_own() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(1, **LOST)
    assert world.carry().decision is Decision.WAIT
    assert world.own_executions == {f"{world.name(1)}-r2"}
    assert world.point(1).attempts[0].verdict is Verdict.INTERRUPTED
    assert not world.point(1).is_carried_by_parent
    before = dict(world.ledger.runs)
    world.carry()
    assert {**world.ledger.runs, RUN: None} == {**before, RUN: None}


def test_the_whole_waits_for_the_runs_beside_the_array() -> None:
    world = World()
    world.submit(live(), live(), live())
    for index, how in enumerate((DONE, LOST, DONE)):
        world.end(index, **how)
    world.carry()
    assert world.carry().decision is Decision.WAIT
    world.complete(1, 2)
    world.close(world.name(1), RunState.COMPLETED, "It ended.", NOW)
    carried = world.carry()
    assert (carried.decision, carried.state) == (Decision.CLOSE, RunState.COMPLETED)
    assert [item.event.value for item in world.topic.messages] == ["run_started"]


def test_an_array_whose_children_are_all_judged_is_asked_for_no_longer() -> None:
    world = World()
    world.submit(live(), live(), live())
    for index, how in enumerate((DONE, LOST, DONE)):
        world.end(index, **how)
    world.carry()
    assert world.record.attempts[0].verdict is Verdict.COMPLETED
    world.jobs.asked.clear()
    assert world.carry().decision is Decision.WAIT
    assert world.jobs.asked == []


def test_a_look_without_time_is_taken_again() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(0, **DONE)
    assert world.carry(left=SHORT).decision is Decision.AGAIN
    assert world.states == ["running"] * 3


def test_a_run_that_cannot_be_closed_is_tried_again_and_keeps_nobody_waiting_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.submit(live(), live(), live())
    for index in range(3):
        world.end(index, **DONE)
    broken = world.name(1)
    write = world.runs.write

    def refuse(key: str, body: bytes) -> None:
        if key == keys.report(broken):
            raise StorageError("the report of this run cannot be written")
        write(key, body)

    monkeypatch.setattr(world.runs, "write", refuse)
    carried = world.carry()
    assert carried.decision is Decision.WAIT
    assert "cannot be written" in carried.troubles[0]
    late = world.carry(NOW + timedelta(hours=2))
    assert (late.decision, late.state) == (Decision.CLOSE, RunState.COMPLETED)


def test_what_cannot_be_judged_here_is_left_to_an_execution_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(2, **DONE)
    read = world.runs.read

    def refuse(key: str, version_id: str = "") -> bytes | None:
        if key == keys.completion(world.name(2), 1):
            raise StorageError("S3 is away")
        return read(key, version_id)

    monkeypatch.setattr(world.runs, "read", refuse)
    assert "S3 is away" in world.carry().troubles[0]
    assert world.own_executions == {f"{world.name(2)}-r2"}


def test_an_end_that_was_judged_but_not_closed_is_not_planned_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The execution of its own closes it as what it is, and buys no second machine."""
    world = World()
    world.submit(live(), live(), live())
    world.end(0, **DONE)
    world.end(1, **WRONG)

    def away(*_: object) -> RunRecord:
        raise StorageError("the ledger is away")

    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "close", away)
        assert len(world.carry().troubles) == 2
    assert world.own_executions == {f"{world.name(0)}-r2", f"{world.name(1)}-r2"}
    planned = [world.use_case.plan(world.name(index), NOW) for index in range(2)]
    assert [item.decision.value for item in planned] == ["close", "close"]
    assert [item.state for item in planned] == [RunState.COMPLETED, RunState.FAILED]


def test_children_that_batch_has_forgotten_go_on_by_themselves() -> None:
    world = World()
    world.submit(live(), live(), live())
    array = world.look.array
    for name in [key for key in world.jobs.by_id if key.startswith(str(array))]:
        del world.jobs.by_id[name]
    for name in [key for key in world.jobs.by_name if key.startswith(ARRAY)]:
        del world.jobs.by_name[name]
    world.carry()
    assert len(world.own_executions) == 3
    assert {world.point(n).attempts[0].verdict for n in range(3)} == {Verdict.UNKNOWN}


def test_an_execution_that_has_looked_too_often_hands_over() -> None:
    world = World()
    world.submit(live(), live(), live())
    carried = world.carry(looks=MOST_LOOKS)
    assert carried.decision is Decision.HOLD
    assert world.executions.running() == {RUN, f"{RUN}-r2"}
    assert (world.record.round, world.record.state) == (2, RunState.RUNNING)


def test_progress_forgives_an_execution_that_died() -> None:
    world = World(taken_up=2)
    world.submit(live(), live(), live())
    world.carry()
    assert world.record.taken_up == 2
    world.end(0, **DONE)
    world.carry()
    assert world.record.taken_up == 0


# ---- steering --------------------------------------------------------------------------------


def test_a_stop_ends_the_array_and_the_runs_beside_it() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(1, **LOST)
    world.carry()
    array = world.look.array
    world.steer(Request(run_id=RUN, verb=Verb.STOP), NOW)
    assert world.jobs.terminated == [array]
    assert f"{RUN}-r2" in world.executions.running()
    world.end(0, **ENDED)
    world.end(2, **ENDED)
    world.look = Look()
    assert world.carry().decision is Decision.WAIT
    assert world.states == ["cancelled", "running", "cancelled"]
    assert world.point(1).wish is Wish.STOP
    world.close(world.name(1), RunState.CANCELLED, "It was stopped by its user.", NOW)
    carried = world.carry()
    assert (carried.decision, carried.state) == (Decision.CLOSE, RunState.CANCELLED)


def test_whoever_stops_the_execution_in_aws_stops_the_runs_beside_the_array_too() -> None:
    """The reaper begins a round with the wish; nobody steered anything."""
    world = World()
    world.submit(live(), live(), live())
    world.end(1, **LOST)
    world.carry()
    later = NOW + timedelta(minutes=10)
    world.ledger.begin_round(world.record, later, wish=Wish.STOP)
    world.carry(later)
    assert world.jobs.terminated == [world.look.array]
    assert world.point(1).wish is Wish.STOP


def test_a_held_sweep_rests_with_one_message_and_its_runs_go_on_by_themselves() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.end(0, **DONE)
    world.carry()
    world.topic.mails.clear()
    world.steer(Request(run_id=RUN, verb=Verb.HOLD), NOW)
    world.end(1, **ENDED)
    world.end(2, **ENDED)
    assert world.carry().decision is Decision.HOLD
    assert world.states == ["completed", "held", "held"]
    assert [item.event.value for item in world.topic.messages] == ["run_held"]
    later = NOW + timedelta(hours=1)
    world.steer(Request(run_id=RUN, verb=Verb.RESUME, hours=9), later)
    world.look = Look()
    assert world.carry(later).decision is Decision.WAIT
    assert world.own_executions == {f"{world.name(1)}-r2", f"{world.name(2)}-r2"}
    assert world.point(1).hours == 9
    before = dict(world.ledger.runs)
    world.carry(later)
    assert {**world.ledger.runs, RUN: None} == {**before, RUN: None}


def test_a_hold_before_the_array_was_submitted_is_not_forgotten() -> None:
    world = World()
    world.carry()
    world.steer(Request(run_id=RUN, verb=Verb.HOLD), NOW)
    world.look = Look()
    assert world.carry(NOW + timedelta(seconds=1)).decision is Decision.WAIT
    assert world.carry(NOW + timedelta(minutes=3)).decision is Decision.HOLD
    later = NOW + timedelta(hours=1)
    world.steer(Request(run_id=RUN, verb=Verb.RESUME), later)
    world.look = Look()
    assert world.carry(later).decision is Decision.WAIT
    assert len(world.own_executions) == 3


def test_an_array_is_waited_for_from_when_it_was_submitted_not_planned() -> None:
    """To make its runs took ten minutes; a hold right after the submission finds no job yet."""
    world = World()
    assert world.carry(left=SHORT).decision is Decision.AGAIN
    submitted = NOW + timedelta(minutes=10)
    assert world.carry(submitted).decision is Decision.SUBMIT
    held = submitted + timedelta(seconds=5)
    world.steer(Request(run_id=RUN, verb=Verb.HOLD), held)
    world.look = Look()
    assert world.carry(held).decision is Decision.WAIT
    array = world.jobs.put_array(ARRAY, live(), live(), live())
    assert world.carry(held + timedelta(minutes=1)).array == array
    assert set(world.jobs.terminated) == {array}


def test_a_run_that_rests_beside_the_array_lets_a_held_sweep_rest_and_be_resumed() -> None:
    """It keeps the wish it was held by until its next round."""
    world = World(2)
    world.submit(live(), live())
    world.end(0, **DONE)
    world.end(1, **LOST)
    world.carry()
    world.steer(Request(run_id=RUN, verb=Verb.HOLD), NOW)
    world.look = Look()
    assert world.carry().decision is Decision.WAIT
    assert world.point(1).wish is Wish.HOLD
    world.ledger.advance(world.name(1), RunState.HELD, reason="It was held by its user.")
    assert world.carry().decision is Decision.HOLD
    assert world.record.state is RunState.HELD
    later = NOW + timedelta(hours=1)
    world.steer(Request(run_id=RUN, verb=Verb.RESUME), later)
    world.look = Look()
    assert world.carry(later).decision is Decision.WAIT
    assert (world.point(1).state, world.point(1).wish) == (RunState.RUNNING, None)


def test_one_run_of_a_sweep_is_stopped_alone() -> None:
    world = World()
    world.submit(live(), live(), live())
    world.steer(Request(run_id=world.name(1), verb=Verb.STOP), NOW)
    assert world.jobs.terminated == [f"{world.look.array}:1"]
    world.end(1, **ENDED)
    assert world.carry().decision is Decision.WAIT
    assert world.states == ["running", "cancelled", "running"]


def test_runs_that_are_held_for_their_caps_let_the_sweep_rest_until_one_goes_on() -> None:
    world = World(2)
    world.submit(live(), live())
    world.end(0, **DONE)
    world.end(1, **LOST)
    world.carry()
    world.ledger.advance(world.name(1), RunState.HELD, reason="The cap is reached.")
    world.topic.mails.clear()
    carried = world.carry()
    assert carried.decision is Decision.HOLD
    [mail] = world.topic.messages
    assert "The cap is reached." in mail.body
    world.steer(Request(run_id=world.name(1), verb=Verb.RESUME, dollars=9), NOW)
    assert (world.record.state, world.record.round) == (RunState.RUNNING, 2)
    assert world.point(1).dollars == 9


def test_those_that_failed_go_on_when_the_sweep_is_resumed() -> None:
    world = World()
    world.submit(live(), live(), live())
    for index, how in enumerate((DONE, WRONG, DONE)):
        world.end(index, **how)
    carried = world.carry()
    world.close(RUN, carried.state, carried.reason, NOW)
    later = NOW + timedelta(hours=1)
    world.steer(Request(run_id=RUN, verb=Verb.RESUME), later)
    world.look = Look()
    assert world.carry(later).decision is Decision.WAIT
    assert world.own_executions == {f"{world.name(1)}-r2"}
    assert world.states == ["completed", "running", "completed"]


def test_a_resumed_sweep_does_not_resume_what_fails_afterwards() -> None:
    world = World(projected_cost=300.0)
    world.carry()
    world.steer(Request(run_id=RUN, verb=Verb.RESUME), NOW)
    world.submit(live(), live(), live())
    world.end(1, **WRONG)
    later = NOW + timedelta(hours=1)
    world.carry(later)
    world.carry(later)
    assert world.states == ["running", "failed", "running"]
    assert world.own_executions == set()


# ---- what it is made of ----------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 7, 9_999])
def test_the_names_of_points_fit_and_differ(index: int) -> None:
    parent = f"{'a' * 40}-0123456789abcdef"
    name = point_run_id(parent, index)
    assert len(name) <= 63
    assert name != point_run_id(parent, index + 1)
    assert name != point_run_id(parent.replace("a-", "b-"), index)


def test_a_point_overrules_the_variables_of_all() -> None:
    options = RunOptions(variables={"T": 1.0, "N": 5}, sweep=({"T": 2.0},))
    point = Point(index=0, run_id="p", variables={"T": 2.0}, contract=Contract.STATISTICAL)
    run = run_of(admitted_run(options=options), point)
    assert run.options.variables == {"T": 2.0, "N": 5}
    assert run.contract is Contract.STATISTICAL


def test_the_runs_of_a_sweep_are_bought_like_the_sweep() -> None:
    world = World(purchase=Purchase.SPOT_ONLY)
    world.carry()
    assert {world.point(index).purchase for index in range(3)} == {Purchase.SPOT_ONLY}
