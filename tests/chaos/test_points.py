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
from tests.chaos.faults import Point
from tests.chaos.trial import points_of, tried

SEED: Final = 5
NUMBER: Final = 30


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with opened() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def points(cloud: Cloud) -> list[Point]:
    found = points_of(cloud)
    assert len(found) > 300
    return found


def spread(points: list[Point]) -> list[Point]:
    """In turn one of each way to go wrong."""
    chance = random.Random(SEED)
    ways: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        ways[point.how].append(point)
    for some in ways.values():
        chance.shuffle(some)
    chosen: list[Point] = []
    while len(chosen) < NUMBER:
        chosen += [some.pop() for some in ways.values() if some]
    return chosen[:NUMBER]


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
