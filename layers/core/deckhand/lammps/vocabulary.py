"""The commands and styles that the LAMMPS of the dry run knows (`vocabulary.json`)."""

from __future__ import annotations

import difflib
import json
from functools import cache, lru_cache
from importlib import resources

from deckhand.lammps.styles import plain

OPTIONAL_PACKAGES = frozenset({"none", "zero", "hybrid", "hybrid/overlay", "hybrid/scaled"})


@cache
def _styles() -> dict[str, frozenset[str]]:
    text = resources.files("deckhand.lammps").joinpath("vocabulary.json").read_text()
    return {kind: frozenset(names) for kind, names in json.loads(text)["styles"].items()}


def knows(kind: str, name: str) -> bool:
    """Whether *name* is a style of that *kind* (command, fix, pair, …), accelerated or not."""
    names = _styles()[kind]
    return (
        name in names or plain(name) in names or (kind != "command" and name in OPTIONAL_PACKAGES)
    )


def names_of(kind: str) -> frozenset[str]:
    """All styles of a *kind*."""
    return _styles()[kind]


@lru_cache(maxsize=256)
def nearest(kind: str, name: str) -> str | None:
    """The known name that is most like a mistyped one."""
    found = difflib.get_close_matches(name, _styles()[kind], n=1, cutoff=0.7)
    return found[0] if found else None
