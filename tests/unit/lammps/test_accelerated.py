"""Which styles keep the host busy beside a GPU."""

from __future__ import annotations

import pytest

from deckhand.lammps import vocabulary
from deckhand.lammps.accelerated import stays_on_host


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        ("fix", "viscosity"),
        ("fix", "rigid/small"),
        ("pair", "sw/mod"),
        ("kspace", "ewald"),
        ("bond", "quartic"),
        ("improper", "ring/omp"),
    ],
)
def test_styles_that_stay_on_the_host(kind: str, style: str) -> None:
    assert vocabulary.knows(kind, style)
    assert stays_on_host(kind, style)


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        ("fix", "nvt"),
        ("fix", "npt/kk"),
        ("fix", "ave/time"),
        ("fix", "print"),
        ("fix", "halt"),
        ("pair", "lj/cut"),
        ("pair", "lj/cut/omp"),
        ("pair", "hybrid/overlay"),
        ("pair", "none"),
        ("kspace", "pppm"),
        ("bond", "fene"),
        ("angle", "zero"),
        ("compute", "msd"),
        ("dump", "custom"),
        ("region", "block"),
    ],
)
def test_styles_that_do_not(kind: str, style: str) -> None:
    assert not stays_on_host(kind, style)
