"""The interval between checkpoints: what costs least, its bounds, and what it says."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from deckhand.domain.interval import EXPECTED, between_interruptions, checkpoint_interval
from deckhand.domain.status import Ending, Phase, Status

TEN_HOURS = timedelta(hours=10)
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def lived(hours: float, ending: Ending | None) -> Status:
    return Status(
        run_id="melt-1",
        attempt=1,
        phase=Phase.RUNNING,
        started_at=BEGAN,
        updated_at=BEGAN + timedelta(hours=hours),
        ending=ending,
    )


def test_it_costs_least() -> None:
    chosen = checkpoint_interval(600.0, 2.0, 1.0, TEN_HOURS).seconds

    def cost(interval: float) -> float:
        """Wall-clock time for each second of the simulation (Daly 2006, eq. 13, no restart)."""
        return 36000 * (math.exp((interval + 2.0) / 36000) - 1) / interval

    assert chosen == pytest.approx(378, abs=1)
    assert chosen == pytest.approx(min(range(60, 3600), key=lambda t: cost(float(t))), abs=1)


def test_the_reason_names_what_was_measured() -> None:
    assert checkpoint_interval(600.0, 1.0, 1.0, TEN_HOURS).reason == (
        "every 268 s: a checkpoint stops the simulation for 1 s and an interruption is expected "
        "every 10.0 h, which makes 268 s best"
    )


@pytest.mark.parametrize(
    ("ceiling", "stalled", "stored", "between", "seconds", "said"),
    [
        (600.0, 30.0, 1.0, TEN_HOURS, 600.0, "600 s at most, as set"),
        (600.0, 0.01, 1.0, TEN_HOURS, 60.0, "no less than 60 s"),
        (600.0, 0.01, 100.0, TEN_HOURS, 200.0, "no less than 200 s"),
        (20.0, 0.01, 1.0, TEN_HOURS, 20.0, "every 20 s"),
        (600.0, None, 0.0, TEN_HOURS, 600.0, "no checkpoint is measured yet"),
        (600.0, 0.01, 1.0, None, 600.0, "no interruption is expected"),
    ],
)
def test_its_bounds(
    ceiling: float,
    stalled: float | None,
    stored: float,
    between: timedelta | None,
    seconds: float,
    said: str,
) -> None:
    found = checkpoint_interval(ceiling, stalled, stored, between)
    assert found.seconds == seconds
    assert said in found.reason


def test_interruptions_that_were_seen_count() -> None:
    assert between_interruptions([]) == EXPECTED
    often = [lived(1, Ending.SPOT_NOTICE), lived(2, None), lived(0.5, Ending.TERMINATED)]
    assert between_interruptions(often) == (EXPECTED + timedelta(hours=3.5)) / 4
    assert between_interruptions([lived(30, Ending.WALLTIME)]) == EXPECTED + timedelta(hours=30)


def test_an_interval_of_nothing_but_checkpoints_is_still_one() -> None:
    assert checkpoint_interval(1e9, 7200.0, 1.0, timedelta(hours=1)).seconds == 3600.0
