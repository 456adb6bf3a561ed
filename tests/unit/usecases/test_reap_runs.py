"""The reaper: dead runs go on, jobs that work for nobody end, nothing else is touched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Outcome, Verdict, job_name, judge, parse_job
from deckhand.domain.cost import Prices
from deckhand.domain.errors import ReaperError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import MessageKey
from deckhand.domain.run import RunState
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.ports import ExecutionEnd, LiveJob
from deckhand.usecases.reap_runs import (
    ABANDONED,
    TAKEN_UP_MOST,
    Finding,
    Reaped,
    ReapRuns,
    raise_failures,
)
from deckhand.usecases.steer_run import SteerRun
from deckhand.usecases.tell import Tell
from tests.fakes import FakeBucket, FakeExecutions, FakeJobs, FakeLedger, FakeTopic, telling
from tests.makers import (
    ADMITTED,
    DROP,
    RUN,
    attempt_record,
    ended_attempt,
    job,
    put_run,
    put_status,
    run_record,
)

NOW = ADMITTED + timedelta(hours=5)
SILENCE, GRACE = timedelta(minutes=30), timedelta(minutes=5)


class World:
    def __init__(self, *attempts: Any, **change: Any) -> None:
        self.runs, self.ledger, self.jobs = FakeBucket(), FakeLedger(), FakeJobs()
        self.executions = FakeExecutions(clock=lambda: NOW)
        self.topic = FakeTopic()
        self.tell = telling(self.topic)
        given = {"started_at": ADMITTED, "deck": "in.melt", **change}
        self.ledger.admit(run_record(attempts=attempts, **given))
        self.executions.start(RUN, RUN, DROP)
        put_run(self.runs)

    def end(self, status: str, hours_ago: float = 1.0) -> None:
        at = NOW - timedelta(hours=hours_ago)
        self.executions.ends[self.record.execution] = ExecutionEnd(status, at)

    def put_job(self, number: int, status: str, hours_ago: float = 2.0, **change: Any) -> None:
        created = int((NOW - timedelta(hours=hours_ago)).timestamp() * 1000)
        given = {"Status": status, "CreatedAt": created, "StartedAt": created, **change}
        self.jobs.by_name[job_name(RUN, number)] = parse_job(job(**given))
        self.jobs.by_id["job-1"] = self.jobs.by_name[job_name(RUN, number)]

    def reap(self, now: datetime = NOW) -> list[Reaped]:
        return self.reaper(now, lambda: timedelta(minutes=5))

    @property
    def reaper(self) -> ReapRuns:
        steer = SteerRun(self.runs, self.ledger, self.executions, self.jobs, lambda deck, read: "")
        close = CloseRun(self.runs, self.ledger, self.tell, Prices(0.2, 0.5))
        return ReapRuns(
            self.runs,
            self.ledger,
            self.executions,
            self.jobs,
            steer,
            close,
            self.tell,
            SILENCE,
            GRACE,
        )

    @property
    def record(self) -> RunRecord:
        return self.ledger.runs[RUN]


def findings(found: list[Reaped]) -> list[Finding]:
    return [item.finding for item in found]


def test_a_run_that_goes_on_is_left_alone() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNING")
    put_status(world.runs, 1, updated_at=NOW - timedelta(minutes=1))
    before = world.record
    assert world.reap() == []
    assert world.record == before
    assert world.jobs.terminated == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "SUCCEEDED"])
def test_a_run_whose_execution_died_goes_on_in_another(status: str) -> None:
    world = World(ended_attempt(1, Verdict.INTERRUPTED))
    world.end(status)
    assert findings(world.reap()) == [Finding.TAKEN_UP]
    assert world.executions.running() == {f"{RUN}-r2"}
    assert (world.record.round, world.record.taken_up) == (2, 1)
    assert world.reap() == []


def test_a_run_whose_execution_only_just_ended_is_left_alone() -> None:
    world = World()
    world.end("FAILED", hours_ago=0.01)
    assert world.reap() == []


def test_a_run_that_was_never_started_is_started() -> None:
    world = World(started_at=None)
    world.executions.started.clear()
    assert findings(world.reap()) == [Finding.TAKEN_UP]
    assert world.executions.running() == {RUN}
    assert (world.record.round, world.record.started_at) == (1, NOW)


def test_a_run_whose_next_round_was_not_started_is_started() -> None:
    """Whoever began the round died before its execution was started."""
    world = World(round=2)
    world.end("FAILED")
    world.executions.ends[RUN] = ExecutionEnd("FAILED", ADMITTED)
    world.executions.started.pop(f"{RUN}-r2", None)
    world.executions.ends.pop(f"{RUN}-r2", None)
    assert findings(world.reap()) == [Finding.TAKEN_UP]
    assert world.executions.running() == {f"{RUN}-r3"}


def test_who_stops_an_execution_means_the_run() -> None:
    """The next execution ends a live job first, and counts what it has done."""
    world = World(attempt_record(1))
    world.end("ABORTED")
    world.put_job(1, "RUNNING")
    assert findings(world.reap()) == [Finding.STOPPED]
    assert (world.record.wish, world.record.round) == (Wish.STOP, 2)
    assert world.executions.running() == {f"{RUN}-r2"}


def test_a_run_whose_executions_die_in_a_row_is_closed_and_told() -> None:
    world = World()
    for _ in range(3):
        world.end("FAILED")
        assert findings(world.reap()) == [Finding.TAKEN_UP]
        world.ledger.runs[RUN] = world.record.model_copy(update={"started_at": ADMITTED})
    world.end("FAILED")
    assert findings(world.reap()) == [Finding.CLOSED]
    assert world.record.state is RunState.FAILED
    assert "4 executions in a row" in world.record.reason
    assert "deckhand resume" in world.topic.messages[0].body


def test_an_execution_that_a_list_has_passed_over_is_not_dead() -> None:
    """Pages of a list that grows meanwhile may lack one of its items."""
    world = World(attempt_record(1))
    world.executions.running = lambda: set()  # type: ignore[method-assign]
    world.executions.is_running = lambda name: True  # type: ignore[method-assign]
    assert world.reap() == []
    assert world.record.round == 1


def test_a_held_run_needs_no_execution() -> None:
    world = World(state=RunState.HELD)
    world.end("SUCCEEDED")
    assert world.reap() == []


def test_a_wish_that_did_not_reach_the_machine_is_enforced() -> None:
    """The user said stop while the job was being submitted."""
    world = World(attempt_record(1), wish=Wish.STOP)
    world.put_job(1, "RUNNING")
    assert findings(world.reap()) == [Finding.ENFORCED]
    assert world.jobs.reasons == ["Deckhand: its user said stop"]


def test_a_machine_that_fell_silent_is_given_up_and_the_run_goes_on() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNING")
    put_status(world.runs, 1, updated_at=NOW - timedelta(minutes=31))
    assert findings(world.reap()) == [Finding.SILENT]
    ended = parse_job(job(StatusReason=world.jobs.reasons[0], IsTerminated=True))
    assert judge(Outcome(job=ended)).verdict is Verdict.INFRASTRUCTURE


def test_a_machine_that_never_spoke_is_given_as_long() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNING", hours_ago=0.4)
    assert world.reap() == []
    world.put_job(1, "RUNNING", hours_ago=0.6)
    assert findings(world.reap()) == [Finding.SILENT]


def test_an_attempt_that_waits_for_its_machine_may_be_silent() -> None:
    world = World(attempt_record(1))
    world.put_job(1, "RUNNABLE", hours_ago=40)
    assert world.reap() == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": RunState.COMPLETED, "closed_at": NOW},
        {"attempts": (ended_attempt(1, Verdict.INTERRUPTED),)},
        {"attempts": ()},
    ],
)
def test_a_job_that_works_for_nobody_is_ended(change: dict[str, Any]) -> None:
    world = World(attempt_record(1))
    world.ledger.runs[RUN] = world.record.model_copy(update=change)
    world.put_job(1, "RUNNING")
    assert findings(world.reap()) == [Finding.ORPHAN]
    assert world.jobs.terminated == ["job-1"]


def test_a_job_of_somebody_else_is_left_alone() -> None:
    world = World()
    world.put_job(1, "RUNNING")
    world.jobs.by_name = {"nightly-backup": world.jobs.by_name[job_name(RUN, 1)]}
    assert world.reap() == []


def test_one_that_cannot_be_looked_at_does_not_keep_the_others() -> None:
    world = World()
    world.end("FAILED")
    world.ledger.admit(run_record(run_id="other-0123456789abcdef", started_at=ADMITTED))
    world.executions.ends["other-0123456789abcdef"] = ExecutionEnd("FAILED", ADMITTED)
    broken = world.ledger.begin_round

    def begin_round(record: RunRecord, *args: Any, **more: Any) -> bool:
        if record.run_id == RUN:
            raise OSError("no route")
        return broken(record, *args, **more)

    world.ledger.begin_round = begin_round  # type: ignore[method-assign]
    found = world.reap()
    assert sorted(findings(found)) == [Finding.FAILED, Finding.TAKEN_UP]
    with pytest.raises(ReaperError, match="no route"):
        raise_failures(found)


def test_it_breaks_off_when_its_time_is_over() -> None:
    world = World()
    world.end("FAILED")
    assert world.reaper(NOW, lambda: timedelta(seconds=10)) == []


def test_orphans_and_messages_do_not_wait_for_all_open_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is time for one job and for the messages, and a run that is open."""
    world = World(ended_attempt(1, Verdict.INTERRUPTED))
    world.put_job(1, "RUNNING")
    world.end("FAILED")
    told: list[timedelta] = []

    def again(_: Tell, older_than: timedelta) -> tuple[MessageKey, ...]:
        told.append(older_than)
        return ()

    monkeypatch.setattr(Tell, "again", again)
    left = iter([timedelta(minutes=5)] * 2 + [timedelta(0)] * 5)
    found = world.reaper(NOW, lambda: next(left))
    assert findings(found) == [Finding.ORPHAN]
    assert told == [ABANDONED]


def test_no_run_is_always_the_last_to_be_looked_at() -> None:
    world = World()
    names = [f"other-{number:016x}" for number in range(8)]
    for name in names:
        world.ledger.admit(run_record(run_id=name, started_at=ADMITTED))
        world.executions.ends[name] = ExecutionEnd("FAILED", ADMITTED)
    first = set()
    for minutes in range(30):
        left = iter([timedelta(minutes=5)] * 3 + [timedelta(0)] * 9)
        found = world.reaper(NOW + timedelta(minutes=minutes), left.__next__)
        first |= {item.what for item in found}
    assert first == set(names)


def test_of_two_jobs_of_one_attempt_the_newest_stays() -> None:
    """Batch took the job and its answer was lost, so it was submitted once more."""
    world = World(attempt_record(1))
    put_status(world.runs, 1, updated_at=NOW - timedelta(minutes=1))
    created = NOW - timedelta(hours=2)
    twice = [
        LiveJob("job-2", ARRAY, "spot", "RUNNING", created + timedelta(minutes=1)),
        LiveJob("job-1", ARRAY, "spot", "RUNNING", created),
    ]
    world.jobs.live = lambda: iter(twice)  # type: ignore[method-assign]
    assert findings(world.reap()) == [Finding.ORPHAN]
    assert world.jobs.terminated == ["job-1"]


def test_a_job_that_was_listed_twice_as_it_moved_on_is_one() -> None:
    world = World(attempt_record(1))
    put_status(world.runs, 1, updated_at=NOW - timedelta(minutes=1))
    created = NOW - timedelta(hours=2)
    moved = [LiveJob("job-1", ARRAY, "spot", status, created) for status in ("RUNNABLE", "RUNNING")]
    world.jobs.live = lambda: iter(moved)  # type: ignore[method-assign]
    assert world.reap() == []
    assert world.jobs.terminated == []


# ---- sweeps ----------------------------------------------------------------------------------

POINT = "melt-p0000-0123456789abcdef"
ARRAY = job_name(RUN, 1)


def swept(status: str = "RUNNING", **parent: Any) -> World:
    """A sweep whose array has one live child, two hours old, that has begun to work."""
    world = World(attempt_record(1), points=2, **parent)
    attempt = attempt_record(1, array=ARRAY)
    given = {"run_id": POINT, "parent": RUN, "point": 0, "attempts": (attempt,)}
    world.ledger.admit(run_record(deck="in.melt", **given))
    created = int((NOW - timedelta(hours=2)).timestamp() * 1000)
    child = parse_job(job(Status=status, CreatedAt=created, StartedAt=created))
    world.jobs.put_array(ARRAY, child, child)
    return world


def say(world: World, minutes_ago: float) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    status = put_status(FakeBucket(), 1, run_id=POINT, phase="running", updated_at=at)
    world.runs.write(keys.status(POINT, 1), status.model_dump_json().encode())


def test_the_points_of_a_sweep_that_goes_on_are_left_to_it() -> None:
    world = swept()
    say(world, minutes_ago=1)
    assert world.reap() == []
    assert world.jobs.terminated == []


def test_a_child_that_says_nothing_is_given_up_alone() -> None:
    world = swept()
    say(world, minutes_ago=50)
    assert findings(world.reap()) == [Finding.SILENT]
    [given_up] = world.jobs.terminated
    assert given_up.endswith(":0")


def test_a_sweep_whose_execution_died_is_taken_up_like_a_run() -> None:
    world = swept()
    say(world, minutes_ago=1)
    world.end("FAILED")
    assert findings(world.reap()) == [Finding.TAKEN_UP]
    assert world.executions.running() == {f"{RUN}-r2"}
    assert world.jobs.terminated == []


def test_a_sweep_that_the_reaper_closes_takes_its_array_with_it() -> None:
    world = swept(taken_up=TAKEN_UP_MOST)
    say(world, minutes_ago=1)
    world.end("FAILED")
    assert Finding.CLOSED in findings(world.reap())
    assert world.jobs.terminated == [world.jobs.by_name[ARRAY].job_id]


def test_what_a_closed_sweep_leaves_behind_ends_without_a_word() -> None:
    world = swept()
    closed = world.ledger.close(RUN, RunState.FAILED, "CarrySweep failed", NOW)
    found = world.reap(NOW + timedelta(hours=1))
    assert sorted(findings(found)) == sorted([Finding.CLOSED, Finding.ORPHAN])
    assert closed.state is RunState.FAILED
    assert world.ledger.runs[POINT].state is RunState.CANCELLED
    [array] = world.jobs.terminated
    assert array == world.jobs.by_name[ARRAY].job_id
    assert world.topic.messages == []


def test_a_wish_for_a_sweep_is_left_to_its_execution() -> None:
    world = swept(wish=Wish.STOP)
    say(world, minutes_ago=1)
    assert world.reap() == []


def test_a_run_that_was_held_by_its_user_rests() -> None:
    world = World(ended_attempt(1, Verdict.CANCELLED), state=RunState.HELD, wish=Wish.HOLD)
    world.end("SUCCEEDED")
    assert world.reap() == []


def test_a_stop_of_a_held_run_that_was_not_heard_is_heard_again() -> None:
    world = World(ended_attempt(1, Verdict.CANCELLED), state=RunState.HELD, wish=Wish.STOP)
    world.end("SUCCEEDED")
    assert findings(world.reap()) == [Finding.TAKEN_UP]
