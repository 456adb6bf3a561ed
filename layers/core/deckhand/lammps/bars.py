"""What in a deck KOKKOS and the GPU package end with an error over, or need a setting for.

All of it is read off their source (src/KOKKOS, src/GPU); what they merely leave to the host is
no bar. See also https://docs.lammps.org/package.html, Speed_kokkos.html and Speed_gpu.html.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from deckhand.domain.accelerator import Accelerator
from deckhand.lammps import vocabulary
from deckhand.lammps.accelerated import has_version
from deckhand.lammps.errors import Place
from deckhand.lammps.script import names
from deckhand.lammps.styles import plain

KOKKOS: Final = Accelerator.KOKKOS
GPU: Final = Accelerator.GPU

HEAD_OF_DATA: Final = 1024 * 1024
"""Bytes of a data file that its box, and the labels of its types, are looked for in."""

_MUST_BE_KOKKOS: Final = {"atom_style": "atom", "run_style": "integrate", "min_style": "minimize"}
"""Commands whose style does not fall back to the host."""

_REGIONS: Final = names("addforce aveforce efield electron/stopping oneway setforce")
"""Fixes whose versions in KOKKOS, where it has one, know only its own regions."""

_REFUSED: Final = names("pour rattle")
"""Fixes that KOKKOS does not leave to the host."""

_PRESSES: Final = names("npt nph")
_SUFFIX: Final = {KOKKOS: "kk", GPU: "gpu"}
_OFF: Final = names("off no false")


@dataclass
class Bars:
    """Follows the commands of a deck in *folder* in the order of its text.

    `newton_is_on` where the deck itself says so, `reads_restart` where a file may; `no_lists` where
    the GPU package cannot build the neighbor lists: for hybrid styles, exclusions, and a box that
    is tilted.
    """

    folder: Path
    newton_is_on: bool = False
    reads_restart: bool = False
    no_lists: bool = False
    _found: dict[Accelerator, dict[tuple[Place, str], None]] = field(
        default_factory=lambda: {KOKKOS: {}, GPU: {}}
    )
    _regions: dict[str, str] = field(default_factory=dict)
    _fixes: dict[str, str] = field(default_factory=dict)
    _has_pppm: bool = False
    _balances: Place | None = None
    _differentiates: Place | None = None

    def take(self, command: list[str], place: Place) -> None:
        """Take note of a command; it has the least words that LAMMPS wants of it."""
        follow = _FOLLOWED.get(command[0])
        if follow is not None:
            follow(self, command, place)

    def to(self, accelerator: Accelerator) -> list[tuple[Place, str]]:
        """Where the deck bars an accelerator, and by what."""
        if self._has_pppm and self._differentiates is not None:
            reason = "no `pppm` for a GPU knows `kspace_modify diff ad`"
            self._add(self._differentiates, reason, KOKKOS, GPU)
        if self._has_pppm and self._balances is not None:
            self._add(self._balances, "the GPU package has no `pppm` beside `fix balance`", GPU)
        return list(self._found.get(accelerator, ()))

    def _pair(self, command: list[str], place: Place) -> None:
        if {"mliap", "ace"} <= set(command):
            self._add(place, "KOKKOS has no `pair_style mliap` with descriptors of ACE", KOKKOS)
        self._hybrid(command, place)

    def _hybrid(self, command: list[str], place: Place) -> None:
        """A hybrid pair style of KOKKOS takes any sub-style, the others only those of KOKKOS."""
        kind, style = command[0].removesuffix("_style"), " ".join(command[1:2])
        if not style.startswith("hybrid"):
            return
        self.no_lists |= kind == "pair"
        inner = command[2:] if kind != "pair" else []
        for each in [style, *(word for word in inner if vocabulary.knows(kind, word))]:
            if not has_version(kind, each, KOKKOS):
                self._add(place, f"KOKKOS has no `{kind}_style {each}` for a hybrid one", KOKKOS)

    def _must_be_kokkos(self, command: list[str], place: Place) -> None:
        kind = _MUST_BE_KOKKOS[command[0]]
        inner = command[2:] if command[1:2] == ["hybrid"] else []
        known = [word for word in inner if plain(word) in vocabulary.names_of(kind)]
        for style in [*command[1:2], *known]:
            if "$" not in style and not has_version(kind, style, KOKKOS):
                self._add(place, f"KOKKOS has no `{command[0]} {style}`", KOKKOS)
        if kind == "atom" and "template" in command:
            self._add(place, "the GPU package has no `atom_style template`", GPU)

    def _kspace(self, command: list[str], place: Place) -> None:
        self._has_pppm |= plain(" ".join(command[1:2])) == "pppm"

    def _kspace_modify(self, command: list[str], place: Place) -> None:
        if ("diff", "ad") in pairwise(command):
            self._differentiates = place

    def _fix(self, command: list[str], place: Place) -> None:
        style = plain(command[3])
        self._fixes[command[1]] = style
        if style in _REFUSED:
            self._add(place, f"KOKKOS does not run with `fix {style}`", KOKKOS)
        elif style == "balance":
            self._balances = place
        elif self._knows_region(style) and "region" in command[:-1]:
            self._fix_in_region(command, place)
        self._bodies_in_box(place)

    def _knows_region(self, style: str) -> bool:
        """Whether the fix is KOKKOS' own: one of the host takes every region."""
        return style in _REGIONS and has_version("fix", style, KOKKOS)

    def _bodies_in_box(self, place: Place) -> None:
        live = set(self._fixes.values())
        if live & _PRESSES and any(each.startswith(("rigid", "poems")) for each in live):
            self._add(place, "KOKKOS does not change a box with rigid bodies in it", KOKKOS)

    def _fix_in_region(self, command: list[str], place: Place) -> None:
        style = self._regions.get(command[command.index("region") + 1], "")
        if not has_version("region", style, KOKKOS):
            reason = f"KOKKOS has no `fix {command[3]}` in a region of style {style or 'unknown'}"
            self._add(place, reason, KOKKOS)

    def _unfix(self, command: list[str], place: Place) -> None:
        self._fixes.pop(" ".join(command[1:2]), None)

    def _minimize(self, command: list[str], place: Place) -> None:
        if "shake" in self._fixes.values():
            self._add(place, "KOKKOS does not minimize with `fix shake`", KOKKOS)

    def _compute(self, command: list[str], place: Place) -> None:
        style = plain(command[3])
        if style == "mliap" or style.endswith("/tally"):
            self._add(place, f"KOKKOS does not run with `compute {style}`", KOKKOS)

    def _region(self, command: list[str], place: Place) -> None:
        self._regions[command[1]] = command[2]
        self.no_lists |= command[2] == "prism"

    def _neighbor(self, command: list[str], place: Place) -> None:
        if command[2:3] not in ([], ["bin"]):
            self._add(place, f"KOKKOS has no neighbor lists of style {command[2]}", KOKKOS)

    def _neigh_modify(self, command: list[str], place: Place) -> None:
        self.no_lists |= "exclude" in command

    def _change_box(self, command: list[str], place: Place) -> None:
        self.no_lists |= "triclinic" in command

    def _newton(self, command: list[str], place: Place) -> None:
        self.newton_is_on |= not set(command[1:]) <= _OFF

    def _read_restart(self, command: list[str], place: Place) -> None:
        """LAMMPS takes `newton` for bonds from the file, where it mostly is on.

        With full lists and `newton off` for pairs KOKKOS then misses atoms of bonds, as was seen:
        docs/decisions/0025-the-accelerator.md.
        """
        self.reads_restart = True

    def _labelmap(self, command: list[str], place: Place) -> None:
        self._add(place, "KOKKOS has no labels for types", KOKKOS)

    def _read_data(self, command: list[str], place: Place) -> None:
        head = _head_of_data(self.folder, command)
        self.no_lists |= " xy xz yz" in head
        if " Type Labels" in head:
            self._labelmap(command, place)

    def _suffix(self, command: list[str], place: Place) -> None:
        if command[1:] == ["on"]:
            return
        chosen = command[1:2]
        own = f"the deck has a `{' '.join(command[:2])}` of its own"
        self._add(place, own, *(each for each in (KOKKOS, GPU) if chosen != [_SUFFIX[each]]))

    def _package(self, command: list[str], place: Place) -> None:
        self._add(place, f"the deck has a `{' '.join(command[:2])}` of its own", KOKKOS, GPU)

    def _add(self, place: Place, reason: str, *to: Accelerator) -> None:
        for accelerator in to:
            self._found[accelerator][place, reason] = None


_FOLLOWED: Final[dict[str, Callable[[Bars, list[str], Place], None]]] = {
    "pair_style": Bars._pair,
    **{f"{kind}_style": Bars._hybrid for kind in names("bond angle dihedral improper")},
    **dict.fromkeys(_MUST_BE_KOKKOS, Bars._must_be_kokkos),
    "kspace_style": Bars._kspace,
    "kspace_modify": Bars._kspace_modify,
    "fix": Bars._fix,
    "unfix": Bars._unfix,
    "minimize": Bars._minimize,
    "compute": Bars._compute,
    "region": Bars._region,
    "neighbor": Bars._neighbor,
    "neigh_modify": Bars._neigh_modify,
    "change_box": Bars._change_box,
    "newton": Bars._newton,
    "labelmap": Bars._labelmap,
    "read_data": Bars._read_data,
    "read_restart": Bars._read_restart,
    "suffix": Bars._suffix,
    "package": Bars._package,
}


def _head_of_data(folder: Path, command: list[str]) -> str:
    path = folder.joinpath(*command[1:2])
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        if path.is_file():
            with opened(path, "rb") as file:
                return file.read(HEAD_OF_DATA).decode("latin-1")
    except (OSError, EOFError, zlib.error):
        pass  # LAMMPS finds the words for that
    return ""
