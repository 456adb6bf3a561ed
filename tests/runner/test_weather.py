"""S3 that is slow, busy, cut off or gone: the simulation goes on, and nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

from deckhand.domain.status import Ending, ExitCode, Status
from tests.runner.conftest import PATIENCE_SECONDS, Cloud
from tests.runner.decks import STAGES
from tests.runner.seams import assert_seamless, steps_of
from tests.runner.weather import Way, Weather

Undisturbed = Callable[[dict[str, str], str], dict[str, bytes]]

STORM_SECONDS = 3.0
MOST_COPIES = 3
"""One that is being stored, one that waits, one that is being made."""


def computed(cloud: Cloud) -> int:
    """The thermo rows that the first attempt has on its machine."""
    return len(steps_of(cloud.local(1, "log.lammps")))


def copies(cloud: Cloud) -> int:
    return len([*(cloud.scratch / "a1").rglob("snapshot-*")])


@pytest.mark.parametrize("weather", [Weather.SLOW, Weather.BUSY, Weather.CUT, Weather.OUT])
def test_the_simulation_goes_on(cloud: Cloud, undisturbed: Undisturbed, weather: Weather) -> None:
    expected = undisturbed(STAGES, "in.stages")
    cloud.admit(STAGES, "in.stages", total_steps=18000)
    with Way(cloud.endpoint) as way:
        process = cloud.start(1, AWS_ENDPOINT_URL=way.endpoint, CHECKPOINT_SECONDS="0.3")
        cloud.wait_for(process, 1, lambda status: status.checkpoints_written >= 1)
        before = computed(cloud)
        way.weather = weather
        most = watch_copies(cloud, process)
        after = computed(cloud)
        way.weather = Weather.FAIR
        assert process.wait(2 * PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert way.struck
    assert after > before
    assert most <= MOST_COPIES
    assert_seamless(cloud.results(1), expected)
    if weather is not Weather.SLOW:
        assert_told(cloud.status(1))


def watch_copies(cloud: Cloud, process: subprocess.Popen[bytes]) -> int:
    until, most = time.monotonic() + STORM_SECONDS, 0
    while time.monotonic() < until and process.poll() is None:
        most = max(most, copies(cloud))
        time.sleep(0.05)
    return most


def assert_told(status: Status | None) -> None:
    assert status is not None
    assert status.ending is Ending.COMPLETED
    assert status.troubles
