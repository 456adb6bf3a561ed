"""What an interpreter asks, and tells, whoever looks after the run."""

from __future__ import annotations

from typing import Protocol

from deckhand.lammps.errors import Place


class Stopped(Exception):
    """A run was left before its end because the watch asked for it; not an error."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped at step {step}")
        self.step = step


class Watch(Protocol):
    """What happens around the runs of a deck: checkpoints, outputs, stop requests."""

    @property
    def stopping(self) -> bool:
        """Whether the attempt has been asked to stop."""

    @property
    def pausing(self) -> bool:
        """Whether the run has been halted only to be told when its next restart file is due."""

    def run_goes_on(self, step: int) -> None:
        """A run that was halted at *step* goes on where it is."""

    def command_comes(self, command: list[str], place: Place) -> None:
        """LAMMPS is about to be given a command that is not a run."""

    def command_given(self, command: list[str]) -> None:
        """It was given the command, and the journal has taken note of it."""

    def box_made(self) -> None:
        """The simulation box exists from now on."""

    def can_stand(self, step: int) -> bool:
        """Whether a checkpoint at *step* loses nothing while no run is going on."""

    def run_comes(self, step: int) -> bool:
        """A run is next, nothing of it is done; True if a restart file was written before it."""

    def run_starts(self, step: int, *, set_up: bool) -> None:
        """A run is about to begin at *step*, *set up* or not; the journal says where it goes."""

    def run_ended(self, step: int) -> None:
        """A run, or a chunk of one, is over."""
