"""A hundred steps of a small melt: whether a LAMMPS works on this machine, and computes right."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.lammps import failure
from deckhand.lammps.errors import EngineDiedError
from deckhand.lammps.process import Lammps

MELT: Final = (
    "units lj",
    "atom_style atomic",
    "lattice fcc 0.8442",
    "region box block 0 6 0 6 0 6",
    "create_box 1 box",
    "create_atoms 1 box",
    "mass 1 1.0",
    "velocity all create 3.0 87287 loop geom",
    "pair_style lj/cut 2.5",
    "pair_coeff 1 1 1.0 1.0 2.5",
    "neighbor 0.3 bin",
    "fix move all nve",
    "thermo 100",
    "run 100",
)
"""Every accelerator package has each of its styles."""

ENERGY: Final = -2.279
"""Of each atom, in units of lj: what the lattice and the temperature of the beginning give it."""

TOLERANCE: Final = 0.02
"""The steps change it by half of that, single precision by much less."""

LAST_WORDS: Final = 3


class TrialError(Exception):
    """This LAMMPS cannot be worked with; the text says what it did."""


@dataclass(frozen=True)
class Trial:
    """The energy of an atom that came out, and the seconds that all of it took."""

    energy: float
    seconds: float


def try_out(
    command: Sequence[str],
    folder: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Trial:
    """Run it by *command* in *folder*, whose path has no blanks; killed after *seconds*.

    Raises TrialError.
    """
    began = time.monotonic()
    try:
        lammps = Lammps([*command, "-log", "none"], folder, folder, environment)
    except OSError as error:
        raise TrialError(f"{command[0]} could not be started: {error.strerror}.") from error

    def hurry() -> None:
        if time.monotonic() - began > seconds:
            raise TrialError(f"LAMMPS did not answer within {seconds:.0f} s, and was killed.")

    lammps.tick = hurry
    try:
        for line in MELT:
            lammps.send(line)
        energy = float(lammps.ask("$(etotal:%.6f)"))
    except EngineDiedError as error:
        words = " / ".join(failure.tail(lammps.screen())[-LAST_WORDS:])
        raise TrialError(f"{error} It said: {words or 'nothing'}") from error
    finally:
        lammps.kill()
    if not abs(energy - ENERGY) < TOLERANCE:
        raise TrialError(f"An atom has the energy {energy}, and it must be about {ENERGY}.")
    return Trial(energy, time.monotonic() - began)
