"""A dry spot market moves as many attempts as there is room for on demand, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Outcome, Verdict, judge, parse_job
from deckhand.domain.profile import Profile
from deckhand.usecases.relieve_queue import RelieveQueue
from tests.fakes import FakeJobs
from tests.makers import job

BEGAN = datetime.fromtimestamp(1_700_000_000, UTC)
NOW = BEGAN + timedelta(hours=1)
WAIT = timedelta(minutes=10)
PROFILE = Profile(
    spot_queues=("spot",),
    on_demand_queues=("on-demand",),
    gpus=1,
    vcpus=4,
    memory_mib=1000,
    on_demand_vcpus=4 * 5,
)


def put(jobs: FakeJobs, name: str, status: str, queue: str = "spot", minutes: float = 60) -> None:
    created = int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)
    jobs.by_name[name] = parse_job(job(JobId=name, Status=status, CreatedAt=created))
    jobs.queues[name] = queue


def relieve(jobs: FakeJobs) -> list[str]:
    return RelieveQueue(jobs, {"standard": PROFILE}, WAIT)(NOW)


def test_those_that_waited_longest_are_let_go_as_far_as_there_is_room() -> None:
    jobs = FakeJobs()
    for number in range(1000):
        put(jobs, f"w{number:04d}", "RUNNABLE", minutes=20 + number)
    put(jobs, "d1", "RUNNING", "on-demand")
    put(jobs, "d2", "RUNNABLE", "on-demand")
    assert relieve(jobs) == ["w0999", "w0998", "w0997"]
    assert jobs.terminated == ["w0999", "w0998", "w0997"]


def test_what_is_let_go_is_judged_as_no_capacity() -> None:
    jobs = FakeJobs()
    put(jobs, "w", "RUNNABLE")
    relieve(jobs)
    ended = parse_job(job(StatusReason=jobs.reasons[0], IsTerminated=True, Attempts=[]))
    assert judge(Outcome(job=ended)).verdict is Verdict.NO_CAPACITY


@pytest.mark.parametrize("status", ["RUNNING", "SUBMITTED", "PENDING"])
def test_only_those_that_wait_for_a_machine_are_let_go(status: str) -> None:
    jobs = FakeJobs()
    put(jobs, "w", status)
    assert relieve(jobs) == []


def test_nobody_is_let_go_who_has_not_waited_long() -> None:
    jobs = FakeJobs()
    put(jobs, "w", "RUNNABLE", minutes=9)
    assert relieve(jobs) == []


def test_nobody_is_let_go_while_spot_machines_are_being_had() -> None:
    jobs = FakeJobs()
    put(jobs, "w", "RUNNABLE")
    put(jobs, "s", "STARTING")
    assert relieve(jobs) == []


@given(st.lists(st.sampled_from(["RUNNABLE", "RUNNING"])), st.integers(0, 12))
def test_there_is_always_room_for_those_let_go(statuses: list[str], on_demand: int) -> None:
    jobs = FakeJobs()
    for number, status in enumerate(statuses):
        put(jobs, f"w{number}", status)
    for number in range(on_demand):
        put(jobs, f"d{number}", "RUNNING", "on-demand")
    gone = relieve(jobs)
    assert len(gone) == min(statuses.count("RUNNABLE"), max(0, 5 - on_demand))
