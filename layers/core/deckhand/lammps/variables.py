"""Variables that a run is given from outside, as the command line of LAMMPS gives them: `-var`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from deckhand.domain.deck import OPTIONS_NAME
from deckhand.domain.options import Values
from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import Journal
from deckhand.lammps.process import Engine
from deckhand.lammps.script import as_line, quoted

Given = Mapping[str, Values]

GIVEN: Final = Place(OPTIONS_NAME, 0)
"""Where such a variable is said to come from."""

_LEAST: Final = 4


def texts(values: Values) -> tuple[str, ...]:
    """The values of a variable as LAMMPS is told them."""
    return tuple(map(str, values if isinstance(values, tuple) else (values,)))


def definitions(variables: Given) -> Iterator[tuple[list[str], str]]:
    """The commands that define them, as words and as lines; raises DeckError for one without.

    `-var name value …` makes an index variable (https://docs.lammps.org/Run_options.html), which a
    definition by `index` in the deck then leaves as it is. Unlike the command line, a line of the
    script takes further values that begin with a `-`.
    """
    for name, values in variables.items():
        command = ["variable", name, "index", *texts(values)]
        if len(command) < _LEAST:
            raise DeckError(f"the variable `{name}` has no value.", GIVEN)
        yield command, as_line(" ".join(map(quoted, command)), command, GIVEN)


def give(engine: Engine, journal: Journal, variables: Given) -> None:
    """Tell LAMMPS the variables in front of a deck; from then on they are settings like others.

    Only where a deck begins: a resumed run knows from its journal what `next` has made of them.
    """
    for command, text in definitions(variables):
        engine.send(text, GIVEN)
        journal.record(command, text, GIVEN)
