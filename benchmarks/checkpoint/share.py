"""What checkpoints take from the simulation while it goes on."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Final

from benchmarks.attempts import LOG, chain, spent
from benchmarks.checkpoint.local_s3 import local_site
from benchmarks.claims import Claim

COPIES: Final = "2 1 1"
OFTEN_SECONDS: Final = 6.0
INTERVAL_SECONDS: Final = 60.0
WINDOW: Final = 10
"""Steps from one thermo row to the next; all that is known of LAMMPS' speed."""

FELT: Final = 6
"""So many windows, from the one in which LAMMPS writes the restart file, feel its being stored."""

MOST_PERCENT: Final = 0.5
_ROW: Final = re.compile(rb"^\s+(\d+)\s+([0-9.e+-]+)\s*$", re.MULTILINE)
_VERIFIED: Final = re.compile(r"checkpoint at step ([0-9,]+) is verified")


def share(options: argparse.Namespace) -> Iterator[Claim]:
    """What a checkpoint of 64 000 beads delays LAMMPS by ÷ an interval of 60 s.

    Two runs differ by more than that. So each run has a checkpoint every few seconds, and the
    steps from it on are compared with those around them.
    """
    thermo = f"thermo_style custom step cpu\nthermo {WINDOW}\nthermo_modify flush yes"
    delays: list[float] = []
    steps: list[float] = []
    with local_site(chain(f"run {options.steps}", COPIES, thermo)) as (site, _):
        for _ in range(options.repeats):
            course = site.attempt(OFTEN_SECONDS)
            spent(course)
            windows = _windows(site.scratch(site.attempts) / "deck" / LOG)
            verified = (_VERIFIED.search(line) for line in course.said)
            checkpoints = [int(found[1].replace(",", "")) for found in verified if found]
            delays += [d for step in checkpoints if (d := _delay(windows, step)) is not None]
            steps.append(median(windows.values()) / WINDOW)
    yield Claim("one step", 1000 * median(steps), unit="ms")
    yield Claim("checkpoints looked at", len(delays))
    yield Claim("delay by a checkpoint, shortest", min(delays), unit="s")
    yield Claim("delay by a checkpoint, median", median(delays), unit="s")
    yield Claim("delay by a checkpoint, longest", max(delays), unit="s")
    yield Claim("median ÷ 60 s", 100 * median(delays) / INTERVAL_SECONDS, MOST_PERCENT, "%")


def _windows(log: Path) -> dict[int, float]:
    """Seconds from row to row, by the later one's step; none where LAMMPS' clock began anew."""
    rows = [(int(step), float(at)) for step, at in _ROW.findall(log.read_bytes())]
    return {step: at - before for (_, before), (step, at) in pairwise(rows) if at > before}


def _delay(windows: dict[int, float], checkpoint: int) -> float | None:
    """Seconds more than as many windows take before and after; None where some are missing."""
    felt = range(checkpoint, checkpoint + FELT * WINDOW, WINDOW)
    before = range(checkpoint - FELT * WINDOW, checkpoint, WINDOW)
    after = range(felt.stop, felt.stop + FELT * WINDOW, WINDOW)
    if not windows.keys() >= {*before, *felt, *after}:
        return None
    usual = [windows[step] for step in (*before, *after)]
    return sum(windows[step] for step in felt) - FELT * mean(usual)
