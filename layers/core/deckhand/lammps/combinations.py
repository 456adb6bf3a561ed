"""What commands of a deck mean for its resume together, where none of them does alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from deckhand.domain.run import Contract
from deckhand.lammps import styles
from deckhand.lammps.contract import Promise, changed_axes, changes_box
from deckhand.lammps.errors import Place
from deckhand.lammps.openings import growing_files
from deckhand.lammps.own_restarts import can_be_shared, names_of, shared
from deckhand.lammps.script import names

_READS_FIX: Final = re.compile(r"\bf_(\w+)")
_READS_ALL_ENERGIES: Final = frozenset({"ecouple", "econserve"})
_COEFFICIENTS: Final = frozenset({"pair", "bond", "angle", "dihedral", "improper"})
_GIVES_COEFFICIENTS: Final = names("pair_style pair_coeff bond_style bond_coeff clear")
_CHANGES_ATOMS: Final = names("append/atoms deposit evaporate")
_DYNAMIC: Final = frozenset({"dynamic", "dynamic/dof"})


@dataclass
class Combinations:
    """Follows the commands of a deck in the order of its text."""

    _has_mesh: bool = False
    _changes_box: bool = False
    _axes: set[str] = field(default_factory=set)
    _waves: list[str] = field(default_factory=list)
    _bodies: set[str] = field(default_factory=set)
    _adapting: set[str] = field(default_factory=set)
    _left_adapted: bool = False
    _rows_without_step: bool = False
    _rows_by_variable: bool = False
    _own_restarts: dict[int, list[str]] = field(default_factory=dict)
    _printing: dict[str, str] = field(default_factory=dict)
    _counting: dict[str, tuple[Place, Promise]] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    _changing_atoms: tuple[Place, str] | None = None
    _counts_freedom: bool = False

    def take(self, command: list[str], place: Place) -> Iterator[Promise]:
        """What the command adds to those before it."""
        self._note_readers(command)
        if command[0] == "fix":
            self._note_fix(command, place)
        yield from self._mesh_of_box(command)
        yield from self._wave_vector(command)
        yield from self._drude_in_bodies(command)
        yield from self._adapted(command)
        yield from self._rows(command)
        yield from self._restarts(command)
        yield from self._prints(command)

    def end(self) -> Iterator[tuple[Place, Promise]]:
        """What can be told only when all commands are known, with the place that decides it."""
        for identity, (place, promise) in self._counting.items():
            if identity in self._read or self._read & _READS_ALL_ENERGIES:
                yield place, promise
        if self._changing_atoms and not self._counts_freedom:
            place, style = self._changing_atoms
            yield place, _freedom(style)

    def _note_readers(self, command: list[str]) -> None:
        for word in command[1:]:
            self._read.update(_READS_FIX.findall(word))
        if command[0] == "thermo_style":
            self._read |= _READS_ALL_ENERGIES & set(command)
        if command[0] == "compute_modify" and not _DYNAMIC.isdisjoint(command):
            self._counts_freedom = True

    def _note_fix(self, command: list[str], place: Place) -> None:
        identity, style = command[1], styles.plain(command[3])
        if style in styles.FIX_COUNTS and (style != "langevin" or "tally" in command):
            self._counting[identity] = place, _count(identity, style)
        if style in _CHANGES_ATOMS:
            self._changing_atoms = place, style

    def _mesh_of_box(self, command: list[str]) -> Iterator[Promise]:
        self._changes_box = self._changes_box or changes_box(command)
        if command[0] == "kspace_style":
            self._has_mesh = "none" not in command
        elif command[0] == "kspace_modify" and {"gewald", "mesh"} <= set(command):
            self._has_mesh = False
        if self._has_mesh and self._changes_box:
            self._has_mesh = False
            yield _MESH_OF_BOX

    def _wave_vector(self, command: list[str]) -> Iterator[Promise]:
        if changes_box(command):
            self._axes |= changed_axes(command)
        if command[0] == "fix" and styles.plain(command[3]) == "rhok":
            self._waves = command[4:8]
        if any(
            axis in self._axes and number != "0"
            for axis, number in zip("xyz", self._waves, strict=False)
        ):
            yield _WAVE_SEEN if _is_zero(self._waves[3:]) else _WAVE_FELT
            self._waves = []

    def _drude_in_bodies(self, command: list[str]) -> Iterator[Promise]:
        if command[0] != "fix":
            return
        family = styles.plain(command[3]).split("/")[0]
        if family in ("rigid", "drude"):
            self._bodies.add(command[3] if "transform" in command[3] else family)
        if "rigid" in self._bodies and any("transform" in body for body in self._bodies):
            self._bodies.clear()
            yield _DRUDE_IN_BODIES

    def _adapted(self, command: list[str]) -> Iterator[Promise]:
        match command:
            case ["fix", identity, _, "adapt" | "adapt/fep", *options]:
                resets = ("reset", "yes") in pairwise(options)
                if not resets and not _COEFFICIENTS.isdisjoint(options):
                    self._adapting.add(identity)
            case ["unfix", identity] if identity in self._adapting:
                self._left_adapted = True
            case [name, *_] if name in _GIVES_COEFFICIENTS:
                self._left_adapted = False
            case ["run", *_] if self._left_adapted:
                self._left_adapted = False
                yield _LEFT_ADAPTED

    def _rows(self, command: list[str]) -> Iterator[Promise]:
        match command:
            case ["thermo_style", style, *columns]:
                self._rows_without_step = style == "custom" and "step" not in columns
            case ["thermo_modify", *options] if "colname" in options:
                self._rows_without_step = True
            case ["thermo", interval]:
                self._rows_by_variable = interval.startswith("v_")
        if self._rows_without_step and self._rows_by_variable:
            self._rows_without_step = False
            yield _ROWS_UNKNOWN

    def _restarts(self, command: list[str]) -> Iterator[Promise]:
        if command[0] != "restart" or len(command) < _RESTART_WORDS:
            return
        self._own_restarts[len(names_of(command))] = command
        if 0 in self._own_restarts:
            self._own_restarts.clear()
        single = shared(self._own_restarts.values())
        if single and not can_be_shared(single):
            self._own_restarts.clear()
            yield _TWO_WAYS

    def _prints(self, command: list[str]) -> Iterator[Promise]:
        """Lines that name no step are counted; those of two fixes cannot be told apart."""
        match command:
            case ["fix", identity, _, "print", *_]:
                self._printing.pop(identity, None)
                names = [opening.name for opening in growing_files(command)]
                if not set(names).isdisjoint(self._printing.values()):
                    yield _TWO_PRINTS
                self._printing.update((identity, name) for name in names)
            case ["unfix", identity]:
                self._printing.pop(identity, None)


_RESTART_WORDS: Final = 2


def _is_zero(constant: list[str]) -> bool:
    return bool(constant) and re.fullmatch(r"0*\.?0*", constant[0]) is not None


_TWO_WAYS: Final = Promise(
    Contract.REFUSED,
    "both ways to write restart files are in use at once (one name and two names), which leaves "
    "none for ours, and the one with one name has a variable interval or a `%`. Give a number and "
    "a name without `%`, or take one of them out.",
)

_TWO_PRINTS: Final = Promise(
    Contract.REFUSED,
    "two fix print write to the same file at once; which line is of which step cannot be told. "
    "Give each a file of its own.",
)

_MESH_OF_BOX: Final = Promise(
    Contract.STATISTICAL,
    "the mesh of the k-space solver is chosen from the size of the box when a run starts, and the "
    "box changes. After an interruption it is chosen from the size reached: the same accuracy, "
    "another trajectory. `kspace_modify gewald … mesh …` fixes it.",
)

_WAVE_FELT: Final = Promise(
    Contract.REFUSED,
    "fix rhok takes its wave vector from the box when it is told, and the box changes along it: "
    "after an interruption it would pull on another wave.",
)
_WAVE_SEEN: Final = Promise(
    Contract.PARTIAL_OUTPUTS,
    "fix rhok takes its wave vector from the box when it is told, and the box changes along it: "
    "after an interruption it shows another wave. It pulls on none.",
)

_DRUDE_IN_BODIES: Final = Promise(
    Contract.REFUSED,
    "fix rigid with fix drude/transform: the shape of the bodies is taken from the atoms when a "
    "run starts, where the Drude particles have moved them, so each interruption would change it.",
)

_LEFT_ADAPTED: Final = Promise(
    Contract.REFUSED,
    "a fix adapt has been taken out, and the coefficients that it left stay in force; a resumed "
    "run is told those that the deck gives. Add `reset yes` to fix adapt, or give the coefficients "
    "again behind `unfix`.",
)

_ROWS_UNKNOWN: Final = Promise(
    Contract.REFUSED,
    "the rows of the log name no step, and a variable says when they come, so that they cannot be "
    "told apart. Add `step` to thermo_style, or give `thermo` a number.",
)


def _count(identity: str, style: str) -> Promise:
    return Promise(
        Contract.PARTIAL_OUTPUTS,
        f"fix {style} counts {styles.FIX_COUNTS[style]}, which the deck reads (f_{identity}). "
        "After an interruption the count begins again. The motion of the atoms is not touched.",
    )


def _freedom(style: str) -> Promise:
    return Promise(
        Contract.EXACT,
        f"fix {style} changes the number of atoms, and LAMMPS counts their degrees of freedom when "
        "a run starts, after an interruption too: Temp and Press change at once. `compute_modify "
        "thermo_temp dynamic/dof yes` counts them at every step.",
    )
