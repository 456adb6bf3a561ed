"""What checkpoints take from the simulation while it goes on."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
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
"""Steps from one thermo row to the next."""

WINDOWS: Final = 8
"""From the one in which LAMMPS writes the restart file, so many feel that it is being stored."""

MOST_PERCENT: Final = 0.5
_ROW: Final = re.compile(rb"^\s+(\d+)\s+([0-9.e+-]+)\s*$", re.MULTILINE)
_VERIFIED: Final = re.compile(r"checkpoint at step ([0-9,]+) is verified")


def share(options: argparse.Namespace) -> Iterator[Claim]:
    """What a checkpoint of 64 000 beads delays LAMMPS by ÷ the interval.

    Noise between two runs is larger than that. So within each run the steps around a checkpoint
    are compared with all other steps, with one every few seconds, and their delay is divided by
    60 seconds.
    """
    thermo = f"thermo_style custom step cpu\nthermo {WINDOW}\nthermo_modify flush yes"
    delays: list[float] = []
    steps: list[float] = []
    with local_site(chain(f"run {options.steps}", COPIES, thermo)) as (site, _):
        for _ in range(options.repeats):
            course = site.attempt(OFTEN_SECONDS)
            spent(course)
            checkpoints = [
                int(found[1].replace(",", ""))
                for line in course.said
                if (found := _VERIFIED.search(line))
            ]
            found_, usual = _delays(site.scratch(site.attempts) / "deck" / LOG, checkpoints)
            delays += found_
            steps.append(usual / WINDOW)
    yield Claim("one step", 1000 * median(steps), unit="ms")
    yield Claim("checkpoints looked at", len(delays))
    yield Claim("delay by a checkpoint, median", median(delays), unit="s")
    yield Claim("delay by a checkpoint, mean", mean(delays), unit="s")
    percent = 100 * mean(delays) / INTERVAL_SECONDS
    yield Claim("mean delay ÷ 60 s", percent, MOST_PERCENT, "%")


def _delays(log: Path, checkpoints: Sequence[int]) -> tuple[list[float], float]:
    """Seconds that each checkpoint has cost, and what a window takes otherwise."""
    rows = [(int(step), float(at)) for step, at in _ROW.findall(log.read_bytes())]
    windows = {step: after - before for (_, before), (step, after) in pairwise(rows)}
    near = {
        checkpoint: [checkpoint + number * WINDOW for number in range(WINDOWS)]
        for checkpoint in checkpoints
        if checkpoint + WINDOWS * WINDOW in windows
    }
    touched = {step for around in near.values() for step in around}
    usual = mean(took for step, took in windows.items() if step not in touched)
    return [sum(windows[step] - usual for step in around) for around in near.values()], usual
