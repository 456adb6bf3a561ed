"""Starts of runs: never closer than their spacing, whatever the invocations do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deckhand.adapters.pace import STARTS_PER_SECOND, Pace
from tools.project import load

SPACING = 1 / STARTS_PER_SECOND
WORK = st.floats(0, 3 * SPACING)
JOBS_PER_SECOND = 50
"""https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html: SubmitJob, an account."""


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.lists(WORK, max_size=10), max_size=10))
def test_starts_of_invocations_one_after_another_keep_their_distance(
    invocations: list[list[float]],
) -> None:
    """Each invocation has a pace of its own, as one in another environment has."""
    clock, starts = Clock(), [0.0]
    for drops in invocations:
        pace = Pace(SPACING, clock, clock.sleep)
        pace.begin()
        for seconds in drops:
            clock.now += seconds
            pace.await_turn()
            starts.append(clock.now)
    gaps = [after - before for before, after in pairwise(starts)]
    assert all(gap >= SPACING - 1e-9 for gap in gaps)


def test_a_drop_that_takes_long_waits_no_longer() -> None:
    clock = Clock()
    pace = Pace(SPACING, clock, clock.sleep)
    clock.now += 10
    pace.await_turn()
    assert clock.now == 10


def test_all_that_admit_drops_start_fewer_runs_than_batch_takes_jobs() -> None:
    root = load().stacks["template"]
    concurrency = root["Parameters"]["IntakeConcurrency"]
    mapping = root["Resources"]["AdmitDropUploads"]["Properties"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "IntakeConcurrency"}
    survey = 1
    assert STARTS_PER_SECOND * (concurrency["MaxValue"] + survey) < JOBS_PER_SECOND
    assert STARTS_PER_SECOND * (concurrency["Default"] + survey) <= 40
    # Time for a whole batch, with a second for the look at each drop.
    seconds = mapping["BatchSize"] * (SPACING + 1)
    assert seconds < root["Resources"]["AdmitDrop"]["Properties"]["Timeout"]
