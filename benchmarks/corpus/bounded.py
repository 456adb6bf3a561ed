"""A program with a time limit that holds for its children too."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.05
LARGEST_FILE: Final = 4 * 1024**3


@dataclass(frozen=True)
class Ended:
    """How a program ended; its exit code is None if it was given up."""

    code: int | None
    seconds: float


def run_bounded(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    said: Path,
    seconds: float,
    hopeless: Callable[[float], bool] = lambda seconds: False,
) -> Ended:
    """Run a program for *seconds* at most, or until it is *hopeless*; nothing of it stays alive."""
    begin = time.monotonic()
    passed = 0.0
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_limit_files,  # one system call, no locks taken
        )
        try:
            while process.poll() is None and passed < seconds and not hopeless(passed):
                time.sleep(LOOK_SECONDS)
                passed = time.monotonic() - begin
            code = process.poll()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(code, time.monotonic() - begin)


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
