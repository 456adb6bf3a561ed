"""Find and kill every process of one job, however it forked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

PAUSE_SECONDS = 0.02

SHARED = Path("/dev/shm")  # noqa: S108  where MPI keeps what its ranks share


def members(marker: str, value: str, root: int | None = None) -> list[psutil.Process]:
    """Return the processes whose environment says `marker=value`, and *root* with its descendants.

    The environment finds orphans and daemons that left their session; the descent finds children
    that were started with a scrubbed environment.
    """
    found = {process.pid: process for process in _marked(marker, value)}
    if root is not None:
        found.update({process.pid: process for process in _descent(root)})
    return list(found.values())


def kill(marker: str, value: str, root: int | None = None, patience: float = 5.0) -> int:
    """SIGKILL until no member is left, because a process can fork while its parent is dying."""
    killed = 0
    segments: set[Path] = set()
    deadline = time.monotonic() + patience
    while (alive := members(marker, value, root)) and time.monotonic() < deadline:
        segments |= _segments(alive)
        for process in alive:
            try:
                process.kill()
                killed += 1
            except psutil.NoSuchProcess:
                continue
        # Not psutil.wait_procs: it would take the exit status away from subprocess.
        time.sleep(PAUSE_SECONDS)
    for path in segments:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    return killed


def kill_largest(root: int, most: int) -> bool:
    """SIGKILL the largest of a tree of processes whose memory is more than *most* bytes."""
    sizes: list[tuple[int, psutil.Process]] = []
    for process in _descent(root):
        with contextlib.suppress(psutil.Error):
            sizes.append((process.memory_info().rss, process))
    if sum(size for size, _ in sizes) <= most:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        max(sizes, key=lambda item: item[0])[1].kill()
    return True


def _segments(found: list[psutil.Process]) -> set[Path]:
    """The shared memory of these processes, which a container's end takes along."""
    paths: set[Path] = set()
    for process in found:
        with contextlib.suppress(psutil.Error, OSError):
            maps = process.memory_maps(grouped=False)
            paths |= {Path(place.path) for place in maps if place.perms == "rw-s"}
    return {path for path in paths if path.parent == SHARED and path.exists()}


def _marked(marker: str, value: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if alive(process) and process.environ().get(marker) == value:
                yield process
        except (psutil.Error, OSError):
            continue


def _descent(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [p for p in (process, *process.children(recursive=True)) if alive(p)]
    except psutil.NoSuchProcess:
        return []


def alive(process: psutil.Process) -> bool:
    """Whether a process still does anything: one that nobody has waited for does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
