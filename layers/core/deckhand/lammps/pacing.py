"""When LAMMPS writes a checkpoint inside a run: by the wall clock, at clean steps.

A clean step is one at which no average is half accumulated: a multiple of every fix ave/* output
interval. Where thermo rows are close together it is a multiple of their interval too, so that the
row of a checkpoint's step can be compared with the one that a resumed run begins with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from deckhand.lammps.journal import Journal, Setting
from deckhand.lammps.script import names, quoted
from deckhand.lammps.styles import plain

PROBE_STEPS: Final = 20
"""Steps after which the first checkpoint of an unknown system is due, where no pause may tell its
speed; a restart file makes LAMMPS build its neighbour lists anew, so it is not neutral."""

NEVER: Final = 2**40
"""Steps to a restart file that is not wanted; LAMMPS still has to know that one will come."""

CLOSE_ROWS: Final = 1000
"""The most steps between clean steps that thermo rows ask for: a notice is short."""

ANY_STEP: Final = 10
"""Steps between clean steps where every step is one: `fix halt` looks for its file that often."""

PACE_BETWEEN_RUNS: Final = f"variable dh_next equal step+{NEVER}"
"""`reset_timestep` evaluates the pace too, and there `elapsed` has no meaning; `minimize` would
write a restart file at every iteration."""

VARIABLES: Final = tuple(
    f"variable dh_{name} equal 0"
    for name in ("stop", "align", "first", "seconds", "pace", "own", "next")
)
"""To be told before the deck's own: LAMMPS knows a variable by its number until the next run with
`pre yes`, and the numbers behind a deleted variable change."""

_AVERAGES: Final = names(
    """
    ave/atom ave/chunk ave/correlate ave/grid ave/histo ave/histo/weight ave/time reaxff/species
    """
)
_SAMPLES_ON: Final = "ave/correlate"
"""Takes samples all the time, the first of an output at the step of the one before."""

_ACT_WHEN_SET_UP: Final = names("adapt adapt/fep dt/reset")
"""Act at their intervals, and whenever a run is set up: a checkpoint comes at their intervals."""

_ACT_WHEN_RUN_ENDS: Final = names("atc colvars halt momentum/chunk mscg phonon")
"""With those of the UEF package, and those that take back what they have adapted if they are told
to (`reset yes`), the fixes that have a `post_run` in LAMMPS."""

_TAKE_BACK: Final = names("adapt adapt/fep")

_NEVERY: Final = 4
_NFREQ: Final = 6


def clean_interval(journal: Journal) -> int:
    """Steps between clean steps of the settings that live now."""
    interval = 1
    for setting in journal.of("fix"):
        parts, style = setting.words, plain(setting.words[3])
        if style in _AVERAGES:
            interval = _lcm(interval, *parts[_NFREQ : _NFREQ + 1])
        elif style in _ACT_WHEN_SET_UP:
            interval = _lcm(interval, *parts[_NEVERY : _NEVERY + 1])
    for setting in journal.of("thermo"):
        together = _lcm(interval, setting.words[1])
        interval = together if together <= max(CLOSE_ROWS, interval) else interval
    return interval if interval > 1 else ANY_STEP


def may_pause(journal: Journal) -> bool:
    """Whether a run may be halted and told to go on, to learn how fast it is.

    Steps that a variable chooses are chosen anew, a halt of the deck's own might be taken for
    ours, and some fixes act when a run ends.
    """
    return not any(_forbids_pause(setting.words) for setting in journal.settings)


def is_set_up_anew(journal: Journal) -> bool:
    """Whether a run that goes on is set up anew: r-RESPA knows no `pre no`.

    Otherwise a pause leaves no trace but in the log.
    """
    styles = (setting.words[1:2] for setting in journal.of("run_style"))
    return any(style in (["respa"], ["respa/omp"]) for style in styles)


def _forbids_pause(command: list[str]) -> bool:
    match command:
        case ["fix", _, _, style, *options] if _acts_when_run_ends(plain(style), options):
            return True
        case ["dump", _, _, _, every, *_] | ["thermo" | "restart", every, *_]:
            return every.startswith("v_")
        case ["dump_modify", _, *options]:
            return "every/time" in options or "every" in options
        case ["fix", _, _, "print", every, *_]:
            return every.startswith("v_")
    return False


def _acts_when_run_ends(style: str, options: list[str]) -> bool:
    if style in _TAKE_BACK:
        return "reset" in options and ("reset", "no") not in pairwise(options)
    return style in _ACT_WHEN_RUN_ENDS or style.endswith("/uef")


def is_clean(journal: Journal, step: int) -> bool:
    """Whether nothing of an average is lost when LAMMPS is left at *step* before a run.

    No sample of the next one is taken yet, and nothing reads the last one: a run shows it in its
    first row, and LAMMPS does not keep it. Nor may atoms wait to be wrapped (see `wrapping`), or
    a fix vector stand in the way (see `removed_to_write`).
    """
    if _remaps_velocities(journal) or any(removed_to_write(journal)):
        return False
    for setting in journal.of("fix"):
        parts = setting.words
        style = plain(parts[3])
        if style not in _AVERAGES:
            continue
        if not _is_between(parts[_NEVERY : _NFREQ + 1], step, on=style == _SAMPLES_ON):
            return False
        reader = re.compile(rf"\bf_{re.escape(parts[1])}\b")
        if any(reader.search(other.text) for other in journal.settings):
            return False
    return True


def wrapping(journal: Journal) -> Iterator[str]:
    """Bring atoms back into a box that is deformed, before a restart file is written of a run.

    With `remap v` an atom that leaves the box has another velocity when it enters on the other
    side. Where no run goes on, fix deform knows no rate, and `write_restart` leaves that out.
    """
    run = journal.run
    if run is None or not _remaps_velocities(journal):
        return
    start = run.first if run.start is None else run.start
    stop = run.target if run.stop is None else run.stop
    yield "log none"
    yield f"run 0 start {start} stop {stop} post no"
    if journal.log is not None:
        yield f"log {quoted(journal.log)} append"


def removed_to_write(journal: Journal) -> Iterator[Setting]:
    """The fixes that `write_restart` does not bear while no run goes on.

    A fix vector makes room for the steps of the run, which are none then (`FixVector::init` in
    LAMMPS).
    """
    return (fix for fix in journal.of("fix") if plain(fix.words[3]) == "vector")


def _remaps_velocities(journal: Journal) -> bool:
    fixes = (setting.words for setting in journal.of("fix"))
    return any(plain(fix[3]) == "deform" and ("remap", "v") in pairwise(fix) for fix in fixes)


def _is_between(intervals: list[str], step: int, *, on: bool) -> bool:
    if len(intervals) < 3 or not all(word.isdigit() for word in intervals):
        return True
    every, repeat, frequency = (int(word) for word in intervals)
    free = 1 if on else frequency - (repeat - 1) * every + 1
    return frequency <= 0 or step % frequency in range(free)


def _lcm(interval: int, word: str = "") -> int:
    return math.lcm(interval, int(word)) if word.isdigit() and int(word) > 0 else interval


@dataclass(frozen=True)
class ControlFiles:
    """The files that the runner and LAMMPS share; the directory's path has no blanks."""

    directory: Path

    @property
    def stop(self) -> Path:
        return self.directory / "stop"

    @property
    def witness(self) -> Path:
        return self.directory / "witness"

    @property
    def inside(self) -> Path:
        """LAMMPS puts the step of a restart file in the place of the `*`."""
        return self.directory / "auto.*.restart"

    @property
    def toggles(self) -> tuple[Path, Path]:
        return self.directory / "auto.a.restart", self.directory / "auto.b.restart"

    @property
    def final(self) -> Path:
        return self.directory / "final.restart"


def halt_commands(control: ControlFiles, interval: int) -> Iterator[str]:
    """End a run at the next clean step once the stop file exists.

    https://docs.lammps.org/fix_halt.html: never triggered, it leaves the trajectory bitwise as is.
    """
    yield f"variable dh_stop equal is_file({control.stop})"
    yield f"fix dh_halt all halt {interval} v_dh_stop > 0 error continue message no"


def restart_commands(
    control: ControlFiles,
    interval: int,
    first_steps: int | None,
    seconds: float,
    *,
    single_taken: bool,
    own_interval: str = "",
) -> Iterator[str]:
    """Let LAMMPS write restart files every *seconds* of wall clock, inside the user's own run.

    The first one comes after *first_steps*, None for never.

    The step of the next one is computed each time one is written, from the speed so far
    (`restart v_name`, https://docs.lammps.org/restart.html). Where the deck's own `restart N root`
    has taken the form with one name, ours uses two files in turn. Where its own `restart N a b`
    has taken that as well, ours stands for the first one too: it has the deck's *own interval*.
    """
    yield f"variable dh_align equal {interval}"
    yield f"variable dh_first equal {NEVER if first_steps is None else first_steps}"
    yield f"variable dh_seconds equal {seconds}"
    pace = "v_dh_first*(elapsed<1)+v_dh_seconds*elapsed/(cpu+1.0e-9)*(elapsed>=1)"
    yield f'variable dh_pace equal "v_dh_align*ceil((step+1.0e-3+{pace})/v_dh_align)"'
    if own_interval:
        yield f'variable dh_own equal "{own_interval}*(floor(step/{own_interval})+1)"'
        yield 'variable dh_next equal "v_dh_pace+(v_dh_own<v_dh_pace)*(v_dh_own-v_dh_pace)"'
    else:
        yield "variable dh_next equal v_dh_pace"
    if single_taken and not own_interval:
        yield f"restart v_dh_next {' '.join(map(str, control.toggles))}"
    else:
        yield f"restart v_dh_next {control.inside}"
