"""A watch that lets everything happen: a deck is carried as if nobody looked."""

from __future__ import annotations

from deckhand.lammps.errors import Place


class Bystander:
    """What the interpreter needs around the runs of a deck, and no more."""

    @property
    def stopping(self) -> bool:
        return False

    @property
    def pausing(self) -> bool:
        return False

    def command_comes(self, command: list[str], place: Place) -> None:
        """Nothing."""

    def command_given(self, command: list[str]) -> None:
        """Nothing."""

    def box_made(self) -> None:
        """Nothing."""

    def can_stand(self, step: int) -> bool:
        return False

    def run_comes(self, step: int) -> bool:
        return False

    def run_starts(self, step: int, *, set_up: bool) -> None:
        """Nothing."""

    def run_goes_on(self, step: int) -> None:
        """Nothing."""

    def run_ended(self, step: int) -> None:
        """Nothing."""
