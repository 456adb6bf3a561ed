"""What a run with a trajectory of gigabytes moves: to resume, and to make its results."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.attempts import LOG, RUN_ID, Course, Site, first_row
from benchmarks.checkpoint.local_s3 import local_site
from benchmarks.checkpoint.memory import Watched
from benchmarks.claims import Claim
from deckhand.domain.status import ExitCode
from deckhand.usecases.finalise import finalise
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

GIGABYTE: Final = 10**9
TRAJECTORY: Final = "trajectory.dump"
CHECKPOINT_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.2
MOST_MEGABYTES: Final = 100.0
MOST_PERCENT: Final = 1.0
MOST_MEMORY: Final = 150.0

DECK: Final = f"""\
units lj
lattice fcc 0.8442
region box block 0 30 0 30 0 30
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 1.44 87287
pair_style zero 0.5
pair_coeff * *
fix 1 all nve
dump frames all custom 1 {TRAJECTORY} id type xu yu zu vx vy vz
thermo 10
thermo_modify flush yes
run 1000000
"""
"""Particles that do not meet: the time goes into writing 108 000 lines at every step."""


def trajectory(options: argparse.Namespace) -> Iterator[Claim]:
    """A trajectory of gigabytes, stopped and resumed: bytes fetched, bytes carried to join it."""
    with local_site(DECK) as (site, s3):
        course = site.attempt(CHECKPOINT_SECONDS)
        memory = Watched(course.process.pid)
        file = site.scratch(1) / "deck" / TRAJECTORY
        _grow(course, file, options.gigabytes * GIGABYTE)
        _end(course)
        first_peak = memory.end()
        file.unlink()  # another machine
        before = s3.moved()
        course = site.attempt(CHECKPOINT_SECONDS, resume=True)
        memory = Watched(course.process.pid)
        _enter(site, course)
        fetched = s3.moved() - before
        _end(course)
        second_peak = memory.end()
        manifest = newest_checkpoint(site.bucket, RUN_ID)
        assert manifest is not None
        before, begin = s3.moved(), time.monotonic()
        made = finalise(site.bucket, manifest)
        seconds, carried = time.monotonic() - begin, s3.moved() - before
        assert not made.problems, made.problems
        size = sum(result.size for result in made.results)
    yield Claim("results", size / 1e6, unit="MB")
    yield Claim("fetched to resume", fetched.sent / 1e6, MOST_MEGABYTES, "MB")
    share = 100 * (carried.sent + carried.received) / size
    yield Claim("carried through the client to join them", share, MOST_PERCENT, "%")
    yield Claim("joining", seconds, unit="s")
    yield Claim("runner at its most, first attempt", first_peak, MOST_MEMORY, "MB")
    yield Claim("runner at its most, resumed", second_peak, MOST_MEMORY, "MB")


def _grow(course: Course, file: Path, size: float) -> None:
    course.wait_for("is running")
    while not file.exists() or file.stat().st_size < size:
        assert course.process.poll() is None, course.said
        time.sleep(LOOK_SECONDS)


def _enter(site: Site, course: Course) -> None:
    course.wait_for("is running")
    first_row(site.scratch(site.attempts) / "deck" / LOG, course)


def _end(course: Course) -> None:
    course.process.terminate()
    assert course.end() == ExitCode.CHECKPOINTED, course.said
