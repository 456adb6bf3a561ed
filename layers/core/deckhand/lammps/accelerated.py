"""The styles that have a version for a GPU (`accelerated.json`, made by tools/make_accelerated.py).

A style without one runs on the host: the atoms are copied to and fro at every step it works.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final

from deckhand.domain.accelerator import Accelerator
from deckhand.lammps import styles

HOST_IS_FINE: Final = styles.FIX_RESTORED | styles.FIX_PARTIAL.keys() | {
    "ave/correlate/long", "balance", "box/relax", "halt", "property/atom", "store/state",
}  # fmt: skip
"""Fixes that act at intervals, or only keep something."""

NO_FORCE: Final = frozenset({"none", "zero", "hybrid", "hybrid/overlay", "hybrid/scaled"})

AT_EVERY_STEP: Final = frozenset(
    {"fix", "pair", "bond", "angle", "dihedral", "improper", "kspace"},
)
"""Kinds that work at every step. Computes are left out: most are asked only now and then."""

_LETTERS: Final = {Accelerator.KOKKOS: "k", Accelerator.GPU: "g"}
_SUFFIXES: Final = {Accelerator.KOKKOS: "/kk", Accelerator.GPU: "/gpu"}


@cache
def _known() -> dict[str, Any]:
    text = resources.files("deckhand.lammps").joinpath("accelerated.json").read_text()
    return dict(json.loads(text))


def has_version(kind: str, style: str, accelerator: Accelerator) -> bool:
    """Whether a style has a version for a GPU; one that asks for another's has none."""
    name = styles.plain(style)
    if name != style and not style.removeprefix(name).startswith(_SUFFIXES[accelerator]):
        return False
    return _LETTERS[accelerator] in _known()["styles"].get(kind, {}).get(name, "")


def stays_on_host(kind: str, style: str, accelerator: Accelerator) -> bool:
    """Whether a style keeps the host busy at every step while the rest is on a GPU."""
    name = styles.plain(style)
    if kind not in AT_EVERY_STEP or name in NO_FORCE or (kind == "fix" and name in HOST_IS_FINE):
        return False
    return not has_version(kind, style, accelerator)


def demands(kind: str, style: str, what: str) -> bool:
    """Whether a style demands *what*: `half` neighbour lists, or `newton` on."""
    return styles.plain(style) in _known()["demands"][what].get(kind, ())
