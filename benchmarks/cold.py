"""How long the functions take to be imported, and how large their layer is.

`python -m benchmarks.cold`.

A function's cold start is the start of Python, its imports and the first client; the imports are
what this repository decides on. They are compared with `import boto3` alone, each in a process of
its own, all of them in turn, so that a busy machine disturbs them alike. Ends with 1 where a
promise is not kept.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LAYER: Final = ROOT / "layers" / "core"
MOST_TIMES: Final = 1.4
"""Of `import boto3`, which every function needs: each of them talks to AWS."""

MOST_MIB: Final = 15.0
BOTO3: Final = "boto3"
ENVIRONMENT: Final = {
    "POWERTOOLS_SERVICE_NAME": "cold",
    "POWERTOOLS_METRICS_NAMESPACE": "Deckhand",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


def seconds_of(module: str) -> float:
    """The time that a fresh Python spends in importing *module*."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": f"{LAYER}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def medians(modules: Sequence[str], repeats: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(repeats):
        for module in modules:
            seconds[module].append(seconds_of(module))
    return {module: statistics.median(found) for module, found in seconds.items()}


def layer_mib() -> float:
    """The layer as `make build` makes it for this Python, zipped."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "layer"
        environment = {**os.environ, "ARTIFACTS_DIR": str(target)}
        environment |= {"DECKHAND_LAYER_TARGET": "aws"}
        subprocess.run(
            ["make", "build-CoreLayer"], cwd=LAYER, env=environment, check=True, capture_output=True
        )
        packed = Path(folder) / "layer.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(target.rglob("*")):
                archive.write(path, path.relative_to(target))
        return packed.stat().st_size / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    modules = {name: f"functions.{name}.app" for name in names}
    begin = time.monotonic()
    found = medians([BOTO3, *modules.values()], repeats)
    kept = True
    print(f"import boto3: {found[BOTO3] * 1000:.0f} ms (median of {repeats})")
    for name, module in modules.items():
        times = found[module] / found[BOTO3]
        kept &= times <= MOST_TIMES
        print(f"{name:<20} {found[module] * 1000:5.0f} ms  {times:.2f} x  (at most {MOST_TIMES})")
    size = layer_mib()
    kept &= size < MOST_MIB
    print(f"layer {size:.1f} MiB zipped (below {MOST_MIB:.0f}); {time.monotonic() - begin:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
