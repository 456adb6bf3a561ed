"""What can be wrong with a deck, and with the LAMMPS that runs it."""

from __future__ import annotations

from dataclasses import dataclass

from deckhand.domain.errors import DeckhandError


@dataclass(frozen=True)
class Place:
    """Where a command stands: a file of the deck and its line, counted from 1; 0 is all of it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}" if self.line else self.file


class DeckError(DeckhandError):
    """The deck is wrong; the text begins with the place."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


class EngineDiedError(DeckhandError):
    """LAMMPS ended while it was still needed."""

    def __init__(self, message: str, returncode: int | None) -> None:
        super().__init__(message)
        self.returncode = returncode


class ResumeError(DeckhandError):
    """A checkpoint was read but the state it promises is not there."""
