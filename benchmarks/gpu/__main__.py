"""`python -m benchmarks.gpu`: LAMMPS on this machine's GPU, and Deckhand beside it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.attempts import BENCH, ENGINE
from benchmarks.claims import Claim
from benchmarks.gpu.hardware import gpus, processor
from benchmarks.gpu.measures import DAY, Speed, changes, runner, speed_of, stop
from benchmarks.gpu.modes import FLAGS, PLAIN, Mode, modes_of
from benchmarks.gpu.place import LammpsFailedError, Place, place
from benchmarks.gpu.systems import System, melt, rhodo, water

NO_GPU = (
    "There is no GPU here, so there is nothing to measure. `--modes plain` measures what the "
    "processor can."
)


def main(arguments: Sequence[str]) -> int:
    """Measure; the exit code is 1 if a claim does not hold."""
    options = _options(arguments)
    found = gpus()
    if not found and options.modes != [PLAIN]:
        print(NO_GPU)
        return 0
    programs = [shlex.split(text) for text in options.lmp] or [[str(ENGINE.lmp)]]
    modes = [mode for program in programs for mode in modes_of(_absolute(program))]
    there = sorted({mode.name for mode in modes})
    modes = [mode for mode in modes if not options.modes or mode.name in options.modes]
    if not modes:
        print(f"These programs have no such mode; they have {', '.join(there)}.", file=sys.stderr)
        return 2
    head = _head(found, modes)
    print("\n".join(head), flush=True)
    told: list[Claim] = []
    for claim in _claims(modes, options):
        print(claim, flush=True)
        told.append(claim)
    print("\n".join(["", *head, "", *_table(told)]))
    if options.json is not None:
        figures = [{**asdict(claim), "holds": claim.holds} for claim in told]
        document = {"machine": head, "figures": figures}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if all(claim.holds for claim in told) else 1


def _claims(modes: Sequence[Mode], options: argparse.Namespace) -> Iterator[Claim]:
    systems = _systems(options)
    largest = max(options.atoms)
    for system in systems:
        begin = time.monotonic()
        with place(system, modes) as there:
            yield Claim(f"{system.name}: made, at rest", time.monotonic() - begin, unit="s")
            speeds = yield from _speeds(there, modes, options.seconds)
            if not speeds:
                continue
            fastest = max(speeds, key=lambda speed: speed.steps_per_second)
            yield from runner(there, fastest, options)
            if system == systems[options.atoms.index(largest)]:
                yield from stop(there, fastest.mode, options)
            yield from changes(there, [speed.mode for speed in speeds])


def _speeds(
    there: Place, modes: Sequence[Mode], seconds: float
) -> Generator[Claim, None, list[Speed]]:
    """Every mode's speed; returns those that work."""
    speeds: list[Speed] = []
    for mode in modes:
        name = f"{there.system.name}: {mode}"
        try:
            found = speed_of(there, mode, seconds)
        except LammpsFailedError as error:
            yield Claim(f"{name}, fails: {error}", 1, 0)
            continue
        speeds.append(found)
        yield Claim(name, found.steps_per_second, unit="steps/s")
        each_day = found.steps_per_second * there.system.step * DAY
        yield Claim(name, each_day, unit=f"{there.system.unit}/day")
        if found.busy is not None:
            yield Claim(f"{name}, GPU busy", found.busy, unit="%")
    return speeds


def _systems(options: argparse.Namespace) -> list[System]:
    """The melts first, in their order."""
    protein = rhodo(BENCH) if options.rhodo else None
    waters = [water(options.water)] if options.water else []
    return [*(melt(atoms) for atoms in options.atoms), *waters, *([protein] if protein else [])]


def _absolute(program: Sequence[str]) -> list[str]:
    """LAMMPS is started in folders of its own."""
    *launcher, name = program
    return [*launcher, str(Path(name).absolute()) if os.sep in name else name]


def _head(found: Sequence[str], modes: Sequence[Mode]) -> list[str]:
    versions = {f"{mode.program[-1]}: LAMMPS {mode.version}" for mode in modes}
    return [
        *(found or ["no GPU"]),
        f"{processor()}, {len(os.sched_getaffinity(0))} of its threads",
        *sorted(Path(version).name for version in versions),
    ]


def _table(claims: Sequence[Claim]) -> Iterator[str]:
    yield "| what | measured | | at most |"
    yield "|---|--:|---|--:|"
    for claim in claims:
        bound = "" if claim.most is None else f"{claim.most:.4g}"
        missed = "" if claim.holds else ", missed"
        yield f"| {claim.text} | {claim.value:.4g} | {claim.unit} | {bound}{missed} |"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--lmp", action="append", default=[], metavar="PROGRAM")
    parser.add_argument("--modes", nargs="+", choices=list(FLAGS), default=[])
    parser.add_argument(
        "--atoms", nargs="+", type=int, default=[50_000, 100_000, 200_000], help="of the melts"
    )
    parser.add_argument("--water", type=int, default=60_000, help="its atoms; 0: none")
    parser.add_argument("--rhodo", action="store_true", help="LAMMPS' own protein too")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="of what is compared in turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
