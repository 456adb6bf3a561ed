"""Carries random decks in plain LAMMPS and through the interpreter, and compares what they leave.

`python -m tests.fuzz.comparison --count 300`; a deck is known by its number and its kind.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz.author import Author
from tests.fuzz.carried import Left, interpreted, plain

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


def main() -> int:
    """Compare; the exit code is 1 if any two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100, help="decks of each kind")
    options = parser.parse_args()
    different, lines, well = 0, 0, 0
    for kind in KINDS:
        for number in range(options.first, options.first + options.count):
            expected, got = both(deck(kind, number))
            lines += len(expected.printed) + len(expected.rows)
            well += expected.ended_well
            if got != expected:
                different += 1
                print(f"{kind} {number} differs:\n  LAMMPS  {expected}\n  Deckhand {got}")
    count = options.count * len(KINDS)
    print(f"{count} decks, {well} of them without an error, {lines} lines: {different} differ")
    return min(different, 1)


if __name__ == "__main__":
    sys.exit(main())
