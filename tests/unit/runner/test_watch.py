"""How long a notice leaves, whatever the clock of the machine says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deckhand.domain.notice import SpotNotice
from deckhand.runner.watch import NOTICE_RESERVE_SECONDS, NOTICE_SECONDS, time_left

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WHOLE = NOTICE_SECONDS - NOTICE_RESERVE_SECONDS


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (120, WHOLE),
        (60, 60 - NOTICE_RESERVE_SECONDS),
        (3, 3 - NOTICE_RESERVE_SECONDS),
        (0, WHOLE),
        (-3600, WHOLE),
        (3600, WHOLE),
    ],
)
def test_the_time_that_a_notice_leaves(seconds: float, left: float) -> None:
    notice = SpotNotice("terminate", NOW + timedelta(seconds=seconds))
    assert time_left(notice, NOW) == left
