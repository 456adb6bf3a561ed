"""What several commands mean together, where none of them does alone."""

from __future__ import annotations

import pytest

from deckhand.domain.run import Contract
from deckhand.lammps.combinations import Combinations
from deckhand.lammps.errors import Place
from deckhand.lammps.script import words

ADAPT = "fix a all adapt 1 pair soft a * * v_p"
VARIABLE_ROWS = "thermo v_often"


def found(deck: str) -> list[tuple[int, Contract, str]]:
    """Line, contract and reason of everything that the commands of *deck* add up to."""
    combinations, said = Combinations(), []
    for number, line in enumerate(deck.split("\n"), start=1):
        place = Place("in.deck", number)
        said += [(number, *promise) for promise in combinations.take(words(line), place)]
    return [*said, *((place.line, *promise) for place, promise in combinations.end())]


TOGETHER = {
    "kspace_style pppm 1e-4\nfix a all npt temp 1 1 1 iso 1 1 1": (
        2,
        Contract.STATISTICAL,
        "the mesh of the k-space solver",
    ),
    "fix r all rigid/small molecule\nfix d all drude/transform/direct": (
        2,
        Contract.REFUSED,
        "the shape of the bodies",
    ),
    "fix d all drude/transform/direct\nfix r all rigid/nvt/small molecule": (
        2,
        Contract.REFUSED,
        "the shape of the bodies",
    ),
    "fix n all npt temp 1 1 1 z 2 2 8\nfix b all rhok 0 0 16 4.0 26": (
        2,
        Contract.REFUSED,
        "pull on another wave",
    ),
    "fix b all rhok 16 0 0 0.0 0.0\nfix n all nph aniso 2 2 8": (
        2,
        Contract.PARTIAL_OUTPUTS,
        "shows another wave",
    ),
    f"{ADAPT}\nrun 5\nunfix a\nrun 5": (4, Contract.REFUSED, "the coefficients that it left"),
    f"thermo_style custom temp pe\n{VARIABLE_ROWS}": (2, Contract.REFUSED, "Add `step`"),
    f"thermo_modify colname step Time\n{VARIABLE_ROWS}": (2, Contract.REFUSED, "Add `step`"),
    "fix v all viscosity 10 x z 20\nvariable m equal f_v": (
        1,
        Contract.PARTIAL_OUTPUTS,
        "counts what it has exchanged, which the deck reads (f_v)",
    ),
    "variable m equal f_v\nfix v all evaporate 10 1 r 77": (
        2,
        Contract.PARTIAL_OUTPUTS,
        "counts the atoms it has deleted",
    ),
    "fix l all langevin 1 1 1 5 tally yes\nthermo_style custom step econserve": (
        1,
        Contract.PARTIAL_OUTPUTS,
        "counts the energy",
    ),
    "fix d all deposit 100 1 100 7 region slab": (1, Contract.EXACT, "degrees of freedom"),
}
"""The deck, and the line, contract and reason of what it adds up to."""


@pytest.mark.parametrize("deck", [deck for deck in TOGETHER if "evaporate" not in deck])
def test_commands_that_add_up(deck: str) -> None:
    line, contract, said = TOGETHER[deck]
    ((at, what, reason),) = found(deck)
    assert (at, what) == (line, contract)
    assert said in reason


def test_more_than_one_thing_may_add_up() -> None:
    deck = next(deck for deck in TOGETHER if "evaporate" in deck)
    line, contract, said = TOGETHER[deck]
    (counts, freedom) = found(deck)
    assert counts[:2] == (line, contract)
    assert said in counts[2]
    assert freedom[:2] == (line, Contract.EXACT)


@pytest.mark.parametrize(
    "deck",
    [
        "kspace_style pppm 1e-4\nfix a all nvt temp 1 1 1",
        "kspace_style none\nfix a all nph iso 1 1 1",
        "kspace_style pppm 1e-4\nkspace_modify gewald 0.3 mesh 8 8 8\nfix a all nph iso 1 1 1",
        "fix r all rigid/small molecule\nfix d all drude C C N",
        "fix d all drude/transform/direct\nfix i all drude/transform/inverse",
        f"{ADAPT}\nrun 5\nrun 5",
        f"{ADAPT} reset yes\nrun 5\nunfix a\nrun 5",
        f"{ADAPT}\nrun 5\nunfix a\npair_style lj/cut 2.5\nrun 5",
        f"{ADAPT}\nrun 5\nunfix a\npair_coeff * * 1 1\nrun 5",
        "fix a all adapt 1 atom charge v_p\nrun 5\nunfix a\nrun 5",
        "thermo_style custom temp pe\nthermo 100",
        f"thermo_style custom step temp\n{VARIABLE_ROWS}",
        f"thermo_style custom temp\nthermo_style one\n{VARIABLE_ROWS}",
        "fix v all viscosity 10 x z 20\nvariable m equal f_vv",
        "fix l all langevin 1 1 1 5\nthermo_style custom step econserve",
        "compute_modify thermo_temp dynamic/dof yes\nfix d all deposit 100 1 100 7 region slab",
    ],
)
def test_commands_that_do_not(deck: str) -> None:
    assert found(deck) == []
