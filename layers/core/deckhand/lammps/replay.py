"""Brings a new LAMMPS process to where a journal stood: settings, restart file, settings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from deckhand.lammps.errors import ResumeError
from deckhand.lammps.formats import OPENED_AT_ONCE, UNFLUSHED, Format
from deckhand.lammps.journal import STORED, Journal, Setting
from deckhand.lammps.openings import growing_files, told
from deckhand.lammps.own_restarts import begun_with_second, uses_two, written
from deckhand.lammps.process import Lammps
from deckhand.lammps.script import names, quoted
from deckhand.lammps.seeds import SEEDED_BY_PAIR, TAKES_UP, reseeded
from deckhand.lammps.styles import PAIR_SETTINGS_LOST, plain
from deckhand.lammps.witness import asked, is_needed, reached, remaining

BEFORE_BOX: Final = names(
    "units newton boundary dimension atom_style atom_modify processors package suffix box "
    "comm_style molecule"
)
"""Told before read_restart when the deck told them before its box; all else comes after it."""

_REACTS: Final = "bond/react"
_CLOSES_ITS_FILE: Final = "phonon"
"""Does so when a run ends, and does not bear another one."""

_NO_RESTART_INFO: Final = "stores no restart info"
_ORDER: Final = {
    **{"lattice": 0, "region": 0, "molecule": 1, "group": 2},
    **{"thermo_modify": 4, "thermo_style": 4},
}
_BETWEEN: Final = 3


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
    _tell_variables(lammps, journal, step, per_atom=False)
    for setting in journal.settings:
        if setting.before_box and setting.key[0] in BEFORE_BOX:
            lammps.send(setting.text, setting.place)
    kept = _read_restart(lammps, journal, restart, step)
    for seed in seeds:
        for command in _seed_atoms(seed):
            lammps.send(command)
    _tell_force_field(lammps, journal, step, attempt, seeds, kept=kept)
    _tell_variables(lammps, journal, step, per_atom=True)
    _tell_rest(lammps, journal, step, attempt, seeds)
    lammps.step()
    return tuple(seeds)


def _tell_rest(lammps: Lammps, journal: Journal, step: int, attempt: int, seeds: list[int]) -> None:
    for setting in _after_box(journal):
        if setting.key[0] == "restart":
            lammps.send(_continued_restart(journal, setting, step), setting.place)
            continue
        for command in _defined(journal, setting, step, attempt, seeds):
            lammps.send(told(command, setting.words, journal), setting.place)
    for dump in journal.of("dump"):
        for command in _continued_dump(journal, dump, step):
            lammps.send(command, dump.place)


def _tell_variables(lammps: Lammps, journal: Journal, step: int, *, per_atom: bool) -> None:
    """Variables that hold a value for each atom need the atoms; all others may come first."""
    for setting in journal.of("variable"):
        if (setting.words[2] == "atomfile") is per_atom:
            for command in reached(setting, journal, step):
                lammps.send(command, setting.place)


def _read_restart(lammps: Lammps, journal: Journal, restart: Path, step: int) -> bool:
    """Read the atoms; returns whether the file has the pair style with its settings."""
    lammps.send(f"read_restart {restart}")
    found = lammps.step()
    if found != step:
        raise ResumeError(f"the restart file stands at step {found}, its manifest says {step}")
    if journal.time is not None:
        # What LAMMPS itself reads of the time is wrong from the second resume on.
        lammps.send(f"reset_timestep {step} time {journal.time!r}")
    return _NO_RESTART_INFO not in lammps.screen()


def _tell_force_field(
    lammps: Lammps, journal: Journal, step: int, attempt: int, seeds: list[int], *, kept: bool
) -> None:
    kept = kept and not any(_is_told_again(setting.words) for setting in journal.of("pair_style"))
    for setting in journal.settings:
        name = setting.key[0]
        # Tables and the sub-styles of hybrid styles are kept without their coefficients.
        if name.endswith("_coeff") or (name == "pair_style" and not kept):
            for command in _retold(journal, setting, step, attempt, seeds):
                lammps.send(command, setting.place)


def _is_told_again(pair_style: list[str]) -> bool:
    """Whether a pair style does not go on with what the restart file has of it.

    A generator would begin again with its old seed; others leave out a part of their settings.
    """
    known = {plain(word) for word in pair_style[1:]}
    return bool(known & PAIR_SETTINGS_LOST) or reseeded(pair_style, 1) is not None


def reseed(lammps: Lammps, journal: Journal, step: int, attempt: int) -> None:
    """Give a process that goes on the seeds that the new one of *attempt* got at *step*.

    A fix that is told again forgets what it remembers, so those that take it up from a restart
    file are left alone. So is a fix bond/react that stabilizes: its group cannot be deleted while
    another fix uses it, and the control of such a deck draws other numbers.
    """
    seeds: list[int] = []
    if is_needed(journal):
        journal.poured = asked(lammps, journal).poured
    if any(reseeded(setting.words, 1) for setting in journal.of("pair_style")):
        _tell_force_field(lammps, journal, step, attempt, seeds, kept=True)
    for fix in journal.of("fix"):
        if _is_made_anew(fix.words):
            modifiers = [m for m in journal.of("fix_modify") if m.key[1] == fix.key[1]]
            for command in _defined(journal, fix, step, attempt, seeds):
                lammps.send(command, fix.place)
            for modify in modifiers:
                lammps.send(modify.text, modify.place)


def _is_made_anew(fix: list[str]) -> bool:
    style = plain(fix[3])
    if style == _REACTS and ("stabilization", "yes") in pairwise(fix):
        return False
    return style in (*SEEDED_BY_PAIR, _CLOSES_ITS_FILE) or (
        style not in TAKES_UP and reseeded(fix, 1) is not None
    )


def _seed_atoms(seed: int) -> Iterator[str]:
    """Atom-style variables have a generator of their own; one is evaluated, for no atom."""
    yield f"variable dh_noise atom random(0,1,{seed})"
    yield "group dh_nobody empty"
    yield "set group dh_nobody vx v_dh_noise"
    yield "group dh_nobody delete"
    yield "variable dh_noise delete"


def _after_box(journal: Journal) -> Iterator[Setting]:
    """Regions before the fixes that use them, the columns of thermo behind what they show.

    Otherwise it is the order in which the settings were made.
    """
    late = [
        setting
        for setting in journal.settings
        if setting.key[0] != "variable"
        and setting.key[0] not in STORED
        and not (setting.before_box and setting.key[0] in BEFORE_BOX)
    ]
    yield from sorted(late, key=lambda setting: _ORDER.get(setting.key[0], _BETWEEN))


def _defined(
    journal: Journal, setting: Setting, step: int, attempt: int, seeds: list[int]
) -> Iterator[str]:
    """A setting told again; a probability of fix bond/react may be out of bounds by now.

    LAMMPS refuses one above 1 only when the fix is defined, later it stands for certainty.
    """
    held = _probabilities(setting.words) if setting.key[0] == "fix" else set()
    variables = [var for var in journal.of("variable") if var.key[1] in held]
    yield from (f"variable {var.key[1]} equal 0" for var in variables)
    yield from _retold(journal, setting, step, attempt, seeds)
    yield from (var.text for var in variables)


def _probabilities(fix: list[str]) -> set[str]:
    """Names of the variables that say how probable the reactions of a fix bond/react are."""
    if plain(fix[3]) != _REACTS:
        return set()
    return {value[2:] for word, value in pairwise(fix) if word == "prob" and value[:2] == "v_"}


def _retold(
    journal: Journal, setting: Setting, step: int, attempt: int, seeds: list[int]
) -> Iterator[str]:
    seed = _new_seed(setting.text, step, attempt)
    command = remaining(setting, journal) if setting.key[0] == "fix" else setting.words
    told = reseeded(command, seed)
    if told is None:
        yield setting.text
    else:
        seeds.append(seed)
        yield " ".join(quoted(word) for word in told)


def _continued_restart(journal: Journal, setting: Setting, step: int) -> str:
    """LAMMPS begins with the first of two files; the next one may be the second."""
    command = setting.words
    if not uses_two(command):
        return setting.text
    here = written(command, journal.run.first, step) if journal.run and journal.mid_run else 0
    if (setting.toggled + here) % 2 == 0:
        return setting.text
    return " ".join(map(quoted, begun_with_second(command)))


def _continued_dump(journal: Journal, dump: Setting, step: int) -> Iterator[str]:
    """No second frame of *step*, and no `first yes` frame of a dump that has begun."""
    words = dump.words
    if not journal.has_begun(words[1]):
        return
    formats = {opening.layout.format for opening in growing_files(words)}
    if formats - OPENED_AT_ONCE:
        yield f"dump_modify {words[1]} append yes"
    if Format.BINARY in formats and _delay(journal, dump) <= step:
        # They are named once, in the first frame.
        yield f"dump_modify {words[1]} units no"
    yield f"dump_modify {words[1]} first no"
    if (journal.mid_run and not formats & UNFLUSHED) or dump.last_frame == step:
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


_UNUSED = re.compile(r"Unused restart file (?:global|peratom) fix info:\n((?: +fix style: .*\n)+)")
_OF_SPECIES: Final = "clusterID_"
_OF_COMPUTE: Final = "_COMPUTE_STORE"


def state_lost(screen: str, journal: Journal) -> list[str]:
    """What LAMMPS says of the state in a restart file that no fix has taken up when a run starts.

    A compute chunk/atom makes the fix that holds its chunks too late for that. It holds none at a
    clean step, and is refused where it has to (`ids once`). A fix reaxff/species makes one that
    holds what it finds anew each time.
    """
    lost = [line.strip() for found in _UNUSED.findall(screen) for line in found.splitlines()]
    chunks = {c.key[1] + _OF_COMPUTE for c in journal.of("compute") if c.words[3] == "chunk/atom"}
    species = {_OF_SPECIES + fix.key[1] for fix in journal.of("fix") if "species" in fix.words[3]}
    return [line for line in lost if line.rsplit(maxsplit=1)[-1] not in chunks | species]
