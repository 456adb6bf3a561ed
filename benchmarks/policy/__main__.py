"""Ways of buying machines on simulated markets, and on markets that were recorded.

python -m benchmarks.policy [--runs 100] [--seed 1] [--slack 1.25] [--traces FOLDER]

Every run needs two to seven days of work. FOLDER is a clone of
https://github.com/skypilot-org/spot-traces; without it, only simulated markets are compared. The
table is the same for the same seed. What it tells: docs/policy.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.policy.carry import works
from benchmarks.policy.compare import SLACK, WAYS, Row, compare
from benchmarks.policy.market import published, synthetic

HEAD = (
    f"{'':<32}{'cost':>8}{'95 %':>9}{'of o.d.':>9}{'time':>7}{'95 %':>7}"
    f"{'missed':>8}{'unfin.':>8}{'attempts':>10}"
)


def main() -> int:
    """Print a table for each market."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slack", type=float, default=SLACK, help="deadline ÷ work")
    parser.add_argument("--traces", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    markets = list(synthetic(options.seed))
    if options.traces is not None:
        markets += published(options.traces)
    for market in markets:
        print(f"\n{market.name}\n{HEAD}", flush=True)
        runs = works(options.seed, market, options.runs)
        for row in compare(market, WAYS, runs, options.slack):
            print(line(row), flush=True)
    return 0


def line(row: Row) -> str:
    return (
        f"{row.way:<32}{row.dollars:>8,.0f}{row.dollars_95:>9,.0f}{row.of_on_demand:>9.0%}"
        f"{row.span:>7.2f}{row.span_95:>7.2f}{row.missed:>8.0%}{row.unfinished:>8.0%}"
        f"{row.attempts:>6.0f}{row.attempts_most:>4}"
    )


if __name__ == "__main__":
    sys.exit(main())
