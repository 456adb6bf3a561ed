"""How long a checkpoint takes when the machine is about to go."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.attempts import CHAIN_FILES, DECK, ENGINE, LOG, Site, chain, first_row
from benchmarks.checkpoint.local_s3 import LocalS3, local_site
from benchmarks.checkpoint.memory import Watched
from benchmarks.claims import Claim
from deckhand.domain.status import ExitCode
from deckhand.lammps.process import Lammps

COPIES: Final = "3 2 1"
SETTLE_SECONDS: Final = 1.5
LOOK_SECONDS: Final = 0.002
MOST_SECONDS: Final = 5.0
MOST_RATIO: Final = 1.5
MOST_MEMORY: Final = 150.0


@dataclass(frozen=True)
class Stopped:
    """Seconds from the notice until LAMMPS stands, and until the checkpoint is verified."""

    stands: float
    verified: float
    memory: float


def notice(options: argparse.Namespace) -> Iterator[Claim]:
    """From SIGTERM to a verified checkpoint of 192 000 beads ÷ `write_restart` and a plain PUT."""
    rounds: list[tuple[float, float, Stopped]] = []
    # A row at every step: each is a clean one, and what is waited for is one step at most.
    text = chain("thermo_modify flush yes\nrun 1000000", COPIES, "thermo 1")
    with local_site(text) as (site, s3), _plain_lammps(site) as lammps:
        for _ in range(options.repeats):
            written, put = _plain(lammps, s3, site.folder / "plain.restart")
            rounds.append((written, put, _stop(site)))
        size = (site.folder / "plain.restart").stat().st_size
    plain = [written + put for written, put, _ in rounds]
    ours = [stopped for _, _, stopped in rounds]
    stored = [stopped.verified - stopped.stands for stopped in ours]
    pairs = list(zip(ours, plain, strict=True))
    yield Claim("restart file", size / 1e6, unit="MB")
    yield Claim("plain write_restart", median(written for written, _, _ in rounds), unit="s")
    yield Claim("plain PUT of the file", median(put for _, put, _ in rounds), unit="s")
    yield Claim("notice → LAMMPS stands", median(item.stands for item in ours), unit="s")
    yield Claim("LAMMPS stands → checkpoint verified", median(stored), unit="s")
    verified = [item.verified for item in ours]
    yield Claim("notice → checkpoint verified", median(verified), MOST_SECONDS, "s")
    ratios = [item.verified / seconds for item, seconds in pairs]
    yield Claim("notice → verified ÷ (write_restart + PUT)", median(ratios), MOST_RATIO)
    ratios = [kept / seconds for kept, seconds in zip(stored, plain, strict=True)]
    yield Claim("LAMMPS stands → verified ÷ (write_restart + PUT)", median(ratios))
    yield Claim("runner at its most", max(item.memory for item in ours), MOST_MEMORY, "MB")


def _stop(site: Site) -> Stopped:
    course = site.attempt(600.0)
    watched = Watched(course.process.pid)
    course.wait_for("is running")
    scratch = site.scratch(site.attempts)
    first_row(scratch / "deck" / LOG, course)
    time.sleep(SETTLE_SECONDS)
    stands: list[float] = []
    looking = threading.Thread(target=_look, args=(scratch, stands))
    looking.start()
    begin = time.monotonic()
    course.process.terminate()
    verified = course.began + course.wait_for("is verified") - begin
    looking.join()
    assert course.end() == ExitCode.CHECKPOINTED
    return Stopped(stands[0] - begin, verified, watched.end())


def _look(scratch: Path, seen: list[float]) -> None:
    """When the restart file of a halted run appears."""
    while not any(scratch.glob("deckhand-*/final.restart")):
        time.sleep(LOOK_SECONDS)
    seen.append(time.monotonic())


@contextmanager
def _plain_lammps(site: Site) -> Iterator[Lammps]:
    """The same beads in a LAMMPS of its own, which waits for commands."""
    folder = site.folder / "plain"
    folder.mkdir()
    for name, path in CHAIN_FILES.items():
        (folder / name).symlink_to(path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **ENGINE.environment}
    lammps = Lammps([str(ENGINE.lmp), "-log", "none"], folder, folder, environment)
    try:
        for line in (site.folder / DECK).read_text(encoding="utf-8").splitlines():
            lammps.send(line.replace("1000000", "20"))
        lammps.ask("")
        yield lammps
    finally:
        lammps.kill()


def _plain(lammps: Lammps, s3: LocalS3, target: Path) -> tuple[float, float]:
    client: Any = s3.client()
    begin = time.monotonic()
    lammps.send(f"write_restart {target}")
    lammps.ask("")
    written = time.monotonic()
    with target.open("rb") as file:
        client.put_object(Bucket="plain", Key="restart", Body=file)
    return written - begin, time.monotonic() - written
