"""What a loss would cost now."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.domain.keys import CheckpointId
from deckhand.domain.loss import Loss, loss_now
from deckhand.domain.status import Phase, Status
from tests.makers import ADMITTED, RUN

KEPT = CheckpointId(1000, 1)


def status(**change: Any) -> Status:
    given = {"phase": Phase.RUNNING, "step": 4000, "steps_per_second": 100.0}
    times = {"started_at": ADMITTED, "updated_at": ADMITTED}
    return Status(run_id=RUN, attempt=2, **times, **{**given, **change})


def test_what_was_computed_since_the_newest_verified_checkpoint_is_at_risk() -> None:
    assert loss_now(status(), KEPT) == Loss(steps=3000, seconds=30.0, kept=KEPT)


def test_without_a_checkpoint_it_is_everything() -> None:
    assert loss_now(status(), None) == Loss(steps=4000, seconds=40.0, kept=None)


def test_an_unknown_speed_gives_steps_only() -> None:
    assert loss_now(status(steps_per_second=None), KEPT) == Loss(
        steps=3000, seconds=None, kept=KEPT
    )


def test_an_attempt_behind_the_newest_checkpoint_loses_nothing() -> None:
    assert loss_now(status(step=900), KEPT) == Loss(steps=0, seconds=0.0, kept=KEPT)


@pytest.mark.parametrize("phase", [Phase.FETCHING, Phase.ENDED])
def test_where_nothing_is_computed_nothing_is_at_risk(phase: Phase) -> None:
    assert loss_now(status(phase=phase), KEPT) is None
