"""Some of the points at which AWS may fail, of every kind.

`python -m tests.chaos` tries all of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import pytest

from tests.chaos.cloud import Cloud, opened
from tests.chaos.faults import How, Point
from tests.chaos.trial import points_of, points_of_a_check_by_job, tried

SEED: Final = 5
NUMBER: Final = 30
BY_JOB: Final = 10


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with opened() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def points(cloud: Cloud) -> list[Point]:
    found = points_of(cloud)
    assert len(found) > 300
    return found


@pytest.fixture(scope="module")
def points_by_job(cloud: Cloud) -> list[Point]:
    found = points_of_a_check_by_job(cloud)
    assert {point.how for point in found} == set(How)
    return found


def spread(points: list[Point], number: int = NUMBER) -> list[Point]:
    """In turn one of each way to go wrong."""
    chance = random.Random(SEED)
    ways: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        ways[point.how].append(point)
    for some in ways.values():
        chance.shuffle(some)
    chosen: list[Point] = []
    while len(chosen) < number:
        chosen += [some.pop() for some in ways.values() if some]
    return chosen[:number]


# A thread of moto's interpreter that waits for a job stumbles when its execution is aborted.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("number", range(NUMBER))
def test_whatever_aws_does_the_run_comes_to_its_end(
    cloud: Cloud, points: list[Point], number: int
) -> None:
    point = spread(points)[number]
    trial = tried(cloud, point)
    assert trial.reached, point
    assert trial.problems == [], point


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("number", range(BY_JOB))
def test_so_does_a_run_whose_deck_a_job_checks(
    cloud: Cloud, points_by_job: list[Point], number: int
) -> None:
    point = spread(points_by_job, BY_JOB)[number]
    trial = tried(cloud, point, checks_by_job=True)
    assert trial.reached, point
    assert trial.problems == [], point
