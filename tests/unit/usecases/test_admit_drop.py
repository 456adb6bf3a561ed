"""Admission: one drop becomes one run, however its events arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from deckhand.domain import deck, keys
from deckhand.domain.deck import Drop
from deckhand.domain.run import RunState
from deckhand.usecases.admit_drop import AdmitDrop, Look, Notification, failed_messages
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeExecutions, FakeLedger, FakePace, FakeQueue

SETTLE = timedelta(seconds=30)


@dataclass
class World:
    inbox: FakeBucket = field(default_factory=lambda: FakeBucket("inbox"))
    runs: FakeBucket = field(default_factory=lambda: FakeBucket("runs"))
    ledger: FakeLedger = field(default_factory=FakeLedger)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    queue: FakeQueue = field(default_factory=FakeQueue)
    pace: FakePace = field(default_factory=FakePace)

    def upload(self, key: str, body: bytes = b"run 1\n", age: int = 60) -> None:
        self.inbox.clock = lambda: NOW - timedelta(seconds=age)
        self.inbox.write(key, body)

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

    def look(self, *keys_: str) -> list[Look]:
        batch = [Notification(str(number), key=key) for number, key in enumerate(keys_)]
        return [item.look for item in self.admit()(batch, NOW)]


@pytest.fixture
def world() -> World:
    return World()


def test_a_quiet_folder_becomes_a_run(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.upload("inbox/melt/data.txt")
    assert world.look("inbox/melt/in.melt") == [Look.STARTED]
    [(run_id, (_, drop))] = world.executions.started.items()
    assert drop == "inbox/melt/"
    assert run_id.startswith("melt-")
    assert world.ledger.runs[run_id].state is RunState.CHECKING
    assert world.ledger.runs[run_id].started_at == NOW
    admitted = Drop.model_validate_json(world.runs.read(keys.drop_record(run_id)) or b"")
    assert [item.key for item in admitted.objects] == ["inbox/melt/data.txt", "inbox/melt/in.melt"]


def test_a_single_file_is_a_drop_without_its_neighbours(world: World) -> None:
    world.upload("inbox/in.melt")
    world.upload("inbox/in.melt.bak")
    assert world.look("inbox/in.melt") == [Look.STARTED]
    [run_id] = world.executions.started
    admitted = Drop.model_validate_json(world.runs.read(keys.drop_record(run_id)) or b"")
    assert [item.key for item in admitted.objects] == ["inbox/in.melt"]


def test_all_events_of_an_upload_are_one_look_and_one_run(world: World) -> None:
    for name in ("in.melt", "run.yaml", "table.lmp"):
        world.upload(f"inbox/melt/{name}")
    looks = world.look("inbox/melt/in.melt", "inbox/melt/run.yaml", "inbox/melt/table.lmp")
    assert looks == [Look.STARTED]
    assert len(world.executions.started) == 1


def test_an_event_that_is_delivered_again_changes_nothing(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.look("inbox/melt/in.melt")
    written = list(world.runs.journal)
    assert world.look("inbox/melt/in.melt") == [Look.KNOWN]
    assert len(world.executions.started) == 1
    assert world.runs.journal == written


def test_an_event_that_comes_after_late_data_names_the_same_run(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.look("inbox/melt/in.melt")
    world.upload("inbox/melt/data.txt", age=40)
    assert world.look("inbox/melt/in.melt") == [Look.KNOWN]
    assert len(world.executions.started) == 1


def test_a_changed_deck_is_a_new_run(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.look("inbox/melt/in.melt")
    world.upload("inbox/melt/in.melt", b"run 2\n")
    assert world.look("inbox/melt/in.melt") == [Look.STARTED]
    assert len(world.executions.started) == 2


@pytest.mark.parametrize(("age", "delay"), [(10, 20), (0, 30), (29, 1)])
def test_a_growing_drop_is_looked_at_again(world: World, age: int, delay: int) -> None:
    world.upload("inbox/melt/in.melt")
    world.upload("inbox/melt/big.dat", age=age)
    assert world.look("inbox/melt/in.melt") == [Look.GROWING]
    assert world.queue.delayed == [("inbox/melt/", timedelta(seconds=delay))]
    assert world.executions.started == {}
    assert world.ledger.runs == {}


def test_the_second_look_is_by_the_name_of_the_drop(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    [admission] = world.admit()([Notification("m", drop="inbox/melt/")], NOW)
    assert admission.look is Look.STARTED


def test_an_upload_that_was_deleted_again_leaves_nothing_hanging(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.upload("inbox/melt/data.txt")
    world.inbox.delete(["inbox/melt/in.melt"])
    assert world.look("inbox/melt/in.melt") == [Look.NOTHING_THERE]
    assert (world.ledger.runs, world.runs.journal, world.queue.delayed) == ({}, [], [])


@pytest.mark.parametrize("key", ["inbox/melt/data.txt", "elsewhere/in.melt", "inbox/melt/"])
def test_a_key_that_triggers_nothing_is_ignored(world: World, key: str) -> None:
    world.upload(key)
    assert world.look(key) == [Look.IGNORED]
    assert world.executions.started == {}


def test_an_unreadable_message_fails_alone(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    batch = [Notification("good", key="inbox/melt/in.melt"), Notification("bad")]
    admissions = world.admit()(batch, NOW)
    assert failed_messages(admissions) == ["bad"]
    assert len(world.executions.started) == 1


def test_a_start_that_fails_is_repeated_by_the_queue(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.executions.error = RuntimeError("throttled")
    batch = [Notification("one", key="inbox/melt/in.melt"), Notification("two", drop="inbox/melt/")]
    [failed] = world.admit()(batch, NOW)
    assert failed_messages([failed]) == ["one", "two"]
    assert "throttled" in failed.error
    world.executions.error = None
    assert world.look("inbox/melt/in.melt") == [Look.STARTED]


def test_an_execution_that_is_there_already_is_success(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    objects = tuple(world.inbox.current("inbox/melt/"))
    run_id = deck.run_id(Drop(prefix="inbox/melt/", objects=objects))
    world.executions.started[run_id] = (run_id, "inbox/melt/")
    assert world.look("inbox/melt/in.melt") == [Look.KNOWN]
    assert world.ledger.runs[run_id].started_at == NOW


@pytest.mark.parametrize("name", ["Prüfung 50%+ß", "a b", "d" * 800])
def test_strange_names_are_drops_like_others(world: World, name: str) -> None:
    key = f"inbox/{name}/in.mélt+1 %20"
    world.upload(key)
    assert world.look(key) == [Look.STARTED]
    [(run_id, (_, drop))] = world.executions.started.items()
    assert drop == f"inbox/{name}/"
    assert len(run_id) <= 80


def test_a_drop_that_was_stopped_before_it_was_quiet_is_no_run(world: World) -> None:
    world.upload("inbox/melt/in.melt", age=60)
    world.upload("inbox/melt/STOP", age=50)
    assert world.look("inbox/melt/in.melt") == [Look.STOPPED]
    assert world.executions.started == {}
    world.upload("inbox/melt/in.melt", b"run 2\n", age=40)
    assert world.look("inbox/melt/in.melt") == [Look.STARTED]


def test_only_a_start_waits_for_its_turn(world: World) -> None:
    world.upload("inbox/melt/in.melt")
    world.upload("inbox/film/in.film", age=5)
    world.look("inbox/melt/in.melt", "inbox/film/in.film", "inbox/gone/in.gone")
    world.look("inbox/melt/in.melt")
    assert world.pace.asked == ["begin", "turn", "begin"]
