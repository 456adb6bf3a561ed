"""Ways of buying machines on simulated markets, and on markets that were recorded.

python -m benchmarks.policy [--runs 50] [--seed 1] [--slack 1.1] [--traces FOLDER]

Every run needs two to seven days of work and has a deadline of --slack times that. FOLDER is
availability/1-node of a clone of https://github.com/skypilot-org/spot-traces (two months of V100s
in three regions of AWS); without it, only simulated markets are compared. The same seed gives the
same table. What it tells: docs/policy.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from benchmarks.policy.carry import works
from benchmarks.policy.compare import SLACK, WAYS, Row, compare
from benchmarks.policy.market import published, synthetic

HEAD: Final = (
    f"{'':<34}{'cost':>8}{'95 %':>9}{'of o.d.':>9}{'time':>7}{'95 %':>7}"
    f"{'missed':>8}{'unfin.':>8}{'attempts':>10}{'most':>6}"
)


def main() -> int:
    """Print a table for each market."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy")
    parser.add_argument("--runs", type=int, default=50)
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
        f"{row.way:<34}{row.dollars:>8,.0f}{row.dollars_95:>9,.0f}{row.of_on_demand:>9.0%}"
        f"{row.span:>7.2f}{row.span_95:>7.2f}{row.missed:>8.0%}{row.unfinished:>8.0%}"
        f"{row.attempts:>10.0f}{row.attempts_most:>6}"
    )


if __name__ == "__main__":
    sys.exit(main())
