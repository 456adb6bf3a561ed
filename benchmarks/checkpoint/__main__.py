"""What checkpoints cost and move: `python -m benchmarks.checkpoint [MEASURE …] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from benchmarks.checkpoint.notice import notice
from benchmarks.checkpoint.share import share
from benchmarks.checkpoint.trajectory import trajectory
from benchmarks.checkpoint.transfers import transfers
from benchmarks.claims import Measure, tell

MEASURES: Final[dict[str, Measure]] = {
    "notice": notice,
    "share": share,
    "transfers": transfers,
    "trajectory": trajectory,
}


def main() -> int:
    """Measure; the exit code is 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoint", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000, help="of `share`")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="of `trajectory`")
    options = parser.parse_args()
    unknown = {*options.measures} - {*MEASURES}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    return tell(MEASURES, options.measures or MEASURES, options, options.json)


if __name__ == "__main__":
    sys.exit(main())
