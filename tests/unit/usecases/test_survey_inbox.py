"""The survey: what no event told of is admitted or reported, once, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from deckhand.domain import keys
from deckhand.domain.cost import Prices
from deckhand.domain.deck import Drop
from deckhand.domain.errors import MessageNotSentError, SurveyError
from deckhand.domain.message import Event, MessageSeverity
from deckhand.domain.run import RunState
from deckhand.usecases.admit_drop import AdmitDrop, Look, Notification
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.survey_inbox import Finding, Survey, SurveyInbox
from tests.conftest import NOW
from tests.fakes import (
    FakeBucket,
    FakeExecutions,
    FakeLedger,
    FakeOutbox,
    FakePace,
    FakeQueue,
    FakeTopic,
    telling,
)

SETTLE, AFTER = timedelta(seconds=30), timedelta(seconds=600)
QUIET = 700
"""An age in seconds at which a drop is looked at."""


@dataclass
class CountingLedger(FakeLedger):
    asked: list[str] = field(default_factory=list)

    def run(self, run_id: str):
        self.asked.append(run_id)
        return super().run(run_id)


@dataclass
class World:
    inbox: FakeBucket = field(default_factory=lambda: FakeBucket("inbox"))
    runs: FakeBucket = field(default_factory=lambda: FakeBucket("runs"))
    ledger: CountingLedger = field(default_factory=CountingLedger)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    queue: FakeQueue = field(default_factory=FakeQueue)
    pace: FakePace = field(default_factory=FakePace)
    topic: FakeTopic = field(default_factory=FakeTopic)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)

    def upload(self, *keys_: str, body: bytes = b"x", age: int = QUIET) -> None:
        self.inbox.clock = lambda: NOW - timedelta(seconds=age)
        for key in keys_:
            self.inbox.write(key, body)

    def delete(self, *keys_: str, age: int = 0) -> None:
        self.inbox.clock = lambda: NOW - timedelta(seconds=age)
        self.inbox.delete(keys_)

    def admit(self) -> AdmitDrop:
        return AdmitDrop(
            self.inbox,
            self.runs,
            self.ledger,
            self.executions,
            self.queue,
            SETTLE,
            self.pace,
        )

    def survey_inbox(self) -> SurveyInbox:
        """As it is when its function has just been started."""
        close = CloseRun(self.runs, self.ledger, telling(self.topic, self.outbox), Prices(1.0, 4.0))
        return SurveyInbox(self.inbox, self.runs, self.ledger, self.admit(), close, AFTER)

    def survey(
        self, now: datetime = NOW, time_left: Callable[[], timedelta] = lambda: timedelta(hours=1)
    ) -> Survey:
        return self.survey_inbox()(now, time_left)

    def found(self, now: datetime = NOW) -> dict[str, Finding]:
        return {item.drop: item.finding for item in self.survey(now).found}

    @property
    def said(self) -> str:
        [message] = self.topic.messages
        return message.body


@pytest.fixture
def world() -> World:
    return World()


def test_a_drop_without_a_deck_is_a_rejected_run_that_people_are_told_of_once(world: World) -> None:
    world.upload("inbox/melt/data.melt", "inbox/melt/notes.docx")
    assert world.found() == {"inbox/melt/": Finding.REPORTED}
    [record] = world.ledger.runs.values()
    assert (record.state, record.closed_at, record.drop) == (RunState.REJECTED, NOW, "inbox/melt/")
    assert record.run_id.startswith("melt-")
    [message] = world.topic.messages
    assert (message.event, message.severity) == (Event.RUN_REJECTED, MessageSeverity.ACTION)
    for words in (
        "only data.melt, notes.docx",
        "in.<name>",
        "<name>.lmp",
        "`deck: <file>`",
        ".zip",
    ):
        assert words in message.body
    admitted = Drop.model_validate_json(world.runs.read(keys.drop_record(record.run_id)) or b"")
    assert len(admitted.objects) == 2
    assert world.runs.read(keys.result(record.run_id, "report.txt")) is not None
    assert world.executions.started == {}
    written = list(world.runs.journal)
    assert world.found(NOW + timedelta(days=400)) == {}
    assert (len(world.topic.messages), world.runs.journal) == (1, written)


@pytest.mark.parametrize(
    ("names", "body", "says"),
    [
        (["inbox/melt/"], b"", "The drop is empty"),
        (["inbox/melt/", "inbox/melt/sub/"], b"", "The drop is empty"),
        (["inbox/in.melt/"], b"", "The drop is empty"),
        (["inbox/melt/a.txt", "inbox/melt/b.txt"], b"", "only files of 0 bytes: a.txt, b.txt"),
        (["inbox/melt/", "inbox/melt/a.7z"], b"x", "only a.7z"),
        (["inbox/notes.txt"], b"x", "only notes.txt"),
        (["inbox/Prüfung 50%+ß/a b.txt"], b"x", "only a b.txt"),
    ],
)
def test_every_kind_of_drop_without_a_deck_is_reported(
    world: World, names: list[str], body: bytes, says: str
) -> None:
    world.upload(*names, body=body)
    assert list(world.found().values()) == [Finding.REPORTED]
    assert says in world.said
    assert world.found() == {}


def test_an_empty_deck_is_a_matter_of_the_check(world: World) -> None:
    world.upload("inbox/melt/in.melt", body=b"")
    assert world.found() == {"inbox/melt/": Finding.ADMITTED}


@pytest.mark.parametrize(("age", "is_found"), [(0, False), (629, False), (630, True)])
def test_a_drop_is_given_time_to_become_whole(world: World, age: int, is_found: bool) -> None:
    world.upload("inbox/melt/old.txt", age=9999)
    world.upload("inbox/melt/data.txt", age=age)
    assert (world.found() != {}) is is_found


def test_the_mark_of_the_inbox_itself_is_no_drop(world: World) -> None:
    world.upload("inbox/", body=b"")
    assert world.survey() == Survey(0, (), is_complete=True)


@pytest.mark.parametrize("key", ["inbox/melt/in.melt", "inbox/in.melt", "inbox//in.melt"])
def test_a_deck_whose_event_was_lost_is_admitted(world: World, key: str) -> None:
    world.upload(key)
    assert list(world.found().values()) == [Finding.ADMITTED]
    [record] = world.ledger.runs.values()
    assert (record.state, record.started_at) == (RunState.CHECKING, NOW)
    assert list(world.executions.started) == [record.run_id]
    assert world.found() == {}
    assert world.topic.messages == []


def test_an_admission_that_died_half_way_is_finished(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.executions.error = RuntimeError("throttled")
    world.admit()([Notification("m", drop="inbox/melt/")], NOW)
    world.executions.error = None
    assert world.found() == {"inbox/melt/": Finding.ADMITTED}
    assert len(world.executions.started) == 1


def test_runs_that_are_known_are_left_alone(world: World) -> None:
    world.upload("inbox/melt/in.melt", "inbox/other/in.other")
    for drop in ("inbox/melt/", "inbox/other/"):
        world.admit()([Notification("m", drop=drop)], NOW)
    [_, other] = world.ledger.runs
    world.ledger.close(other, RunState.FAILED, "because", NOW)
    before = dict(world.ledger.runs)
    assert world.found() == {}
    assert world.ledger.runs == before


def test_data_that_follows_a_run_is_nothing_new(world: World) -> None:
    world.upload("inbox/melt/in.melt", age=9999)
    world.found()
    world.upload("inbox/melt/more.dat")
    assert world.found() == {}


def test_files_that_steer_are_no_drop(world: World) -> None:
    world.upload("inbox/in.melt/STOP")
    world.upload("inbox/data/atoms.data")
    world.upload("inbox/data/HOLD")
    found = world.found()
    assert list(found) == ["inbox/data/"]
    world.upload("inbox/data/RESUME")
    assert world.found() == {}


def test_a_deck_that_arrives_after_the_report_is_a_run_like_any_other(world: World) -> None:
    world.upload("inbox/melt/data.txt", age=9999)
    world.found()
    world.upload("inbox/melt/in.melt", age=60)
    [admission] = world.admit()([Notification("m", key="inbox/melt/in.melt")], NOW)
    assert admission.look is Look.STARTED
    states = {run.state for run in world.ledger.runs.values()}
    assert states == {RunState.REJECTED, RunState.CHECKING}


def test_a_changed_drop_is_reported_again(world: World) -> None:
    world.upload("inbox/melt/data.txt", age=9999)
    world.found()
    world.upload("inbox/melt/data.txt", body=b"other")
    assert world.found() == {"inbox/melt/": Finding.REPORTED}
    assert len(world.topic.messages) == 2


def test_a_folder_copied_without_its_name_is_one_message(world: World) -> None:
    world.upload(*(f"inbox/data-{number:03d}.txt" for number in range(200)))
    world.upload("inbox/yesterday.txt", age=90_000)
    assert world.found() == {"inbox/": Finding.REPORTED, "inbox/yesterday.txt": Finding.REPORTED}
    bodies = [message.body for message in world.topic.messages]
    assert "data-005.txt and 194 more lie loose in the inbox" in bodies[0]
    assert "inbox/<name>/" in bodies[0]
    world.upload("inbox/another.txt", age=10)
    assert world.found(NOW + timedelta(minutes=20)) == {"inbox/another.txt": Finding.REPORTED}
    assert len(world.topic.messages) == 3


def test_a_deck_that_was_taken_away_is_not_complained_about(world: World) -> None:
    world.upload("inbox/melt/in.melt", "inbox/melt/data.txt", age=9999)
    world.found()
    world.delete("inbox/melt/in.melt", age=5000)
    assert world.found() == {}
    world.upload("inbox/melt/new.txt")
    assert world.found() == {"inbox/melt/": Finding.REPORTED}


def test_a_folder_that_is_being_cleared_is_not_a_new_drop(world: World) -> None:
    world.upload("inbox/melt/a.txt", "inbox/melt/b.txt", age=9999)
    world.found()
    world.delete("inbox/melt/a.txt", age=100)
    assert world.found() == {}
    world.delete("inbox/melt/b.txt", age=90)
    assert world.survey(NOW + timedelta(days=1)) == Survey(0, (), is_complete=True)


def test_a_message_that_could_not_be_sent_is_sent_by_the_next_survey(world: World) -> None:
    world.upload("inbox/melt/data.txt", "inbox/melt2/data.txt")
    world.topic.error = MessageNotSentError("throttled")
    survey = world.survey()
    assert sorted(item.finding for item in survey.found) == [Finding.FAILED, Finding.REPORTED]
    with pytest.raises(SurveyError, match=r"1 of the drops .* throttled"):
        survey.raise_failures()
    again = world.survey()
    again.raise_failures()
    assert [item.finding for item in again.found] == [Finding.REPORTED]
    assert len(world.topic.messages) == 2


def test_one_drop_that_fails_does_not_keep_the_others(world: World) -> None:
    world.upload("inbox/melt/in.melt", "inbox/notes/data.txt")
    world.executions.error = RuntimeError("throttled")
    assert world.found() == {"inbox/melt/": Finding.FAILED, "inbox/notes/": Finding.REPORTED}
    world.executions.error = None
    assert world.found() == {"inbox/melt/": Finding.ADMITTED}


def test_a_drop_that_changes_meanwhile_is_left_to_the_next_survey(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    survey_inbox = world.survey_inbox()
    listed = list(world.inbox.latest(keys.INBOX))

    class Stale(FakeBucket):
        def latest(self, prefix: str):
            return iter(listed)

    world.upload("inbox/melt/data.txt", age=1)
    early = SurveyInbox(
        Stale("inbox"), world.runs, world.ledger, survey_inbox.admit, survey_inbox.close, AFTER
    )
    [found] = early(NOW, lambda: timedelta(hours=1)).found
    assert (found.finding, early.settled) == (Finding.CHANGING, set())
    assert [drop for drop, _ in world.queue.delayed] == ["inbox/melt/"]


def test_a_warm_function_does_not_ask_the_ledger_again(world: World) -> None:
    world.upload("inbox/melt/in.melt", "inbox/notes/data.txt")
    survey_inbox = world.survey_inbox()
    for _ in range(3):
        survey_inbox(NOW, lambda: timedelta(hours=1))
    asked = [run_id for run_id in world.ledger.asked if run_id.startswith("melt")]
    assert len(asked) == 1
    assert len(survey_inbox.settled) == 2


def test_a_survey_that_runs_out_of_time_has_seen_the_newest(world: World) -> None:
    for number in range(5):
        world.upload(f"inbox/notes-{number}/data.txt", age=QUIET + number)
    left = iter([timedelta(seconds=200)] * 5 + [timedelta(seconds=31)] * 2)
    survey = world.survey(time_left=lambda: next(left, timedelta(seconds=29)))
    assert [item.drop for item in survey.found] == ["inbox/notes-0/", "inbox/notes-1/"]
    assert not survey.is_complete
    rest = world.survey()
    assert (len(rest.found), rest.is_complete) == (3, True)


def test_a_listing_that_takes_too_long_is_cut_and_what_was_seen_is_dealt_with(world: World) -> None:
    world.upload("inbox/a/data.txt", "inbox/loose.txt", "inbox/z/data.txt")
    left = iter([timedelta(seconds=100)] * 2)
    survey = world.survey(time_left=lambda: next(left, timedelta(seconds=80)))
    assert [item.drop for item in survey.found] == ["inbox/a/"]
    assert not survey.is_complete
