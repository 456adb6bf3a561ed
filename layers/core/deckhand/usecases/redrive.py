"""Put dead letters back to where they were going."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deckhand.domain.dead_letter import Addressee, DeadLetter
from deckhand.usecases.ports import DeadLetters, Functions, IntakeQueue


class Move(StrEnum):
    """What becomes of a dead letter."""

    PUT_BACK = "put back"
    INVOKE = "invoked again"
    DISCARD = "discarded"
    LEAVE = "left"


MOVES: Final = {
    Addressee.INTAKE: Move.PUT_BACK,
    Addressee.FUNCTION: Move.INVOKE,
    Addressee.SCHEDULE: Move.DISCARD,
    Addressee.NOBODY: Move.LEAVE,
}
REASONS: Final = {
    Move.PUT_BACK: "goes to the intake queue",
    Move.INVOKE: "its function is invoked again",
    Move.DISCARD: "what it was for is done anew every few minutes",
    Move.LEAVE: "it cannot be read; --discard deletes it",
}
UNREADABLE: Final = "it cannot be read"


@dataclass(frozen=True)
class Planned:
    """A dead letter of one of the queues, and what is to become of it."""

    queue: str
    letter: DeadLetter
    move: Move
    reason: str


@dataclass(frozen=True)
class Redrive:
    """Safe to break off and to repeat: a letter is removed after it was sent, never before.

    One that is sent twice changes nothing: a drop is admitted once, and pruning may be repeated.
    """

    queues: Mapping[str, DeadLetters]
    intake: IntakeQueue
    functions: Functions

    def plan(self, *, discard: bool = False) -> Iterator[Planned]:
        """Take every letter; *discard* is for those that nobody can read."""
        for name, queue in self.queues.items():
            for letter in queue.take():
                move = MOVES[letter.addressee]
                if move is Move.LEAVE and discard:
                    yield Planned(name, letter, Move.DISCARD, UNREADABLE)
                else:
                    yield Planned(name, letter, move, REASONS[move])

    def taken_by_others(self) -> int:
        return sum(queue.taken_by_others() for queue in self.queues.values())

    def carry_out(self, plans: Sequence[Planned]) -> Iterator[Planned]:
        """Do what was planned, letter by letter; those that were done."""
        for item in plans:
            if item.move is Move.LEAVE:
                continue
            if item.move is Move.PUT_BACK:
                self.intake.put_back(item.letter.payload)
            elif item.move is Move.INVOKE:
                self.functions.hand_over(item.letter.function, item.letter.payload)
            self.queues[item.queue].remove(item.letter)
            yield item

    def release(self, plans: Sequence[Planned]) -> None:
        """Give back what was taken and is still there."""
        for name, queue in self.queues.items():
            queue.release([item.letter for item in plans if item.queue == name])
