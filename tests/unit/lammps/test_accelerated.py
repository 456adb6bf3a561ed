"""Which styles keep the host busy beside a GPU."""

from __future__ import annotations

import pytest

from deckhand.domain.accelerator import Accelerator
from deckhand.lammps import vocabulary
from deckhand.lammps.accelerated import demands, has_version, stays_on_host

KOKKOS, GPU = Accelerator.KOKKOS, Accelerator.GPU


@pytest.mark.parametrize("accelerator", [KOKKOS, GPU])
@pytest.mark.parametrize(
    ("kind", "style"),
    [
        ("fix", "viscosity"),
        ("fix", "rigid/small"),
        ("pair", "sw/mod"),
        ("pair", "lj/cut/omp"),
        ("kspace", "ewald"),
        ("bond", "quartic"),
        ("improper", "ring/omp"),
    ],
)
def test_styles_that_stay_on_the_host(kind: str, style: str, accelerator: Accelerator) -> None:
    assert vocabulary.knows(kind, style)
    assert stays_on_host(kind, style, accelerator)


@pytest.mark.parametrize("accelerator", [KOKKOS, GPU])
@pytest.mark.parametrize(
    ("kind", "style"),
    [
        ("fix", "nvt"),
        ("fix", "ave/time"),
        ("fix", "print"),
        ("fix", "halt"),
        ("pair", "lj/cut"),
        ("pair", "hybrid/overlay"),
        ("pair", "none"),
        ("kspace", "pppm"),
        ("angle", "zero"),
        ("compute", "msd"),
        ("dump", "custom"),
        ("region", "block"),
    ],
)
def test_styles_that_do_not(kind: str, style: str, accelerator: Accelerator) -> None:
    assert not stays_on_host(kind, style, accelerator)


@pytest.mark.parametrize(
    ("kind", "style", "kokkos", "gpu"),
    [
        ("pair", "lj/cut", True, True),
        ("pair", "lj/cut/kk", True, False),
        ("pair", "lj/cut/gpu", False, True),
        ("pair", "meam", True, False),
        ("pair", "gayberne", False, True),
        ("bond", "fene", True, False),
        ("fix", "langevin", True, False),
        ("fix", "npt/kk/host", True, False),
        ("atom", "full", True, False),
        ("atom", "body", False, False),
        ("minimize", "cg", True, False),
        ("integrate", "respa", False, False),
    ],
)
def test_each_package_has_its_own_styles(kind: str, style: str, kokkos: bool, gpu: bool) -> None:
    assert has_version(kind, style, KOKKOS) is kokkos
    assert has_version(kind, style, GPU) is gpu


def test_what_styles_demand_is_inherited_too() -> None:
    assert demands("pair", "tersoff/mod/c", "newton")
    assert demands("pair", "rebo/omp", "newton")
    assert demands("dihedral", "charmm", "half")
    assert demands("pair", "gran/hooke/history", "half")
    assert not demands("pair", "gran/hooke/history", "newton")
    assert not demands("pair", "lj/cut", "half")
