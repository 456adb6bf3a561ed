"""The contract of the outbox, kept by DynamoDB (moto) and by the fake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from deckhand.adapters.ledger import Ledger
from deckhand.adapters.outbox import Outbox as DynamoOutbox
from deckhand.domain.message import MAX_BODY_BYTES, Event, Message
from deckhand.usecases.ports import Outbox
from tests.conftest import NOW
from tests.fakes import FakeOutbox
from tests.makers import RUN, attempt_record, message, run_record

SECOND = timedelta(seconds=1)
MONTH = timedelta(days=30)


@pytest.fixture(params=["fake", "dynamodb"])
def outbox(request: pytest.FixtureRequest, aws: Callable[[str], Any], ledger_table: str) -> Outbox:
    return FakeOutbox() if request.param == "fake" else DynamoOutbox(aws("dynamodb"), ledger_table)


def unsent(outbox: Outbox, before: datetime = NOW + SECOND) -> list[tuple[Message, bool]]:
    return [(item.message, item.in_doubt) for item in outbox.unsent(before)]


def waiting(outbox: Outbox, before: datetime = NOW + SECOND) -> list[Message]:
    return list(outbox.waiting(before))


def test_a_message_is_claimed_once_and_stored_as_it_is(outbox: Outbox) -> None:
    told = message(owner="ada", notify=("ada@example.org",), body="Größe\n" * 9, subject="s")
    assert outbox.is_taken(told.key) is False
    assert outbox.claim(told, NOW) is True
    assert outbox.claim(told, NOW + SECOND) is False
    assert outbox.is_taken(told.key) is True
    assert unsent(outbox) == [(told, True)]


def test_the_largest_message_can_be_stored(outbox: Outbox) -> None:
    large = message(body='\n\\"ä' * MAX_BODY_BYTES)
    assert outbox.claim(large, NOW) is True
    assert unsent(outbox) == [(large, True)]


def test_other_occasions_and_other_events_are_other_messages(outbox: Outbox) -> None:
    for other in (
        message(),
        message(occasion="2"),
        message(occasion=""),
        message("other"),
        message(event=Event.RUN_HELD),
    ):
        assert outbox.claim(other, NOW) is True
    assert outbox.claim(message(event=Event.RUN_COMPLETED), NOW + SECOND) is False


def test_what_was_not_sent_can_be_claimed_by_whoever_repeats_it(outbox: Outbox) -> None:
    outbox.claim(message(), NOW)
    outbox.release(message().key, NOW)
    assert outbox.is_taken(message().key) is False
    assert unsent(outbox) == [(message(), False)]
    assert outbox.claim(message(body="better"), NOW) is True
    assert unsent(outbox) == [(message(body="better"), True)]


def test_what_is_sent_is_over(outbox: Outbox) -> None:
    outbox.claim(message(), NOW)
    outbox.mark_sent(message().key, NOW)
    outbox.mark_sent(message("nobody").key, NOW)
    outbox.release(message().key, NOW)
    outbox.wait(message().key)
    assert outbox.is_taken(message().key) is True
    assert outbox.claim(message(), NOW) is False
    assert outbox.take(message().key, NOW) is False
    assert (unsent(outbox), waiting(outbox)) == ([], [])
    assert outbox.is_taken(message("nobody").key) is False


def test_what_waits_is_taken_once(outbox: Outbox) -> None:
    outbox.claim(message(), NOW)
    outbox.wait(message().key)
    assert outbox.is_taken(message().key) is True
    assert outbox.claim(message(), NOW) is False
    assert (unsent(outbox), waiting(outbox)) == ([], [message()])
    assert outbox.take(message().key, NOW) is True
    assert outbox.take(message().key, NOW) is False
    assert (unsent(outbox), waiting(outbox)) == ([(message(), True)], [])


def test_what_waits_comes_oldest_first_and_only_if_it_is_old_enough(outbox: Outbox) -> None:
    for number in (3, 1, 2):
        told = message(f"run-{number}")
        outbox.claim(told, NOW + number * SECOND)
        outbox.wait(told.key)
    found = waiting(outbox, NOW + 3 * SECOND)
    assert [item.run_id for item in found] == ["run-1", "run-2"]


def test_what_somebody_left_behind_is_claimed_again_once(outbox: Outbox) -> None:
    outbox.claim(message(), NOW)
    assert list(outbox.unsent(NOW)) == []
    [left] = outbox.unsent(NOW + SECOND)
    assert outbox.claim_again(left, message(body="again"), NOW + SECOND) is True
    assert outbox.claim_again(left, message(body="again"), NOW + SECOND) is False
    assert list(outbox.unsent(NOW + SECOND)) == []
    [left] = outbox.unsent(NOW + 2 * SECOND)
    assert (left.message.body, left.at) == ("again", NOW + SECOND)
    outbox.mark_sent(message().key, NOW)
    assert outbox.claim_again(left, message(), NOW) is False


def test_messages_are_counted_by_bucket_and_a_slow_clock_counts_in_the_newest(
    outbox: Outbox,
) -> None:
    later = NOW + timedelta(minutes=5)
    assert [outbox.count(NOW) for _ in range(3)] == [1, 2, 3]
    assert [outbox.count(later) for _ in range(2)] == [1, 2]
    assert outbox.count(NOW) == 3


def test_a_bucket_is_looked_for_once(outbox: Outbox) -> None:
    assert outbox.begin_look(NOW) is True
    assert outbox.begin_look(NOW) is False
    assert outbox.begin_look(NOW - SECOND) is False
    assert outbox.begin_look(NOW + SECOND) is True


@pytest.mark.parametrize("address", ["ada@example.org", f"{'ä' * 3000}@example.org"])
def test_an_address_is_asked_once_in_a_month(outbox: Outbox, address: str) -> None:
    assert outbox.begin_asking(address, NOW, MONTH) is True
    assert outbox.begin_asking(address, NOW + MONTH, MONTH) is False
    assert outbox.begin_asking(address, NOW + MONTH + SECOND, MONTH) is True
    outbox.stop_asking(address)
    assert outbox.begin_asking(address, NOW, MONTH) is True
    assert outbox.begin_asking("bob@example.org", NOW, MONTH) is True


def test_the_messages_of_a_run_are_no_attempts(
    aws: Callable[[str], Any], ledger_table: str
) -> None:
    ledger = Ledger(aws("dynamodb"), ledger_table)
    outbox = DynamoOutbox(aws("dynamodb"), ledger_table)
    ledger.admit(run_record())
    ledger.plan(RUN, attempt_record(1))
    outbox.claim(message(), NOW)
    outbox.count(NOW)
    record = ledger.run(RUN)
    assert record is not None
    assert record.attempts == (attempt_record(1),)
    assert [item.run_id for item in ledger.recent(5)] == [RUN]
