"""`python -m benchmarks.ensemble`: whether interruptions leave the ensemble of a deck as it is.

Each deck is carried with many seeds, undisturbed in plain LAMMPS and interrupted through the real
runner. Both runs of a seed begin alike, so they are compared in pairs: the means of temperature,
potential energy and pressure over the last three quarters of a run by a paired t-test, their
variances by the same test on the logarithms. Of all the tests together one in a hundred finds a
difference where there is none (Holm's correction).
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Final

from scipy import stats

from deckhand.cli.engine import find_engine
from deckhand.cli.proof import prove
from deckhand.cli.rehearsal import LOG, Kind, Rehearsal, choose_moments
from deckhand.lammps.comparison import read_log
from deckhand.lammps.preflight import check_folder

DECKS: Final = Path(__file__).with_name("ensemble")
COLUMNS: Final = ("Temp", "PotEng", "Press")
LEFT_OUT: Final = 0.25
"""The part of a run before it is in equilibrium."""

SIGNIFICANCE: Final = 0.01
INTERRUPTIONS: Final = 3
DECK: Final = "in.deck"


@dataclass(frozen=True)
class Pair:
    """One seed: mean and variance of each column, undisturbed and resumed."""

    undisturbed: dict[str, tuple[float, float]]
    resumed: dict[str, tuple[float, float]]
    interruptions: int
    control_deviation: float | None


@dataclass(frozen=True)
class Finding:
    """One test: what is compared, its largest difference that is still credible, its p-value."""

    deck: str
    quantity: str
    undisturbed: float
    difference: float
    bound: float
    probability: float


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    findings: list[Finding] = []
    for deck in sorted(DECKS.glob(f"in.{options.only}")):
        with ThreadPoolExecutor(options.jobs) as pool:
            numbers = range(1, options.seeds + 1)
            pairs = list(pool.map(lambda number, text=deck: _pair(text, number), numbers))
        count = sum(pair.interruptions for pair in pairs)
        apart = sum(pair.control_deviation != 0.0 for pair in pairs)
        print(f"{deck.name}: {len(pairs)} seeds, {count} interruptions, {apart} not the control's")
        findings += _findings(deck.name, pairs)
    rejected = _rejected([finding.probability for finding in findings])
    print(f"{'deck':<16}{'quantity':<20}{'undisturbed':>12}{'difference':>12}{'99 %':>10}{'p':>8}")
    for finding, different in zip(findings, rejected, strict=True):
        mark = "  differs" if different else ""
        print(
            f"{finding.deck:<16}{finding.quantity:<20}{finding.undisturbed:>12.5g}"
            f"{finding.difference:>+12.1e}{finding.bound:>10.1e}{finding.probability:>8.3f}{mark}"
        )
    return 1 if any(rejected) else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ensemble", description=__doc__)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="*", help="which of the decks in benchmarks/ensemble")
    return parser.parse_args(arguments)


def _pair(deck: Path, number: int) -> Pair:
    """Carry *deck* with its seeds made from *number*."""
    chance = random.Random(f"{deck.name} {number}")
    with tempfile.TemporaryDirectory(prefix="deckhand-ensemble-") as folder:
        root, work = Path(folder) / "deck", Path(folder) / "work"
        root.mkdir()
        work.mkdir()
        seeds = f"variable seed equal {chance.randrange(1, 9_000_000)}\n"
        (root / DECK).write_text(seeds + deck.read_text())
        report = check_folder(root, DECK)
        rehearsal = Rehearsal(
            root=root,
            deck=DECK,
            report=report,
            total_steps=report.total_steps,
            engine=find_engine("This benchmark"),
            work=work,
            moments=choose_moments(chance, INTERRUPTIONS, [Kind.KILL, Kind.NOTICE]),
            chance=chance,
        )
        played = rehearsal.play()
        proof = prove(rehearsal, played)
        return Pair(
            _moments(played.undisturbed[LOG]),
            _moments(played.resumed[LOG]),
            len(played.interruptions),
            proof.control_deviation,
        )


def _moments(log: Path) -> dict[str, tuple[float, float]]:
    rows = read_log(log)
    rows = rows[int(len(rows) * LEFT_OUT) :]
    found = {}
    for column in COLUMNS:
        values = [float(row.values[row.columns.index(column)]) for row in rows]
        found[column] = fmean(values), variance(values)
    return found


def _findings(deck: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    for column in COLUMNS:
        ours, theirs = (
            [getattr(p, run)[column] for p in pairs] for run in ("resumed", "undisturbed")
        )
        yield _tested(deck, f"mean {column}", [m for m, _ in ours], [m for m, _ in theirs])
        logarithms = ([math.log(v) for _, v in run] for run in (ours, theirs))
        yield _tested(deck, f"ln variance {column}", *logarithms)


def _tested(deck: str, quantity: str, ours: list[float], theirs: list[float]) -> Finding:
    """The paired t-test; *bound* is the half width of the interval that holds with 99 %."""
    test = stats.ttest_rel(ours, theirs)
    interval = test.confidence_interval(0.99)
    return Finding(
        deck=deck,
        quantity=quantity,
        undisturbed=fmean(theirs),
        difference=fmean(ours) - fmean(theirs),
        bound=float(interval.high - interval.low) / 2.0,
        probability=float(test.pvalue),
    )


def _rejected(probabilities: Sequence[float]) -> list[bool]:
    """Holm's step-down correction: which tests find a difference, all of them taken together."""
    order = sorted(range(len(probabilities)), key=lambda index: probabilities[index])
    rejected = [False] * len(probabilities)
    for rank, index in enumerate(order):
        if probabilities[index] > SIGNIFICANCE / (len(probabilities) - rank):
            break
        rejected[index] = True
    return rejected


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
