"""Steering: what a person wants is done once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Verdict, job_name, parse_job
from deckhand.domain.errors import LedgerError, SteeringError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.options import Purchase, RunOptions
from deckhand.domain.run import Run, RunState
from deckhand.domain.steering import Request, Verb, steering_file
from deckhand.domain.sweep import Point, Sweep, point_run_id, read_sweep
from deckhand.usecases.steer_drop import SteerDrop
from deckhand.usecases.steer_run import SteerRun
from tests.fakes import FakeBucket, FakeExecutions, FakeJobs, FakeLedger
from tests.makers import (
    ADMITTED,
    DROP,
    RUN,
    attempt_record,
    ended_attempt,
    job,
    put_run,
    run_record,
)

NOW = ADMITTED + timedelta(hours=5)


class World:
    """A run and the services around it; its first execution goes on."""

    def __init__(self, *attempts: AttemptRecord, **change: Any) -> None:
        self.runs, self.ledger, self.jobs = FakeBucket(), FakeLedger(), FakeJobs()
        self.executions = FakeExecutions(clock=lambda: NOW)
        record = run_record(attempts=attempts, deck="in.melt", total_steps=1000, **change)
        self.ledger.admit(record)
        self.executions.start(record.execution, RUN, DROP)
        if record.state.is_final or record.state is RunState.HELD:
            self.executions.stop(record.execution, "over")
        put_run(self.runs, total_steps=1000)
        self.runs.write(keys.deck(RUN, "in.melt"), b"run 1000\n")
        self.steer = SteerRun(self.runs, self.ledger, self.executions, self.jobs, self.hindrance)
        self.why_not = ""
        self.read: list[str | None] = []

    def hindrance(self, deck: str, read: Callable[[str], str | None]) -> str:
        self.read = [read(deck), read("nothing.inc")]
        return self.why_not

    def put_job(self, number: int, status: str) -> None:
        self.jobs.by_name[job_name(RUN, number)] = parse_job(job(Status=status))

    def ask(self, verb: Verb, now: datetime = NOW, **more: Any) -> str:
        return self.steer(Request(run_id=RUN, verb=verb, **more), now).done

    @property
    def record(self) -> RunRecord:
        return self.ledger.runs[RUN]

    @property
    def running(self) -> set[str]:
        return self.executions.running()


@pytest.mark.parametrize(("verb", "wish"), [(Verb.STOP, Wish.STOP), (Verb.HOLD, Wish.HOLD)])
@pytest.mark.parametrize("status", ["RUNNABLE", "STARTING", "RUNNING"])
def test_a_live_attempt_is_ended_and_the_wish_remembered(
    verb: Verb, wish: Wish, status: str
) -> None:
    world = World(attempt_record(1))
    world.put_job(1, status)
    assert "last checkpoint" in world.ask(verb)
    assert world.record.wish is wish
    assert world.jobs.reasons == [f"Deckhand: its user said {wish.value}"]
    assert world.running == {RUN}


def test_an_attempt_about_to_start_is_left_to_the_reaper() -> None:
    world = World(attempt_record(1))
    assert "as soon as it can" in world.ask(Verb.STOP)
    assert world.record.wish is Wish.STOP
    assert (world.jobs.terminated, world.running) == ([], {RUN})


@pytest.mark.parametrize("state", [RunState.WAITING, RunState.RUNNING, RunState.HELD])
def test_a_run_that_waits_is_woken_to_stop(state: RunState) -> None:
    world = World(ended_attempt(1, Verdict.INTERRUPTED), state=state)
    world.ask(Verb.STOP)
    assert world.running == {f"{RUN}-r2"}
    assert (world.record.wish, world.record.round) == (Wish.STOP, 2)


def test_a_stop_that_comes_twice_is_one() -> None:
    world = World(ended_attempt(1, Verdict.INTERRUPTED), state=RunState.WAITING)
    world.ask(Verb.STOP, round=1)
    assert world.ask(Verb.STOP, round=1) == "That was done already."
    assert world.running == {f"{RUN}-r2"}


@pytest.mark.parametrize("state", [RunState.HELD, RunState.CANCELLED, RunState.FAILED])
def test_a_run_goes_on_where_it_was(state: RunState) -> None:
    closed = {"closed_at": NOW} if state.is_final else {}
    world = World(
        ended_attempt(1, Verdict.INTERRUPTED), state=state, dollars=10.0, taken_up=2, **closed
    )
    world.ask(Verb.RESUME, dollars=50.0, round=1)
    world.ask(Verb.RESUME, dollars=50.0, round=1)
    record = world.record
    assert world.running == {f"{RUN}-r2"}
    assert (record.state, record.closed_at, record.dollars) == (RunState.RUNNING, None, 50.0)
    assert (record.round, record.forgiven, record.taken_up, record.wish) == (2, 1, 0, None)


def test_a_run_held_before_its_deck_was_accepted_is_checked_then() -> None:
    world = World(state=RunState.HELD)
    world.ledger.runs[RUN] = world.record.model_copy(update={"deck": None})
    world.ask(Verb.RESUME)
    assert world.running == {f"{RUN}-r2"}


def test_a_wish_that_was_written_down_but_not_done_is_done_by_the_retry() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNING")
    at = NOW - timedelta(minutes=1)
    world.ledger.express(RUN, Wish.STOP, at)
    world.ask(Verb.STOP, at=at)
    assert world.jobs.terminated == ["job-1"]


def test_a_wish_opens_no_run_that_was_closed_meanwhile() -> None:
    world = World(ended_attempt(1, Verdict.INTERRUPTED), state=RunState.WAITING)
    express = world.ledger.express

    def closed_just_after(run_id: str, wish: Wish, at: datetime) -> bool:
        expressed = express(run_id, wish, at)
        world.ledger.close(run_id, RunState.FAILED, "given up", NOW)
        return expressed

    world.ledger.express = closed_just_after  # type: ignore[method-assign]
    world.ask(Verb.STOP)
    assert (world.record.state, world.record.round) == (RunState.FAILED, 1)


def test_a_run_resumed_without_a_cap_keeps_its_own() -> None:
    world = World(state=RunState.HELD, dollars=10.0)
    world.ask(Verb.RESUME)
    assert world.record.dollars == 10.0


@pytest.mark.parametrize(
    ("verb", "given", "says"),
    [
        (Verb.RESUME, {}, "is not held"),
        (Verb.RESUME, {"wish": Wish.HOLD}, "has yet to stop"),
        (Verb.RESUME, {"state": RunState.COMPLETED}, "deckhand extend"),
        (Verb.RESUME, {"state": RunState.REJECTED}, "Upload its drop again"),
        (Verb.RESUME, {"state": RunState.CANCELLED, "deck": None}, "never accepted"),
        (Verb.STOP, {"state": RunState.COMPLETED}, "over already"),
        (Verb.HOLD, {"state": RunState.FAILED}, "over already"),
        (Verb.EXTEND, {"state": RunState.FAILED}, "Only a completed run"),
        (Verb.EXTEND, {"state": RunState.COMPLETED, "extensions": (1,) * 100}, "100 times"),
    ],
)
def test_what_cannot_be_done_is_said(verb: Verb, given: dict[str, Any], says: str) -> None:
    world = World()
    world.ledger.runs[RUN] = world.record.model_copy(update=given)
    with pytest.raises(SteeringError, match=says):
        world.ask(verb, steps=10 if verb is Verb.EXTEND else None)
    assert world.record.round == 1


def test_nobody_knows_the_run() -> None:
    world = World()
    with pytest.raises(LedgerError, match="no run nobody"):
        world.steer(Request(run_id="nobody", verb=Verb.STOP), NOW)


def test_a_completed_run_gets_more_steps_once() -> None:
    world = World(ended_attempt(1, Verdict.COMPLETED), state=RunState.COMPLETED, closed_at=NOW)
    world.ask(Verb.EXTEND, steps=500, round=1)
    world.ask(Verb.EXTEND, steps=500, round=1)
    assert (world.record.extensions, world.record.total_steps) == ((500,), 1500)
    assert world.read == ["run 1000\n", None]
    assert world.running == {f"{RUN}-r2"}


def test_a_deck_with_no_end_to_add_to_is_not_extended() -> None:
    world = World(state=RunState.COMPLETED, closed_at=NOW)
    world.why_not = "in.melt, line 9 ends it with `quit`."
    with pytest.raises(SteeringError, match="line 9"):
        world.ask(Verb.EXTEND, steps=500)
    with pytest.raises(SteeringError, match="by how many steps"):
        world.ask(Verb.EXTEND)


def test_a_rerun_is_a_run_of_its_own() -> None:
    mine = {
        "owner": "ada",
        "group": "polymers",
        "notify": ("ada@example.org",),
        "purchase": Purchase.SPOT_ONLY,
    }
    world = World(state=RunState.COMPLETED, closed_at=NOW, extensions=(500,), **mine)
    ran = world.steer(Request(run_id=RUN, verb=Verb.RERUN, token="t"), NOW)
    again = world.steer(Request(run_id=RUN, verb=Verb.RERUN, token="t"), NOW)
    assert ran.run_id == again.run_id != RUN
    assert world.running == {ran.run_id}
    content = world.runs.read(keys.run_record(ran.run_id))
    assert content is not None
    run = Run.model_validate_json(content)
    assert (run.run_id, run.extensions, run.admitted_at) == (ran.run_id, (), NOW)
    assert world.runs.read(keys.deck(ran.run_id, "in.melt")) == b"run 1000\n"
    admitted = world.ledger.runs[ran.run_id]
    assert (admitted.drop, admitted.state, admitted.started_at) == (DROP, RunState.CHECKING, NOW)
    assert admitted.model_dump(include=set(mine)) == mine
    assert world.record.state is RunState.COMPLETED


def test_what_was_never_accepted_is_not_run_again() -> None:
    world = World(state=RunState.REJECTED, closed_at=NOW)
    world.runs.delete([keys.run_record(RUN)])
    with pytest.raises(SteeringError, match="Upload its drop again"):
        world.ask(Verb.RERUN, token="t")


# ---- by a file in the inbox --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("inbox/melt/STOP", ("inbox/melt", Verb.STOP)),
        ("inbox/in.melt/HOLD", ("inbox/in.melt", Verb.HOLD)),
        ("inbox/STOP", None),
        ("inbox/melt/sub/STOP", None),
        ("inbox/melt/stop", None),
        ("inbox/melt/RESUME", ("inbox/melt", Verb.RESUME)),
        ("runs/melt/STOP", None),
    ],
)
def test_a_steering_file_lies_beside_the_deck(key: str, found: object) -> None:
    assert steering_file(key) == found


def test_a_file_stops_the_runs_of_its_drop_only() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNING")
    world.ledger.admit(run_record(run_id="other-0123456789abcdef", drop="inbox/other/"))
    [steered] = SteerDrop(world.steer)("inbox/melt/STOP", NOW, NOW)
    assert steered.run_id == RUN
    assert world.record.wish is Wish.STOP
    assert world.ledger.runs["other-0123456789abcdef"].wish is None


def test_a_file_that_is_older_than_a_resume_is_not_heard() -> None:
    world = World(state=RunState.HELD)
    world.ask(Verb.RESUME, now=NOW)
    [steered] = SteerDrop(world.steer)("inbox/melt/STOP", NOW - timedelta(minutes=1), NOW)
    assert steered.done == "That was done already."
    assert world.record.wish is None


def test_a_file_that_asks_for_what_cannot_be_done_changes_nothing() -> None:
    world = World(attempt_record(1))
    [steered] = SteerDrop(world.steer)("inbox/melt/RESUME", NOW, NOW)
    assert "is not held" in steered.done
    assert SteerDrop(world.steer)("inbox/melt/data", NOW, NOW) == []


def test_a_drop_of_one_file_is_steered_beside_its_name() -> None:
    world = World(attempt_record(1))
    world.ledger.runs[RUN] = world.record.model_copy(update={"drop": "inbox/in.melt"})
    assert SteerDrop(world.steer)("inbox/in.melt/STOP", NOW, NOW) != []


# ---- sweeps ----------------------------------------------------------------------------------


def test_the_points_of_a_drop_hear_of_a_file_from_their_parent() -> None:
    world = World(attempt_record(1), points=1)
    point = "melt-p0000-0123456789abcdef"
    world.ledger.admit(run_record(run_id=point, parent=RUN, point=0))
    steered = SteerDrop(world.steer)("inbox/melt/STOP", NOW, NOW)
    assert [item.run_id for item in steered] == [RUN]
    world.ledger.close(RUN, RunState.CANCELLED, "over", NOW)
    steered = SteerDrop(world.steer)("inbox/melt/STOP", NOW, NOW)
    assert [item.run_id for item in steered] == [point]


def test_a_sweep_is_not_extended() -> None:
    world = World(state=RunState.COMPLETED, points=2)
    with pytest.raises(SteeringError, match=r"is a sweep\. Extend its runs one by one"):
        world.ask(Verb.EXTEND, steps=5)


def test_a_sweep_that_is_run_once_more_is_another_sweep() -> None:
    world = World(state=RunState.COMPLETED, points=2)
    points = [Point(index=n, run_id=point_run_id(RUN, n), variables={"T": n}) for n in range(2)]
    old = Sweep(run_id=RUN, points=tuple(points))
    world.runs.write(keys.sweep(RUN), old.model_dump_json().encode())
    put_run(world.runs, options=RunOptions(sweep={"T": (0, 1)}))
    world.ask(Verb.RERUN, token="x")
    [new] = [name for name in world.ledger.runs if name != RUN]
    sweep = read_sweep(world.runs.read(keys.sweep(new)), new)
    assert [point.variables for point in sweep.points] == [{"T": 0}, {"T": 1}]
    assert {point.run_id for point in sweep.points}.isdisjoint(p.run_id for p in old.points)
    assert world.runs.read(keys.deck(new, "in.melt")) == b"run 1000\n"
