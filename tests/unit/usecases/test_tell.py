"""Telling: every message goes out, once, and never more at a time than a subscription survives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deckhand.domain.digest import Digest
from deckhand.domain.errors import MessageNotSentError
from deckhand.domain.message import (
    AGAIN,
    BUCKET,
    DIGESTS_AT_ONCE,
    DIRECT_MESSAGES,
    Event,
    Message,
    MessageSeverity,
    bucket_of,
    is_repeated,
)
from deckhand.usecases.send_digests import SendDigests
from deckhand.usecases.tell import ASK_AGAIN, Tell
from tests.conftest import NOW
from tests.fakes import FakeOutbox, FakeSubscriptions, FakeTopic, Way
from tests.makers import message

LIFE = timedelta(minutes=15)
"""How long a function may live."""


class CrashError(BaseException):
    """The process is gone: nobody catches that."""


@dataclass
class Office:
    """A topic, an outbox and a clock that stands still."""

    now: datetime = NOW
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    topic: FakeTopic = field(default_factory=FakeTopic)
    subscriptions: FakeSubscriptions = field(default_factory=FakeSubscriptions)

    @property
    def tell(self) -> Tell:
        return Tell(self.outbox, self.topic, self.subscriptions, lambda: self.now)

    def tell_many(self, number: int, first: int = 0, **change: object) -> None:
        for each in range(first, first + number):
            self.tell(message(f"run-{each}", **change))

    def look(self) -> list[tuple[str, int]]:
        """What the schedule does a minute after a bucket has ended."""
        self.now = bucket_of(self.now) + BUCKET + timedelta(minutes=1)
        sent = SendDigests(self.outbox, self.topic, lambda: self.now)()
        return [(item.subject, item.messages) for item in sent]

    def way(self, told: Message) -> Way | None:
        return self.outbox.way(told.key)


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_message_goes_out_once_however_often_it_is_told(office: Office) -> None:
    for _ in range(3):
        office.tell(message())
    assert office.topic.mails == [message()]
    assert office.way(message()) is Way.SENT
    assert office.tell.is_told(message().key)
    assert not office.tell.is_told(message(occasion="2").key)


def test_a_message_that_was_not_sent_is_sent_by_the_repetition(office: Office) -> None:
    office.topic.error = MessageNotSentError("throttled")
    with pytest.raises(MessageNotSentError):
        office.tell(message())
    assert not office.tell.is_told(message().key)
    office.tell(message())
    assert office.topic.mails == [message()]


def test_a_message_that_nobody_repeats_is_sent_later_and_does_not_claim_to_be_known(
    office: Office,
) -> None:
    office.topic.error = MessageNotSentError("throttled")
    with pytest.raises(MessageNotSentError):
        office.tell(message())
    office.now += LIFE + timedelta(seconds=1)
    assert office.tell.again(LIFE) == (message().key,)
    assert office.topic.mails == [message()]


def test_a_lost_answer_counts_as_sent(office: Office) -> None:
    office.topic.error = TimeoutError("no answer")
    with pytest.raises(TimeoutError):
        office.tell(message())
    office.tell(message())
    office.now += timedelta(days=1)
    assert office.tell.again(LIFE) == ()
    assert office.topic.mails == [message()]


class Dying:
    """A port that dies before or after a call of one name."""

    def __init__(self, inner: object, name: str, error: BaseException, *, after: bool) -> None:
        self._inner, self._name, self._error, self._after = inner, name, error, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        member: Callable[..., Any] = getattr(self._inner, name)
        if name != self._name:
            return member

        def call(*given: Any) -> Any:
            if self._after:
                member(*given)
            raise self._error

        return call


@pytest.mark.parametrize(
    ("operation", "after", "is_out"),
    [
        ("claim", True, False),
        ("count", False, False),
        ("publish", False, False),
        ("publish", True, True),
        ("mark_sent", False, True),
    ],
)
def test_who_dies_in_between_leaves_a_message_that_is_sent_once_more(
    office: Office, operation: str, after: bool, is_out: bool
) -> None:
    outbox: Any = Dying(office.outbox, operation, CrashError(), after=after)
    topic: Any = Dying(office.topic, operation, CrashError(), after=after)
    dying = Tell(outbox, topic, office.subscriptions, lambda: office.now)
    with pytest.raises(CrashError):
        dying(message())
    assert bool(office.topic.mails) is is_out
    office.tell(message())
    office.now += LIFE
    assert office.tell.again(LIFE) == ()
    office.now += timedelta(seconds=1)
    assert office.tell.again(LIFE) == (message().key,)
    again = office.topic.messages[-1]
    assert again.body.startswith(AGAIN)
    assert (len(office.topic.mails), again.subject) == (1 + is_out, message().subject)
    assert office.tell.again(timedelta(0)) == ()


@pytest.mark.parametrize("operation", ["count", "wait"])
def test_what_fails_before_anything_has_left_can_be_repeated(
    office: Office, operation: str
) -> None:
    office.tell_many(DIRECT_MESSAGES if operation == "wait" else 0)
    outbox: Any = Dying(office.outbox, operation, RuntimeError("throttled"), after=False)
    failing = Tell(outbox, office.topic, office.subscriptions, lambda: office.now)
    with pytest.raises(RuntimeError):
        failing(message("late"))
    assert office.way(message("late")) is Way.FREE
    office.tell(message("late"))
    assert office.tell.is_told(message("late").key)


def test_a_message_that_cannot_be_marked_is_out_all_the_same(office: Office) -> None:
    outbox: Any = Dying(office.outbox, "mark_sent", RuntimeError("throttled"), after=False)
    Tell(outbox, office.topic, office.subscriptions, lambda: office.now)(message())
    assert office.topic.mails == [message()]


def test_a_thousand_messages_at_once_are_few_mails(office: Office) -> None:
    office.tell_many(1000)
    assert len(office.topic.mails) == DIRECT_MESSAGES
    assert office.look() == [("Deckhand: 997 messages: 997 failed", 997)]
    assert len(office.topic.mails) == DIRECT_MESSAGES + 1
    [digest] = office.topic.digests
    told = {item.run_id for item in office.topic.messages}
    lines = {line.split()[0] for line in digest.body.splitlines() if line.startswith("  run-")}
    assert len(told | lines) == DIRECT_MESSAGES + 800
    assert "  and 197 more: deckhand list" in digest.body
    assert {way for _, way, _ in office.outbox.ways.values()} == {Way.SENT}
    assert office.look() == []


def test_no_second_brings_ten_mails(office: Office) -> None:
    """The turn from one bucket to the next, with a look for digests in between."""
    assert 2 * DIRECT_MESSAGES + DIGESTS_AT_ONCE < 10
    for number in range(10):
        office.tell_many(5, first=100 * number, notify=(f"{number}@example.org",))
    office.now = bucket_of(office.now) + BUCKET - timedelta(milliseconds=1)
    office.tell_many(100, first=2000)
    before = len(office.topic.mails) - DIRECT_MESSAGES
    office.look()
    office.tell_many(100, first=3000)
    assert len(office.topic.mails) - before <= 9


def test_a_message_that_waits_alone_comes_as_it_is(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 1)
    office.look()
    assert office.topic.mails[-1] == message(f"run-{DIRECT_MESSAGES}")


def test_what_came_in_this_bucket_waits_until_it_is_over(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 2)
    looking = SendDigests(office.outbox, office.topic, lambda: office.now)
    assert looking() == ()
    assert len(office.look()) == 1


def test_a_bucket_has_one_look_even_if_it_is_scheduled_twice(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 2)
    office.look()
    office.tell_many(DIRECT_MESSAGES + 2, first=100)
    office.now -= BUCKET
    office.look()
    assert len(office.topic.digests) == 1
    office.look()
    assert len(office.topic.digests) == 2


def test_two_looks_at_once_share_the_messages(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 6)

    class Racing(FakeOutbox):
        def waiting(self, before: datetime) -> Any:
            found = list(super().waiting(before))
            for item in found[:2]:
                self.take(item.key, before)
            return iter(found)

    office.outbox = Racing(office.outbox.ways)
    assert [number for _, number in office.look()] == [4]


def test_every_set_of_addresses_has_a_digest_of_its_own(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES)
    both = ("ada@example.org", "bob@example.org")
    for number, notify in enumerate([both, (), both[:1], both[::-1], (), both[:1], both[1:]]):
        office.tell_many(1, first=100 + number, notify=notify)
    assert [number for _, number in office.look()] == [2, 2, 2]
    found = [item.attributes.get("notify") for item in office.topic.digests]
    assert found == [both, None, both[:1]]
    assert [number for _, number in office.look()] == [1]
    assert office.topic.messages[-1].notify == both[1:]


def test_a_digest_that_was_not_sent_comes_with_the_next_look(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 5)
    office.topic.error = MessageNotSentError("throttled")
    with pytest.raises(MessageNotSentError):
        office.look()
    assert office.look() == [("Deckhand: 5 messages: 5 failed", 5)]


def test_a_digest_whose_answer_was_lost_counts_as_sent(office: Office) -> None:
    office.tell_many(DIRECT_MESSAGES + 5)
    office.topic.error = TimeoutError("no answer")
    with pytest.raises(TimeoutError):
        office.look()
    assert office.look() == []
    assert office.tell.again(timedelta(0)) == ()


def test_the_addresses_of_a_message_are_asked_once(office: Office) -> None:
    both = ("ada@example.org", "bob@example.org")
    office.tell_many(5, notify=both)
    assert office.subscriptions.asked == list(both)
    office.now += ASK_AGAIN + timedelta(seconds=1)
    office.tell_many(1, first=9, notify=both)
    assert office.subscriptions.asked == [*both, *both]


def test_an_address_that_cannot_be_asked_is_named_and_asked_again(office: Office) -> None:
    office.subscriptions.refused = {"ada@example"}
    office.tell_many(2, notify=("ada@example", "bob@example.org"))
    for told in office.topic.messages:
        assert told.body.endswith("\n\nada@example does not get this: no such place\n")
    assert office.subscriptions.asked == ["ada@example", "bob@example.org", "ada@example"]


RUNS = st.integers(0, 5)
EVENTS = st.sampled_from([Event.RUN_STARTED, Event.RUN_HELD, Event.RUN_FAILED])
FAULTS = st.sampled_from(
    [
        None,
        *(("claim", after) for after in (False, True)),
        *(("count", after) for after in (False, True)),
        *(("wait", after) for after in (False, True)),
        *(("publish", after) for after in (False, True)),
        *(("take", after) for after in (False, True)),
        *(("mark_sent", after) for after in (False, True)),
    ]
)


class Telling(RuleBasedStateMachine):
    """Functions that tell, look and send again, in any order, and die anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()
        self.told: set[Message] = set()

    def act(self, fault: tuple[str, bool] | None, error: BaseException, what: str) -> None:
        """Do *what* with ports of which one fails."""
        outbox: Any = self.office.outbox
        topic: Any = self.office.topic
        if fault is not None:
            outbox = Dying(outbox, fault[0], error, after=fault[1])
            topic = Dying(topic, fault[0], error, after=fault[1])
        tell = Tell(outbox, topic, self.office.subscriptions, lambda: self.office.now)
        with suppress(CrashError, RuntimeError, MessageNotSentError):
            if what == "look":
                SendDigests(outbox, topic, lambda: self.office.now)()
            elif what == "again":
                tell.again(LIFE)
            else:
                tell(next(item for item in self.told if item.run_id == what))

    @rule(run=RUNS, event=EVENTS, fault=FAULTS)
    def tell(self, run: int, event: Event, fault: tuple[str, bool] | None) -> None:
        self.told.add(message(f"run-{run}-{event.value}", event=event))
        self.act(fault, CrashError(), f"run-{run}-{event.value}")

    @rule(run=RUNS, event=EVENTS, fault=FAULTS)
    def tell_and_hear_of_an_error(
        self, run: int, event: Event, fault: tuple[str, bool] | None
    ) -> None:
        self.told.add(message(f"run-{run}-{event.value}", event=event))
        error = RuntimeError("the answer was lost")
        # What surely was not sent is an error of its own.
        if fault == ("publish", False):
            error = MessageNotSentError("throttled")
        self.act(fault, error, f"run-{run}-{event.value}")

    @rule(minutes=st.sampled_from([1, 4, 6, 20]))
    def pass_time(self, minutes: int) -> None:
        self.office.now += timedelta(minutes=minutes)

    @rule(fault=FAULTS)
    def look(self, fault: tuple[str, bool] | None) -> None:
        self.act(fault, CrashError(), "look")

    @rule(fault=FAULTS)
    def send_again(self, fault: tuple[str, bool] | None) -> None:
        self.act(fault, CrashError(), "again")

    @invariant()
    def nobody_is_told_twice_without_a_word(self) -> None:
        plain = Counter(item.run_id for item in self.office.topic.messages if not is_repeated(item))
        for digest in self.office.topic.digests:
            plain.update(said(digest, "(may have come before)"))
        assert all(number == 1 for number in plain.values()), plain

    @precondition(lambda self: self.told)
    @rule()
    def nothing_is_lost(self) -> None:
        """With functions that live, everything is out at last."""
        for item in self.told:
            with suppress(MessageNotSentError):
                self.office.tell(item)
        for _ in range(3):
            self.office.now += timedelta(minutes=20)
            self.office.tell.again(LIFE)
            self.office.look()
        heard = {item.run_id for item in self.office.topic.messages}
        for digest in self.office.topic.digests:
            heard.update(said(digest))
        assert heard == {item.run_id for item in self.told}
        assert {way for _, way, _ in self.office.outbox.ways.values()} <= {Way.SENT}


def said(digest: Digest, but: str = "\0") -> list[str]:
    """The runs that a digest names, but for lines with *but*."""
    lines = digest.body.splitlines()
    return [line.split()[0] for line in lines if line.startswith("  run-") and but not in line]


TestTelling = Telling.TestCase
TestTelling.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_severity_is_no_part_of_what_makes_a_message(office: Office) -> None:
    office.tell(message())
    office.tell(message(severity=MessageSeverity.INFO))
    assert len(office.topic.mails) == 1
