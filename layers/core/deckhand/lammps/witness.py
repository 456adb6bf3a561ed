"""What LAMMPS counts and no restart file holds, written down by LAMMPS itself.

A restart file is found when the run has gone on. What a fix had counted at its step, what it had
put into an internal variable, the averages that variables read, and the simulated time where the
length of a step changes, is in a file that a `fix print` of ours writes at every clean step; such a
fix leaves the trajectory as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from deckhand.lammps.averages import read_averages, recalled
from deckhand.lammps.journal import Journal, Setting, restated
from deckhand.lammps.pacing import ControlFiles
from deckhand.lammps.process import Engine
from deckhand.lammps.styles import plain

FIX: Final = "dh_witness"

_POUR: Final = "pour"
_CHANGES_STEP: Final = "dt/reset"
_INTERNAL: Final = "internal"
"""The style of variables that LAMMPS itself gives new values, as fix controller does."""

_EQUAL: Final = "equal"

_AMOUNT: Final = 4
"""Index of the number of particles in `fix ID group pour N …`."""


class Witnessed(NamedTuple):
    """The simulated time, what each fix pour has inserted, and `values`, at one step.

    These are those of internal variables (`v_name`) and of the entries of averages that variables
    read (`f_ID[i]`), in digits enough to be told exactly.
    """

    time: float
    poured: dict[str, int]
    values: dict[str, str]


def is_needed(journal: Journal) -> bool:
    counts = any(plain(fix.words[3]) in (_POUR, _CHANGES_STEP) for fix in journal.of("fix"))
    return counts or bool(_values(journal))


def commands(control: ControlFiles, interval: int, journal: Journal) -> Iterator[str]:
    """Let LAMMPS write it down every *interval* steps, from the next run on."""
    text = " ".join(["$(step:%.0f)", *_questions(journal)])
    yield f'fix {FIX} all print {interval} "{text}" file {control.witness} screen no title "#"'


def testimony(control: ControlFiles, step: int, journal: Journal) -> Witnessed | None:
    """What was written at *step*; None if it is not there."""
    try:
        lines = control.witness.read_text().splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        at, *rest = line.split() or [""]
        if at == str(step) and len(rest) == len(_questions(journal)):
            return _added_up(rest, journal)
    return None


def asked(engine: Engine, journal: Journal) -> Witnessed:
    """The same while no run is going on."""
    return _added_up(engine.ask(" ".join(_questions(journal))).split(), journal)


def reached(variable: Setting, journal: Journal, step: int) -> list[str]:
    """The commands that give a variable the value it had come to at *step*."""
    name, style = variable.words[1:3]
    value = journal.witnessed.get(f"v_{name}")
    if style == _INTERNAL and value is not None:
        return [f"variable {name} {_INTERNAL} {value}"]
    if style == _EQUAL:
        return [recalled(variable, journal.witnessed, step)]
    return restated(variable)


def remaining(fix: Setting, journal: Journal) -> list[str]:
    """The words of a fix as a new process has to be told them: it inserts what is left."""
    words = fix.words
    if plain(words[3]) == _POUR and words[_AMOUNT].isdigit():
        words[_AMOUNT] = str(int(words[_AMOUNT]) - journal.poured.get(words[1], 0))
    return words


def _pours(journal: Journal) -> list[str]:
    return [fix.words[1] for fix in journal.of("fix") if plain(fix.words[3]) == _POUR]


def _values(journal: Journal) -> list[str]:
    variables = (var.words for var in journal.of("variable"))
    internal = [f"v_{words[1]}" for words in variables if words[2] == _INTERNAL]
    return internal + read_averages(journal)


def _questions(journal: Journal) -> list[str]:
    counts = (f"$(f_{identity}:%.0f)" for identity in _pours(journal))
    return ["$(time:%.17g)", *counts, *(f"$({name}:%.17g)" for name in _values(journal))]


def _added_up(values: list[str], journal: Journal) -> Witnessed:
    """What the fixes of this process have counted, and those of the processes before it."""
    time, *rest = values
    pours, before = _pours(journal), journal.poured
    poured = {
        identity: before.get(identity, 0) + int(count)
        for identity, count in zip(pours, rest[: len(pours)], strict=True)
    }
    others = dict(zip(_values(journal), rest[len(pours) :], strict=True))
    return Witnessed(float(time), poured, others)
