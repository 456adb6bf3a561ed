"""A gigabyte to the local S3 and back: Deckhand's adapter, `s5cmd` and `aws s3 cp`, in turns."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.checkpoint.local_s3 import local_s3
from benchmarks.checkpoint.rivals import rivals
from benchmarks.claims import Claim

GIGABYTE: Final = 10**9
OURS: Final = "Deckhand"
PLAIN: Final = "Deckhand without awscrt"
WAYS: Final = {"up": "upload", "down": "download"}
BLOCK: Final = 10**7
MOST_MEMORY: Final = 150.0

Command = Callable[[str, str, Path], Sequence[str]]


def transfers(options: argparse.Namespace) -> Iterator[Claim]:
    """1 GB up and down, each program in a process; less what it takes for 1 byte."""
    programs = _programs(rivals())
    names = list(programs)
    seconds: dict[tuple[str, str], list[float]] = {(n, way): [] for n in names for way in WAYS}
    memory = 0.0
    with local_s3() as (s3, folder):
        client, large, small = s3.client(), folder / "large", folder / "small"
        _fill(large, GIGABYTE)
        _fill(small, 1)
        for turn in range(options.repeats):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                for way in WAYS:
                    base, _ = _timed(programs[name](way, *_ends(way, small)))
                    spent, said = _timed(programs[name](way, *_ends(way, large)))
                    seconds[name, way].append(spent - base)
                    memory = max(memory, float(said)) if name == OURS else memory
                subprocess.run(["cmp", large, _back(large)], check=True)
                for path in (small, large):
                    client.delete_object(Bucket="runs", Key=path.name)
                    _back(path).unlink()
    yield from _told(seconds, names)
    yield Claim("Deckhand's process at its most", memory, MOST_MEMORY, "MB")


def _told(seconds: dict[tuple[str, str], list[float]], programs: list[str]) -> Iterator[Claim]:
    others = [name for name in programs if name not in (OURS, PLAIN)]
    for way, what in WAYS.items():
        for name in programs:
            yield Claim(f"{what} of 1 GB, {name}", median(seconds[name, way]), unit="s")
        turns = range(len(seconds[OURS, way]))
        ratios = [
            seconds[OURS, way][turn] / min(seconds[name, way][turn] for name in others)
            for turn in turns
        ]
        yield Claim(f"{what}: Deckhand ÷ the faster of the others", median(ratios), 1.0)


def _programs(folder: Path) -> dict[str, Command]:
    # Not by the environment: `aws` is Python too, with other packages.
    path = f"PYTHONPATH={os.pathsep.join(sys.path)}"
    own = ["env", path, sys.executable, "-m", "benchmarks.checkpoint.copy"]

    def s5cmd(way: str, key: str, path: Path) -> Sequence[str]:
        return [str(folder / "s5cmd"), "cp", *_places(way, key, path)]

    def aws(way: str, key: str, path: Path) -> Sequence[str]:
        return [str(folder / "aws"), "s3", "cp", "--only-show-errors", *_places(way, key, path)]

    return {
        OURS: lambda way, key, path: [*own, way, key, str(path)],
        "s5cmd": s5cmd,
        "aws s3 cp": aws,
        PLAIN: lambda way, key, path: [*own, way, key, str(path), "--plain"],
    }


def _places(way: str, key: str, path: Path) -> list[str]:
    places = [str(path), f"s3://runs/{key}"]
    return places if way == "up" else places[::-1]


def _ends(way: str, path: Path) -> tuple[str, Path]:
    """The key, and the local file."""
    return path.name, path if way == "up" else _back(path)


def _back(path: Path) -> Path:
    return path.with_suffix(".back")


def _timed(command: Sequence[str]) -> tuple[float, str]:
    begin = time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.monotonic() - begin, done.stdout


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for begin in range(0, size, BLOCK):
            file.write(os.urandom(min(BLOCK, size - begin)))
