"""A dozen of the runner's crash points, of as many kinds of operation as there are.

`python -m tests.crash` tries all of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from tests.crash.faults import How, Point
from tests.crash.trial import Scenario, Trial, count, prepare, tried
from tests.crash.world import Plain

SEED: Final = 4
NUMBER: Final = 12
AT_ONCE: Final = 2


def spread(points: list[tuple[Scenario, Point]]) -> list[tuple[Scenario, Point]]:
    """One of each kind of operation in turn; the manifest whose reply is lost is always there."""
    chance = random.Random(SEED)
    kinds: defaultdict[str, list[tuple[Scenario, Point]]] = defaultdict(list)
    for scenario, point in points:
        kinds[point.operation.split()[1]].append((scenario, point))
    for known in kinds.values():
        chance.shuffle(known)
    chosen = [item for item in kinds["bucket.create"] if item[1].how is How.LOST][:1]
    for item in chosen:
        kinds["bucket.create"].remove(item)
    while len(chosen) < NUMBER:
        chosen += [known.pop() for known in kinds.values() if known]
    return chosen[:NUMBER]


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> list[tuple[str, Trial]]:
    top = tmp_path_factory.mktemp("points")
    worlds = {scenario: prepare(scenario, top / scenario, plain) for scenario in Scenario}
    points = [
        (scenario, point)
        for scenario in Scenario
        for point in count(scenario, worlds[scenario], top / "counted")
    ]
    assert len(points) > 100

    def try_one(numbered: tuple[int, tuple[Scenario, Point]]) -> tuple[str, Trial]:
        number, (scenario, point) = numbered
        trial = tried(scenario, point, worlds[scenario], top / f"p{number}", plain)
        return f"{scenario}: {point}", trial

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(try_one, enumerate(spread(points))))


@pytest.mark.parametrize("number", range(NUMBER))
def test_whatever_dies_the_run_is_carried_on(trials: list[tuple[str, Trial]], number: int) -> None:
    name, trial = trials[number]
    assert trial.reached, f"{name} was never reached"
    assert trial.problems == [], name
    assert trial.orphans == [], name
