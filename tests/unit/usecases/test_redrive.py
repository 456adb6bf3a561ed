"""Dead letters: each goes where it was going, and is removed only once it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from deckhand.domain.dead_letter import Addressee, DeadLetter
from deckhand.usecases.redrive import Move, Redrive
from tests.conftest import NOW
from tests.fakes import FakeDeadLetters, FakeFunctions, FakeQueue

PRUNE = "arn:aws:lambda:us-east-2:123456789012:function:prune"


def letter(number: int, addressee: Addressee = Addressee.INTAKE, **change: Any) -> DeadLetter:
    given = {
        "message_id": f"m{number}",
        "receipt": f"r{number}",
        "addressee": addressee,
        "about": f"inbox/{number}/in.melt",
        "payload": f"payload {number}",
        "sent_at": NOW,
        "received": 5,
    }
    return DeadLetter(**{**given, **change})


@dataclass
class World:
    intake_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    event_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    intake: FakeQueue = field(default_factory=FakeQueue)
    functions: FakeFunctions = field(default_factory=FakeFunctions)

    def redrive(self) -> Redrive:
        queues = {"intake": self.intake_letters, "events": self.event_letters}
        return Redrive(queues, self.intake, self.functions)


@pytest.fixture
def world() -> World:
    return World()


def test_letters_of_both_queues_go_where_they_were_going(world: World) -> None:
    world.intake_letters.letters = [letter(1)]
    world.event_letters.letters = [
        letter(2),
        letter(3, Addressee.FUNCTION, function=PRUNE),
        letter(4, Addressee.SCHEDULE),
    ]
    redrive = world.redrive()
    plans = list(redrive.plan())
    assert [item.queue for item in plans] == ["intake", "events", "events", "events"]
    assert list(redrive.carry_out(plans)) == plans
    assert world.intake.put == ["payload 1", "payload 2"]
    assert world.functions.handed == [(PRUNE, "payload 3")]
    assert world.intake_letters == world.event_letters == FakeDeadLetters()


def test_what_cannot_be_read_is_left_unless_it_is_to_go(world: World) -> None:
    world.intake_letters.letters = [letter(1, Addressee.NOBODY)]
    redrive = world.redrive()
    [kept] = plans = list(redrive.plan())
    assert kept.move is Move.LEAVE
    assert list(redrive.carry_out(plans)) == []
    redrive.release(plans)
    [gone] = list(redrive.carry_out(list(redrive.plan(discard=True))))
    assert gone.move is Move.DISCARD
    assert world.intake_letters == FakeDeadLetters()
    assert world.intake.put == []


def test_a_letter_that_could_not_be_sent_is_still_there_and_goes_the_next_time(
    world: World,
) -> None:
    first, second = letter(1), letter(2)
    world.intake_letters.letters = [first, second]
    world.intake.error = ConnectionError("gone")
    redrive = world.redrive()
    plans = list(redrive.plan())
    with pytest.raises(ConnectionError):
        list(redrive.carry_out(plans))
    assert world.intake_letters.taken == [first, second]
    redrive.release(plans)
    list(redrive.carry_out(list(redrive.plan())))
    assert world.intake.put == ["payload 1", "payload 2"]
    assert world.intake_letters == FakeDeadLetters()


def test_one_that_was_sent_but_not_removed_is_sent_again(world: World) -> None:
    world.intake_letters.letters = [letter(1)]
    redrive = world.redrive()

    def die(_: DeadLetter) -> None:
        raise KeyboardInterrupt

    world.intake_letters.remove = die  # type: ignore[method-assign]
    plans = list(redrive.plan())
    with pytest.raises(KeyboardInterrupt):
        list(redrive.carry_out(plans))
    redrive.release(plans)
    assert world.intake.put == ["payload 1"]
    assert world.intake_letters.letters == [letter(1)]


def test_what_somebody_else_has_taken_is_counted(world: World) -> None:
    world.event_letters.taken = [letter(1)]
    assert world.redrive().taken_by_others() == 1
