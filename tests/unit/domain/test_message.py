"""Messages: a subject that SNS takes and a person can act on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.closing import closing_key, closing_message
from deckhand.domain.cost import Prices
from deckhand.domain.deck import SUPERSEDED
from deckhand.domain.message import (
    AGAIN,
    MAX_BODY_BYTES,
    Event,
    Message,
    MessageSeverity,
    bucket_of,
    duration,
    is_repeated,
    money,
    printable_subject,
    repeated,
)
from deckhand.domain.news import (
    fell_back_message,
    held_message,
    stalled_message,
    started_message,
)
from deckhand.domain.report import Report, Result, compose_report
from deckhand.domain.run import FINAL_STATES, RunState
from tests.conftest import NOW
from tests.makers import RUN, attempt_record, ended_attempt, run_record

PRICES = Prices(spot_per_hour=1.0, on_demand_per_hour=4.0)
RECORD = run_record(owner="ada", group="polymers", notify=("ada@example.org",), round=2)


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
    message = closing_message(RECORD, report(RunState.COMPLETED, results=results), "the-runs")
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
    message = closing_message(record, compose_report(record, NOW, PRICES), "the-runs")
    assert message.subject == "Deckhand: melt was not run: The drop has 2 decks: in.a, in.b."
    assert "no machine was started, $0.00" in message.body
    assert "upload the drop again" in message.body
    assert message.severity is MessageSeverity.ACTION


def test_a_superseded_drop_asks_for_nothing() -> None:
    record = run_record(state=RunState.REJECTED, reason=f"{SUPERSEDED} of in.a")
    assert (
        "What to do: nothing"
        in closing_message(record, compose_report(record, NOW, PRICES), "b").body
    )


def test_a_failed_run_shows_the_end_of_its_log() -> None:
    message = closing_message(
        RECORD, report(RunState.FAILED, log_tail=("ERROR: Lost atoms",)), "the-runs"
    )
    assert "  ERROR: Lost atoms" in message.body
    assert message.event is Event.RUN_FAILED


def test_a_completed_run_with_a_missing_result_needs_somebody() -> None:
    broken = report(RunState.COMPLETED, problems=("dump.xyz: gone",))
    message = closing_message(RECORD, broken, "the-runs")
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
    body = closing_message(record, compose_report(record, NOW, PRICES), "b").body
    assert "100 interruptions" in body
    assert "the first 80 are in report.json" in body


def test_every_closing_of_a_round_is_the_same_message() -> None:
    keys = {closing_message(RECORD, report(state), "b").key for state in FINAL_STATES}
    assert keys == {closing_key(RECORD)}
    assert closing_key(RECORD) != closing_key(RECORD.model_copy(update={"round": 3}))


def test_a_message_says_whose_it_is_and_whom_to_notify() -> None:
    attributes = closing_message(RECORD, report(RunState.FAILED), "b").attributes
    assert attributes == {
        "event": "run_failed",
        "severity": "action",
        "owner": "ada",
        "group": "polymers",
        "run_id": RUN,
        "notify": ("ada@example.org",),
    }
    assert "notify" not in closing_message(run_record(), report(RunState.FAILED), "b").attributes


SO_FAR = run_record(
    deck="in.melt",
    dollars=10.0,
    projected_cost=14.5,
    round=3,
    attempts=(
        ended_attempt(1, Verdict.INTERRUPTED, 2, from_step=0, reached_step=1500,
                      checkpoint="000000001000-a1"),
        ended_attempt(2, Verdict.WALLTIME, 1, market=Market.ON_DEMAND),
    ),
)  # fmt: skip


def test_a_held_run_says_why_what_it_costs_and_how_to_let_it_go_on() -> None:
    message = held_message(SO_FAR, "It would cost more than it may.", PRICES)
    assert (message.event, message.severity) == (Event.RUN_HELD, MessageSeverity.ACTION)
    assert message.subject == (
        "Deckhand: melt is held, $6.00 so far: It would cost more than it may."
    )
    for text in ("It may cost".lower(), "$10.00", "$14.50 in all", "$6.00", "500 steps"):
        assert text in message.body
    assert f"\n  deckhand resume {RUN}\n" in message.body
    assert message.key.occasion == "3"
    asked = held_message(SO_FAR, "why", PRICES, approve=f"deckhand resume {RUN} --dollars 20")
    assert f"\n  deckhand resume {RUN} --dollars 20\n" in asked.body


def test_falling_back_says_for_how_long_and_what_it_costs_more() -> None:
    reason = "No spot machine was to be had."
    planned = attempt_record(3, market=Market.ON_DEMAND, timeout_seconds=21600, reason=reason)
    message = fell_back_message(SO_FAR, planned, PRICES)
    assert message.subject == (
        "Deckhand: melt goes on on demand for 6 h 00 min at most, $3.00 more per hour"
    )
    assert reason in message.body
    assert "$4.00 per hour instead of $1.00, at most $18.00 more in all" in message.body
    assert (message.severity, message.key.occasion) == (MessageSeverity.INFO, "3")
    dear = fell_back_message(SO_FAR, planned.model_copy(update={"price_per_hour": 9.0}), PRICES)
    assert "$9.00 per hour instead of $1.00" in dear.body


@pytest.mark.parametrize(("is_helped", "severity"), [(False, "action"), (True, "info")])
def test_a_stalled_run_needs_somebody_unless_it_is_helped(is_helped: bool, severity: str) -> None:
    message = stalled_message(SO_FAR, "No step for 40 min.", PRICES, is_helped=is_helped)
    assert message.severity.value == severity
    assert message.subject == "Deckhand: melt makes no progress: No step for 40 min."
    assert ("deckhand stop" in message.body) is not is_helped
    assert message.key.occasion == "2"


def test_a_started_run_is_told_of_once_in_its_life() -> None:
    first = started_message(SO_FAR.model_copy(update={"total_steps": 5_000_000}), PRICES)
    assert "5,000,000 steps" in first.body
    assert "$14.50 in all" in first.body
    assert first.key == started_message(SO_FAR.model_copy(update={"round": 4}), PRICES).key
    assert first.severity is MessageSeverity.INFO


def test_the_messages_of_a_run_are_different_ones() -> None:
    made = [
        started_message(SO_FAR, PRICES),
        held_message(SO_FAR, "why", PRICES),
        stalled_message(SO_FAR, "why", PRICES),
        fell_back_message(SO_FAR, attempt_record(3), PRICES),
        fell_back_message(SO_FAR, attempt_record(4), PRICES),
        closing_message(SO_FAR, report(RunState.FAILED), "b"),
    ]
    assert len({message.key for message in made}) == len(made)
    for message in made[:-1]:
        for text in ("What happened: ", "What was lost so far: 500 steps", "$6.00", "What to do: "):
            assert text in message.body


@given(st.text(), st.text(), st.text(max_size=30))
def test_whatever_a_run_says_its_messages_can_be_sent(drop: str, reason: str, deck: str) -> None:
    record = run_record(drop=f"inbox/{drop}/", deck=deck, reason=reason, state=RunState.FAILED)
    for message in (
        closing_message(record, compose_report(record, NOW, PRICES), "b"),
        held_message(record, reason, PRICES),
        stalled_message(record, reason, PRICES),
    ):
        assert 0 < len(message.subject) < 100
        assert message.subject.isascii()
        assert message.subject.isprintable()
        assert 0 < len(message.body.encode()) <= MAX_BODY_BYTES


@pytest.mark.parametrize("body", ["", " \n", "ä" * MAX_BODY_BYTES, "\ud800"])
def test_a_body_is_one_that_sns_takes(body: str) -> None:
    made = message_of(body)
    assert 0 < len(made.body.encode()) <= MAX_BODY_BYTES


def test_a_message_that_may_have_come_says_so_once() -> None:
    again = repeated(repeated(message_of("text")))
    assert again.body == f"{AGAIN}\n\ntext"
    assert is_repeated(again)
    assert len(repeated(message_of("x" * MAX_BODY_BYTES)).body) == MAX_BODY_BYTES


def message_of(body: str) -> Message:
    severity = MessageSeverity.INFO
    return Message(run_id=RUN, event=Event.RUN_HELD, severity=severity, subject="s", body=body)


@pytest.mark.parametrize(("minute", "begin"), [(0, 0), (4, 0), (5, 5), (59, 55)])
def test_a_bucket_begins_with_every_fifth_minute(minute: int, begin: int) -> None:
    at = NOW.replace(minute=minute, second=59, microsecond=999_999)
    assert bucket_of(at) == NOW.replace(minute=begin)
