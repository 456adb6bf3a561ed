"""The styles that have a version for a GPU (`accelerated.json`, made by tools/make_accelerated.py).

A style without one runs on the host: the atoms are copied to and fro at every step it works.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Final

from deckhand.lammps import styles

HOST_IS_FINE: Final = styles.FIX_RESTORED | styles.FIX_PARTIAL.keys() | {
    "ave/correlate/long", "balance", "box/relax", "halt", "property/atom", "store/state",
}  # fmt: skip
"""Fixes that act at intervals, or only keep something."""

NO_FORCE: Final = frozenset({"none", "zero", "hybrid", "hybrid/overlay", "hybrid/scaled"})


@cache
def _styles() -> dict[str, frozenset[str]]:
    text = resources.files("deckhand.lammps").joinpath("accelerated.json").read_text()
    return {kind: frozenset(names) for kind, names in json.loads(text)["styles"].items()}


def stays_on_host(kind: str, style: str) -> bool:
    """Whether a style keeps the host busy at every step while the rest is on a GPU.

    Computes are left out: most are asked for a value only now and then.
    """
    name = styles.plain(style)
    if kind == "compute" or name in NO_FORCE or (kind == "fix" and name in HOST_IS_FINE):
        return False
    return kind in _styles() and name not in _styles()[kind]
