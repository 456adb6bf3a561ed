"""Brings a new LAMMPS process to where a journal stood: settings, restart file, settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deckhand.lammps.errors import ResumeError
from deckhand.lammps.journal import STORED, Journal, Setting, restated
from deckhand.lammps.outputs import DUMP_FORMATS
from deckhand.lammps.process import Lammps
from deckhand.lammps.script import names
from deckhand.lammps.styles import SEED_WORD

BEFORE_BOX: Final = names(
    "units newton boundary dimension atom_style atom_modify processors package suffix box "
    "comm_style molecule"
)
"""Told before read_restart when the deck told them before its box; all else comes after it."""

_NO_RESTART_INFO: Final = "stores no restart info"
_ORDER: Final = {"lattice": 0, "region": 0, "molecule": 1, "group": 2}
_LAST: Final = 3


def replay(
    lammps: Lammps, journal: Journal, restart: Path, step: int, attempt: int
) -> tuple[int, ...]:
    """Tell *lammps* the journal's settings around `read_restart`; returns the new seeds drawn.

    Raises ResumeError when the restart file does not stand at *step*.
    """
    seeds: list[int] = []
    if journal.draws_again:
        seeds.append(_new_seed("random", step, attempt))
        # The first to draw seeds the generator; the seeds of all others are not looked at.
        lammps.ask(f"$(random(0,1,{seeds[0]}))")
    _tell_variables(lammps, journal, per_atom=False)
    for setting in journal.settings:
        if setting.before_box and setting.key[0] in BEFORE_BOX:
            lammps.send(setting.text, setting.place)
    _read_restart(lammps, journal, restart, step)
    for seed in seeds:
        for command in _seed_atoms(seed):
            lammps.send(command)
    _tell_variables(lammps, journal, per_atom=True)
    _tell_rest(lammps, journal, step, attempt, seeds)
    lammps.step()
    return tuple(seeds)


def _tell_rest(lammps: Lammps, journal: Journal, step: int, attempt: int, seeds: list[int]) -> None:
    for setting in _after_box(journal):
        for command in _retold(setting, step, attempt, seeds):
            lammps.send(command, setting.place)
    for dump in journal.of("dump"):
        for command in _continued_dump(journal, dump, step):
            lammps.send(command, dump.place)


def _tell_variables(lammps: Lammps, journal: Journal, *, per_atom: bool) -> None:
    """Variables that hold a value for each atom need the atoms; all others may come first."""
    for setting in journal.of("variable"):
        if (setting.words[2] == "atomfile") is per_atom:
            for command in restated(setting):
                lammps.send(command, setting.place)


def _read_restart(lammps: Lammps, journal: Journal, restart: Path, step: int) -> None:
    lammps.send(f"read_restart {restart}")
    found = lammps.step()
    if found != step:
        raise ResumeError(f"the restart file stands at step {found}, its manifest says {step}")
    if journal.time is not None:
        # What LAMMPS itself reads of the time is wrong from the second resume on.
        lammps.send(f"reset_timestep {step} time {journal.time!r}")
    kept = _NO_RESTART_INFO not in lammps.screen()
    for setting in journal.settings:
        # Tables and the sub-styles of hybrid styles are kept without their coefficients.
        if setting.key[0].endswith("_coeff") or (setting.key[0].startswith("pair_") and not kept):
            lammps.send(setting.text, setting.place)


def _seed_atoms(seed: int) -> Iterator[str]:
    """Atom-style variables have a generator of their own; one is evaluated, for no atom."""
    yield f"variable dh_noise atom random(0,1,{seed})"
    yield "group dh_nobody empty"
    yield "set group dh_nobody vx v_dh_noise"
    yield "group dh_nobody delete"
    yield "variable dh_noise delete"


def _after_box(journal: Journal) -> Iterator[Setting]:
    """Regions before the fixes that use them; otherwise the order in which they were made."""
    late = [
        setting
        for setting in journal.settings
        if setting.key[0] != "variable"
        and setting.key[0] not in STORED
        and not (setting.before_box and setting.key[0] in BEFORE_BOX)
    ]
    yield from sorted(late, key=lambda setting: _ORDER.get(setting.key[0], _LAST))


def _retold(setting: Setting, step: int, attempt: int, seeds: list[int]) -> Iterator[str]:
    if setting.key[0] == "fix" and setting.words[3] in SEED_WORD:
        seed = _new_seed(setting.text, step, attempt)
        seeds.append(seed)
        parts = setting.words
        parts[SEED_WORD[parts[3]]] = str(seed)
        yield " ".join(f'"{word}"' if " " in word else word for word in parts)
    else:
        yield setting.text


def _continued_dump(journal: Journal, dump: Setting, step: int) -> Iterator[str]:
    """No second frame of *step*, and no `first yes` frame of a dump that has begun."""
    words = dump.words
    if not journal.has_begun(words[1]):
        return
    if "*" not in words[5] and words[3] in DUMP_FORMATS:
        yield f"dump_modify {words[1]} append yes"
    yield f"dump_modify {words[1]} first no"
    if journal.mid_run or dump.last_frame == step:
        yield f"dump_modify {words[1]} delay {max(step + 1, _delay(journal, dump))}"


def _delay(journal: Journal, dump: Setting) -> int:
    """The step that the deck itself lets the dump begin at."""
    value = "0"
    for modify in journal.of("dump_modify"):
        if modify.key[1] == dump.key[1] and "delay" in modify.words[:-1]:
            value = modify.words[modify.words.index("delay") + 1]
    return int(value) if value.isdigit() else 0


def _new_seed(text: str, step: int, attempt: int) -> int:
    """A seed that no other attempt draws: the restart file does not hold the generator's state.

    With its old seed a resumed thermostat would replay the very noise it gave before.
    """
    raw = hashlib.sha256(f"{text}\0{step}\0{attempt}".encode()).digest()
    return int.from_bytes(raw[:4], "big") % 899_999_999 + 1
