"""Where the seed stands in a command that draws random numbers, and the command with a new one.

The restart file does not hold where a generator stands. With its old seed a resumed thermostat
would replay the very noise it gave before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from deckhand.lammps.script import names
from deckhand.lammps.styles import plain


class SeedAt(NamedTuple):
    """A seed stands *offset* words behind each *keyword*, "" for the name of the style."""

    offset: int
    keyword: str = ""


def _style(offset: int) -> tuple[SeedAt, ...]:
    return (SeedAt(offset),)


_PROBABILITY: Final = (SeedAt(2, "prob"),)
_RIGID: Final = (SeedAt(4, "langevin"),)

FIX_SEEDS: Final[Mapping[str, tuple[SeedAt, ...]]] = {
    "append/atoms": (SeedAt(4, "random"), SeedAt(3, "temp")),
    "atom/swap": _style(3),
    "bond/break": _PROBABILITY,
    "bond/create": _PROBABILITY,
    "bond/create/angle": _PROBABILITY,
    "bond/react": _PROBABILITY,
    "bond/swap": _style(4),
    "brownian": _style(2),
    "brownian/asphere": _style(2),
    "brownian/sphere": _style(2),
    "charge/regulation": (SeedAt(1, "seed"),),
    "deposit": _style(4),
    "evaporate": _style(4),
    "ffl": _style(4),
    "gcmc": _style(5),
    "gjf": _style(4),
    "gld": _style(4),
    "gle": _style(4),
    "langevin": _style(4),
    "langevin/drude": (SeedAt(3), SeedAt(6)),
    "langevin/eff": _style(4),
    "langevin/spin": _style(3),
    "mol/swap": _style(5),
    "neighbor/swap": _style(3),
    "nve/dotc/langevin": _style(4),
    "pafi": _style(4),
    "pour": _style(3),
    "press/langevin": (SeedAt(3, "temp"),),
    "rigid": _RIGID,
    "rigid/nph": _RIGID,
    "rigid/nph/small": _RIGID,
    "rigid/npt": _RIGID,
    "rigid/npt/small": _RIGID,
    "rigid/nve": _RIGID,
    "rigid/nve/small": _RIGID,
    "rigid/nvt": _RIGID,
    "rigid/nvt/small": _RIGID,
    "rigid/small": _RIGID,
    "sgcmc": (SeedAt(1, "randseed"),),
    "srd": (SeedAt(5), SeedAt(2, "shift")),
    "temp/csld": _style(4),
    "temp/csvr": _style(4),
    "tfmc": _style(3),
    "ttm": _style(1),
    "ttm/mod": _style(1),
    "wall/flow": _style(4),
    "wall/piston": (SeedAt(3, "temp"),),
    "wall/reflect/stochastic": _style(2),
    "widom": _style(4),
}
"""By the style of a fix."""

TAKES_UP: Final = names(
    """
    atom/swap charge/regulation deposit ffl gcmc gld gle mol/swap neighbor/swap rigid/nph
    rigid/nph/small rigid/npt rigid/npt/small rigid/nvt rigid/nvt/small temp/csld temp/csvr ttm
    ttm/mod widom
    """
)
"""Those that go on with what the restart file has of them, most with their generator. They are
given a seed all the same: on another number of processes the generators cannot go on."""

SEEDED_BY_PAIR: Final = frozenset({"shardlow"})
"""Their generator begins with the seed of the pair style when they are made."""

PAIR_SEEDS: Final[Mapping[str, tuple[SeedAt, ...]]] = {
    "brownian": _style(7),
    "brownian/poly": _style(7),
    "dpd": _style(3),
    "dpd/coul/slater/long": _style(3),
    "dpd/ext": _style(3),
    "dpd/ext/tstat": _style(4),
    "dpd/fdt": _style(3),
    "dpd/fdt/energy": _style(2),
    "dpd/tstat": _style(4),
    "dsmc": _style(2),
    "mdpd": _style(3),
    "sdpd/taitwater/isothermal": _style(3),
    "tdpd": _style(3),
}
"""By the pair style, also as one of several of a hybrid style."""


def reseeded(command: list[str], seed: int) -> list[str] | None:
    """*command* with new seeds, from *seed* on, no two of them the same; None if it has none."""
    told = _with_optional(command)
    places = sorted(_places(told))
    if not places:
        return None
    for number, place in enumerate(places):
        told[place] = str(seed + number)
    return told


def _with_optional(command: list[str]) -> list[str]:
    """A seed that was left out is a number that never changes."""
    if command[0] == "fix" and command[3:4] == ["sgcmc"] and "randseed" not in command:
        return [*command, "randseed", "1"]
    if command[:2] == ["pair_style", "sdpd/taitwater/isothermal"] and len(command) == 4:
        return [*command, "1"]
    return list(command)


def _places(command: list[str]) -> Iterator[int]:
    for style in _styles(command):
        table = FIX_SEEDS if command[0] == "fix" else PAIR_SEEDS
        for place in _behind(command, style, table.get(plain(command[style]), ())):
            if place < len(command) and command[place].isdigit():
                yield place


def _styles(command: list[str]) -> range:
    """Where names of styles may stand: a hybrid pair style names several."""
    if command[0] == "fix":
        return range(3, min(4, len(command)))
    return range(1, len(command)) if command[0] == "pair_style" else range(0)


def _behind(command: list[str], style: int, seeds: tuple[SeedAt, ...]) -> Iterator[int]:
    for seed in seeds:
        if not seed.keyword:
            yield style + seed.offset
            continue
        for index in range(style + 1, len(command)):
            if command[index] == seed.keyword:
                yield index + seed.offset
