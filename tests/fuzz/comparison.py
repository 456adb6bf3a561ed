"""Carries random decks in plain LAMMPS and through the interpreter, and compares what they leave.

`python -m tests.fuzz.comparison --count 300`; a deck is known by its number and its kind.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz.author import Author
from tests.fuzz.carried import Left, interpreted, plain, resumed

KINDS: Final[Mapping[str, Callable[[Author], dict[str, bytes]]]] = {
    "write": Author.write,
    "scribble": Author.scribble,
}


def deck(kind: str, number: int) -> dict[str, bytes]:
    """The files of a random deck, always the same for the same number."""
    return KINDS[kind](Author(random.Random(number)))


def both(files: Mapping[str, bytes]) -> tuple[Left, Left]:
    """What the deck leaves behind in plain LAMMPS, and what through the interpreter."""
    with tempfile.TemporaryDirectory(prefix="deckhand-fuzz-") as name:
        folder = Path(name)
        (folder / "control").mkdir()
        expected = plain(folder / "plain", files)
        return expected, interpreted(folder / "interpreted", files, folder / "control")


def pieces(files: Mapping[str, bytes], runs: int) -> tuple[Left, Left]:
    """The same, with a new process wherever so many runs are done."""
    with tempfile.TemporaryDirectory(prefix="deckhand-fuzz-") as name:
        folder = Path(name)
        (folder / "control").mkdir()
        expected = plain(folder / "plain", files)
        return expected, resumed(folder / "resumed", files, folder / "control", runs)


def main() -> int:
    """Compare; the exit code is 1 if any two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100, help="decks of each kind")
    options = parser.parse_args()
    different, lines, count = 0, 0, 0
    for name, expected, got in _comparisons(range(options.first, options.first + options.count)):
        count += 1
        lines += len(expected.printed) + len(expected.rows)
        if got != expected:
            different += 1
            print(f"{name} differs:\n  LAMMPS   {expected}\n  Deckhand {got}", flush=True)
    print(f"{count} decks, {lines} lines printed: {different} differ")
    return min(different, 1)


def _comparisons(numbers: range) -> Iterator[tuple[str, Left, Left]]:
    for kind in KINDS:
        for number in numbers:
            yield f"{kind} {number}", *both(deck(kind, number))
    for number in numbers:
        files = deck("write", number)
        if has_runs(files):
            yield f"write {number}, resumed", *pieces(files, 1 + number % 2)


def has_runs(files: Mapping[str, bytes]) -> bool:
    return b"create_box" in files["in.deck"] and b"run " in b"".join(files.values())


if __name__ == "__main__":
    sys.exit(main())
