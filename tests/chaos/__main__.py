"""Let AWS fail at every request of a run: `python -m tests.chaos [--points a:b] [--json FILE]`.

`--checks-by-job`: at every one that a run has besides, whose dry run is too long for a function.

The requests of a good run are counted; then, for each way in which each of them may go wrong,
another run meets that. None is left out. It ends with an error if a point was never reached, or if
the run did not come to its one true end.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.chaos.cloud import opened
from tests.chaos.faults import Point
from tests.chaos.trial import Trial, points_of, points_of_a_check_by_job, tried


def main() -> int:
    wanted = _arguments()
    # Powertools reads it when a function is imported.
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    begin = time.monotonic()
    with opened() as cloud:
        points = (points_of_a_check_by_job if wanted.checks_by_job else points_of)(cloud)
        chosen = list(enumerate(points))[wanted.points]
        print(f"{len(points)} points: {dict(Counter(str(point.how) for point in points))}")
        trials = []
        for number, point in chosen:
            trial = tried(cloud, point, checks_by_job=wanted.checks_by_job)
            trials.append(trial)
            _tell(number, trial)
    bad = [trial for trial in trials if trial.word != "ok"]
    print(
        f"{len(chosen)} points in {time.monotonic() - begin:.0f} s: "
        f"{sum(trial.word == 'ok' for trial in trials)} ok, "
        f"{sum(trial.word == 'BROKEN' for trial in trials)} broken, "
        f"{sum(trial.word == 'NOT REACHED' for trial in trials)} not reached"
    )
    if wanted.json:
        wanted.json.write_text(json.dumps([_plain(trial) for trial in trials], indent=1))
    return int(not chosen or bool(bad))


def _tell(number: int, trial: Trial) -> None:
    print(f"[{number}] {trial.point}: {trial.word}", *trial.problems, sep="\n    ", flush=True)


def _plain(trial: Trial) -> dict[str, object]:
    point: Point | None = trial.point
    return {"point": str(point), "word": trial.word, "problems": trial.problems}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--points", type=_slice, default=slice(None), metavar="a:b")
    parser.add_argument("--checks-by-job", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _slice(text: str) -> slice:
    begin, _, end = text.partition(":")
    return slice(int(begin) if begin else None, int(end) if end else None)


if __name__ == "__main__":
    sys.exit(main())
