"""What is measured of a system: speed by mode, the runner's cost, a stop, a change of modes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.attempts import LOG, Course, Site, seconds_to_stop, spent
from benchmarks.claims import Claim
from benchmarks.gpu.hardware import told, utilisation
from benchmarks.gpu.modes import Mode
from benchmarks.gpu.place import LammpsFailedError, Place, speed, thermo

DAY: Final = 86_400
TRIAL_STEPS: Final = 50
LEAST_STEPS: Final = 100
MOST_SLOWER: Final = 1 / 0.99
NOTICE_SECONDS: Final = 120.0
LOST: Final = "Unused restart file global fix info"
BEFORE, AFTER, EVERY = 200, 50, 10
"""Steps before a change of modes, steps that are compared behind it, and their distance."""

MOST_APART: Final = 1e-3
"""Behind a change of modes, relative to what a quantity is: the GPU's arithmetic is mixed."""


@dataclass(frozen=True)
class Speed:
    """Of one mode: steps a second, and how busy the GPU was, in percent."""

    mode: Mode
    steps_per_second: float
    busy: float | None


def speed_of(place: Place, mode: Mode, seconds: float) -> Speed:
    """LAMMPS alone, for about so many seconds."""
    system = place.system
    trial = speed(place.carry(mode, system.deck(f"run {TRIAL_STEPS}")) / LOG)
    steps = max(LEAST_STEPS, round(trial * seconds))
    with utilisation() as looks:
        log = place.carry(mode, system.deck(f"run {steps}")) / LOG
    return Speed(mode, speed(log), told(looks))


def runner(place: Place, fastest: Speed, options: argparse.Namespace) -> Iterator[Claim]:
    """The runner ÷ plain LAMMPS in turns, without a checkpoint and with some; two of each."""
    mode = fastest.mode
    steps = max(LEAST_STEPS, round(fastest.steps_per_second * options.seconds))
    plain, without, with_some, written = [], [], [], 0
    for number in range(options.repeats):
        with place.site(mode, place.system.deck(f"run {steps}")) as site:
            plain.append(_speed_of(site.plain(number), site.folder / f"plain-{number}" / LOG))
            without.append(_attempt(site, 10 * DAY))
            with_some.append(_attempt(site, options.seconds / 3))
            status = site.status(site.attempts)
            written += status.checkpoints_written if status else 0
    pairs = list(zip(plain, without, with_some, strict=True))
    name = f"{place.system.name}: {mode}"
    slower = median(alone / ours for alone, ours, _ in pairs)
    yield Claim(f"{name}, plain ÷ runner, no checkpoint", slower, MOST_SLOWER)
    slower = median(alone / ours for alone, _, ours in pairs)
    yield Claim(f"{name}, plain ÷ runner, {written / options.repeats:.1f} checkpoints", slower)


def stop(place: Place, mode: Mode, options: argparse.Namespace) -> Iterator[Claim]:
    """From SIGTERM, as at a notice, to a stored and verified checkpoint."""
    seconds = []
    for _ in range(options.repeats):
        with place.site(mode, place.system.deck("run 100000000")) as site:
            seconds.append(seconds_to_stop(site))
    name = f"{place.system.name}: {mode}, notice → verified checkpoint"
    yield Claim(name, median(seconds), NOTICE_SECONDS, "s")


def changes(place: Place, modes: Sequence[Mode]) -> Iterator[Claim]:
    """A restart file of one mode gone on with in another: how far apart, and what was lost."""
    system = place.system
    between = f"run {BEFORE}\nwrite_restart at.restart\nrun {AFTER}"
    written = {mode: place.carry(mode, system.deck(between, EVERY, noise=False)) for mode in modes}
    after = system.deck(f"run {AFTER}", EVERY, noise=False, restart="at.restart")
    for one, other in product(modes, modes):
        name = f"{system.name}: {one} → {other}"
        try:
            folder = place.carry(other, after, [written[one] / "at.restart"])
        except LammpsFailedError as error:
            yield Claim(f"{name}, fails: {error}", 1, 0)
            continue
        apart = farthest(thermo(written[one]), thermo(folder))
        yield Claim(f"{name}, farthest apart in {AFTER} steps", apart, MOST_APART)
        lost = LOST in (folder / LOG).read_text(encoding="utf-8")
        yield Claim(f"{name}, state of fixes lost", float(lost), 0.0)


def farthest(expected: dict[int, tuple[float, ...]], got: dict[int, tuple[float, ...]]) -> float:
    """The largest relative difference of the steps that both have."""
    both = expected.keys() & got.keys()
    if not both:
        raise RuntimeError("The two have no step in common.")
    return max(
        abs(one - other) / max(abs(one), 1e-12)
        for step in both
        for one, other in zip(expected[step], got[step], strict=True)
    )


def _attempt(site: Site, checkpoint_seconds: float) -> float:
    course = site.attempt(checkpoint_seconds)
    return _speed_of(course, site.scratch(site.attempts) / "deck" / LOG)


def _speed_of(course: Course, log: Path) -> float:
    spent(course)
    return speed(log)
