"""Digests: everything that somebody has to look at comes first, and everything is counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.digest import WORDS, Digest, compose_digest
from deckhand.domain.message import MAX_BODY_BYTES, Event, Message, MessageSeverity, repeated

ADA = ("ada@example.org",)


def message(number: int, event: Event = Event.RUN_COMPLETED, **change: object) -> Message:
    is_bad = event in (Event.RUN_FAILED, Event.RUN_HELD)
    given = {
        "run_id": f"melt-{number:016x}",
        "event": event,
        "severity": MessageSeverity.ACTION if is_bad else MessageSeverity.INFO,
        "subject": f"Deckhand: melt {number} {event.value}",
        "body": "text",
    }
    return Message.model_validate({**given, **change})


def size(digest: Digest) -> int:
    """What SNS counts."""
    values = "".join(value for given in digest.attributes.values() for value in (*given, ", "))
    return len(digest.body.encode()) + len(values.encode())


def test_the_subject_counts_what_happened_the_worst_first() -> None:
    completed = [message(number) for number in range(3_400)]
    failed = [message(number, Event.RUN_FAILED) for number in range(3_400, 3_412)]
    digest = compose_digest([*completed, *failed])
    assert digest.subject == "Deckhand: 3,412 messages: 12 failed, 3,400 completed"
    lines = digest.body.splitlines()
    assert [line for line in lines if "run_failed" in line] == lines[4:16]
    assert "  and 3,300 more: deckhand list" in lines
    assert lines[-1] == "All runs: deckhand list"


def test_every_event_has_a_word() -> None:
    assert set(WORDS) == set(Event)


@given(st.lists(st.sampled_from(list(Event)), min_size=2, max_size=40))
def test_every_message_is_counted_and_all_that_need_somebody_are_named(
    events: Sequence[Event],
) -> None:
    messages = [message(number, event) for number, event in enumerate(events)]
    digest = compose_digest(messages)
    assert len(digest.subject) < 100
    for item in messages:
        assert item.run_id in digest.body
    named = [line.split()[0] for line in digest.body.splitlines() if line.startswith("  melt-")]
    urgent = {item.run_id for item in messages if item.severity is MessageSeverity.ACTION}
    assert set(named[: len(urgent)]) == urgent
    for event in set(events):
        assert f"{events.count(event)} {WORDS[event]}" in digest.body.splitlines()[0]


def test_a_filter_policy_for_one_of_its_messages_finds_the_digest() -> None:
    mixed = (message(1, owner="ada", notify=ADA), message(2, Event.RUN_FAILED, notify=ADA))
    assert compose_digest(mixed).attributes == {
        "event": ("digest", "run_completed", "run_failed"),
        "severity": ("info", "action"),
        "owner": ("ada", "default"),
        "group": ("default",),
        "notify": ADA,
    }


def test_what_may_have_come_before_is_marked() -> None:
    digest = compose_digest([repeated(message(1)), message(2)])
    assert digest.body.count("(may have come before)") == 1


@pytest.mark.parametrize("event", [Event.RUN_FAILED, Event.RUN_COMPLETED])
def test_the_largest_digest_is_one_that_sns_takes(event: Event) -> None:
    many = [
        message(number, event, owner=f"{'o' * 50}{number}", group=f"{'g' * 50}{number}",
                subject="s" * 99, run_id=f"{'r' * 62}-{number:016x}")
        for number in range(5_000)
    ]  # fmt: skip
    assert len(compose_digest(many).body) < MAX_BODY_BYTES
    assert size(compose_digest(many)) < 256 * 1024
