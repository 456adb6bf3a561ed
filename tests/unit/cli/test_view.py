"""News and figures of a run, in words."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.cli import view
from deckhand.domain.attempt import Verdict
from deckhand.domain.gpu import GpuUse
from deckhand.domain.keys import CheckpointId
from deckhand.domain.run import RunState
from deckhand.domain.status import Phase, Status
from deckhand.usecases.show_run import RunView
from deckhand.usecases.trusted_checkpoints import StoredCheckpoint
from tests.makers import ADMITTED, RUN, attempt_record, ended_attempt, run_record


def status(number: int, **change: Any) -> Status:
    given = {
        "run_id": RUN,
        "attempt": number,
        "phase": Phase.RUNNING,
        "started_at": ADMITTED,
        "updated_at": ADMITTED,
    }
    return Status(**{**given, **change})


def run_view(found: Status | None = None, kept: tuple[int, ...] = (), **change: Any) -> RunView:
    checkpoints = tuple(
        StoredCheckpoint(checkpoint_id=CheckpointId(step, 1), size=1) for step in kept
    )
    return RunView(record=run_record(**change), status=found, checkpoints=checkpoints, results={})


def test_what_the_gpu_of_the_living_attempt_does() -> None:
    use = GpuUse(
        name="A100", gpus=1, samples=9, utilisation=83.4, memory_mib=2048, memory_total_mib=40960,
        watts=251.0, throttled={"heat (driver)": 0.25},
    )  # fmt: skip
    found = run_view(status(1, gpu=use), attempts=(attempt_record(1),))
    facts = dict(view.facts_of(found))
    assert facts["gpu"] == (
        "1 x A100, 83 % at work, 2,048 of 40,960 MiB, 251 W, slowed down: heat (driver) in 25 %"
    )
    assert "gpu" not in dict(view.facts_of(run_view(status(1), attempts=(attempt_record(1),))))


def test_nothing_new_is_no_news() -> None:
    same = run_view(status(1), attempts=(attempt_record(1),))
    assert list(view.news(same, same)) == []


def test_the_news_come_in_the_order_in_which_they_happened() -> None:
    before = run_view(status(1), attempts=(attempt_record(1),))
    after = run_view(
        status(2, instance_id="i-2", checkpoint="000000000090-a2"),
        attempts=(
            ended_attempt(1, Verdict.INTERRUPTED),
            attempt_record(2, resumed_from="000000000050-a1"),
        ),
        state=RunState.FAILED,
        reason="the end",
    )
    assert list(view.news(before, after)) == [
        "attempt 1 interrupted: because",
        "attempt 2 goes to the spot queue, from checkpoint 000000000050-a1",
        "attempt 2 has started on i-2",
        "checkpoint 000000000090-a2 is in S3 and verified",
        "the run is failed. the end",
    ]


def test_a_notice_is_news_once() -> None:
    attempts = (attempt_record(1),)
    before = run_view(status(1), attempts=attempts)
    told = run_view(status(1, notice_at=ADMITTED), attempts=attempts)
    assert list(view.news(before, told)) == ["attempt 1 has been told to stop"]
    assert list(view.news(told, told)) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (run_view(state=RunState.CHECKING), "checking the deck"),
        (run_view(state=RunState.WAITING), "waiting for missing files"),
        (run_view(), "planning the first attempt"),
        (run_view(attempts=(attempt_record(1),)), "attempt 1, spot queue: waiting for a machine"),
        (
            run_view(status(1, phase=Phase.STOPPING), attempts=(attempt_record(1),)),
            "attempt 1, spot queue: stopping",
        ),
        (run_view(attempts=(ended_attempt(1, Verdict.INTERRUPTED),)), "planning attempt 2"),
        (
            run_view(attempts=(ended_attempt(1, Verdict.COMPLETED),)),
            "putting the results together",
        ),
        (run_view(state=RunState.CANCELLED), "cancelled"),
    ],
)
def test_what_is_being_done(found: RunView, expected: str) -> None:
    assert view.doing(found) == expected


def test_a_lost_attempt_falls_back_to_its_checkpoint() -> None:
    lost = ended_attempt(1, Verdict.INTERRUPTED, reached_step=90)
    assert view.reached(run_view(status(1, step=90), (50,), attempts=(lost,))) == 50
    planned = (lost, attempt_record(2))
    assert view.reached(run_view(None, (50,), attempts=planned)) == 50
    assert view.reached(run_view(status(2, step=0, from_step=50), (50,), attempts=planned)) == 50


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (7325, "2 h 02 min"),
        (180000, "2 d 2 h"),
        (-3, "0 s"),
    ],
)
def test_durations_for_people(seconds: float, expected: str) -> None:
    assert view.span(seconds) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, "$0.00"), (0.00234, "$0.0023"), (0.5, "$0.50"), (1234.5, "$1,234.50")],
)
def test_small_sums_keep_their_digits(amount: float, expected: str) -> None:
    assert view.dollars(amount) == expected
