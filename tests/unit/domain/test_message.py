"""Messages: a subject that SNS takes and a person can act on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.cost import Prices
from deckhand.domain.deck import SUPERSEDED
from deckhand.domain.message import (
    Event,
    MessageSeverity,
    closing_message,
    duration,
    money,
    printable_subject,
)
from deckhand.domain.report import Report, Result, compose_report
from deckhand.domain.run import RunState
from tests.conftest import NOW
from tests.makers import RUN, ended_attempt, run_record

PRICES = Prices(spot_per_hour=1.0, on_demand_per_hour=4.0)


def report(state: RunState, reason: str = "because", **change: object) -> Report:
    record = run_record(
        state=state,
        reason=reason,
        deck="in.melt",
        attempts=(
            ended_attempt(1, Verdict.INTERRUPTED, 2, from_step=0, reached_step=1500,
                          checkpoint="000000001000-a1"),
            ended_attempt(2, Verdict.COMPLETED, 1, market=Market.ON_DEMAND, from_step=1000,
                          reached_step=5000),
        ),
    )  # fmt: skip
    made = compose_report(record, NOW, PRICES)
    return made.model_copy(update=change)


@given(st.text())
def test_every_subject_is_one_that_sns_takes(text: str) -> None:
    subject = printable_subject(text)
    assert 0 < len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert subject == subject.strip()


def test_umlauts_stay_readable() -> None:
    assert printable_subject("Prüfung groß\nB") == "Prufung gross B"


def test_a_completed_run_says_what_it_cost_and_what_it_lost() -> None:
    results = (Result(path="log.lammps", key="runs/x/results/log.lammps", size=2048),)
    message = closing_message(report(RunState.COMPLETED, results=results), "the-runs")
    assert message.event is Event.RUN_COMPLETED
    assert message.severity is MessageSeverity.INFO
    assert message.subject == "Deckhand: melt completed, $6.00, 1 interruption"
    assert "$12.00" in message.body
    assert "500 steps" in message.body
    assert f"s3://the-runs/runs/{RUN}/results/" in message.body
    assert f"deckhand show {RUN}" in message.body
    assert "log.lammps  2,048 bytes" in message.body


def test_a_rejected_drop_says_why_in_the_subject() -> None:
    record = run_record(state=RunState.REJECTED, reason="The drop has 2 decks: in.a, in.b.")
    message = closing_message(compose_report(record, NOW, PRICES), "the-runs")
    assert message.subject == "Deckhand: melt was not run: The drop has 2 decks: in.a, in.b."
    assert "no machine was started, $0.00" in message.body
    assert "upload the drop again" in message.body
    assert message.severity is MessageSeverity.ACTION


def test_a_superseded_drop_asks_for_nothing() -> None:
    record = run_record(state=RunState.REJECTED, reason=f"{SUPERSEDED} of in.a")
    assert "What to do: nothing" in closing_message(compose_report(record, NOW, PRICES), "b").body


def test_a_failed_run_shows_the_end_of_its_log() -> None:
    message = closing_message(report(RunState.FAILED, log_tail=("ERROR: Lost atoms",)), "the-runs")
    assert "  ERROR: Lost atoms" in message.body
    assert message.event is Event.RUN_FAILED


def test_a_completed_run_with_a_missing_result_needs_somebody() -> None:
    broken = report(RunState.COMPLETED, problems=("dump.xyz: gone",))
    message = closing_message(broken, "the-runs")
    assert message.severity is MessageSeverity.ACTION
    assert "missing: dump.xyz: gone" in message.body
    assert "some results are missing" in message.subject


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12, "12 s"), (600, "10 min"), (3660, "1 h 01 min"), (90000, "25 h 00 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_money_has_two_digits() -> None:
    assert money(1234.5) == "$1,234.50"


def test_a_hundred_attempts_do_not_flood_the_mail() -> None:
    record = run_record(
        state=RunState.FAILED,
        attempts=tuple(ended_attempt(n, Verdict.INTERRUPTED) for n in range(1, 101)),
    )
    body = closing_message(compose_report(record, NOW, PRICES), "b").body
    assert "100 interruptions" in body
    assert "the first 80 are in report.json" in body
