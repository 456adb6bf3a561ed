"""Try every crash point of the runner: `python -m tests.crash [--points a:b] [--jobs n]`.

Attempts of each scenario are counted undisturbed; then, for each of their points, another is struck
there. None is left out: a point that an attempt does not come by is tried again at other moments.
It ends with an error if a point was never reached, if a promise was broken, or if something is left
over. The points are numbered over all scenarios; `--points a:b` is a slice of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from tests.crash.faults import Point, plain
from tests.crash.trial import Scenario, Trial, count, prepare, tried
from tests.crash.world import Plain, World, undisturbed


def main() -> int:
    wanted = _arguments()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        top = Path(name)
        alone = undisturbed(top / "undisturbed")
        worlds = {
            scenario: prepare(scenario, top / scenario, alone) for scenario in wanted.scenarios
        }
        points = [
            (scenario, point)
            for scenario in worlds
            for point in count(scenario, worlds[scenario], top / "counted")
        ]
        found = dict(Counter(str(scenario) for scenario, _ in points))
        print(f"{len(points)} points: {found}", flush=True)
        chosen = list(enumerate(points))[wanted.points]
        trials = _try_all(chosen, worlds, top, alone, wanted.jobs)
    _tell(trials, len(chosen), time.monotonic() - begin)
    if wanted.json:
        wanted.json.write_text(json.dumps([asdict(trial) for trial in trials], indent=1))
    return int(not chosen or any(trial.word != "ok" for trial in trials))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--points", type=_slice, default=slice(None), metavar="a:b")
    parser.add_argument("--jobs", type=int, default=1, metavar="n")
    parser.add_argument("--scenarios", type=Scenario, nargs="+", default=[*Scenario])
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _slice(text: str) -> slice:
    begin, _, end = text.partition(":")
    return slice(int(begin) if begin else None, int(end) if end else None)


def _try_all(
    chosen: list[tuple[int, tuple[Scenario, Point]]],
    worlds: dict[Scenario, World],
    top: Path,
    alone: Plain,
    jobs: int,
) -> list[Trial]:
    trials = []
    with ThreadPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(tried, scenario, point, worlds[scenario], top / f"p{number}", alone): (
                number
            )
            for number, (scenario, point) in chosen
        }
        for done, future in enumerate(as_completed(futures), start=1):
            trial = future.result()
            trials.append(trial)
            print(
                f"{done}/{len(chosen)} [{futures[future]}] {trial.scenario}: {trial.point}: "
                f"{trial.word}, exit code {trial.code}, {trial.attempts} attempts, "
                f"{trial.tries} tries",
                *trial.problems,
                sep="\n    ",
                flush=True,
            )
    return trials


def _tell(trials: Iterable[Trial], chosen: int, seconds: float) -> None:
    trials = list(trials)
    ways = Counter(str(trial.point.how) for trial in trials if trial.reached)
    left = Counter(plain(key) for trial in trials for key in trial.orphans)
    again = sum(trial.tries > 1 for trial in trials)
    print(f"{chosen} points, {sum(ways.values())} reached ({dict(ways)}), in {seconds:.0f} s")
    print(f"{again} of them not at the first try, {chosen - sum(ways.values())} not at all")
    print(f"{sum(bool(trial.problems) for trial in trials)} broke a promise")
    print(f"{sum(bool(trial.orphans) for trial in trials)} left something that nothing sweeps")
    for name, number in left.most_common():
        print(f"  {number:5} {name}")


if __name__ == "__main__":
    sys.exit(main())
