"""What is measured on: the GPU and its load, the processor."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Final

LOOK_SECONDS: Final = 0.25


def gpus() -> list[str]:
    """The name, the driver and the memory of each; none where there is no driver."""
    return _asked("name,driver_version,memory.total")


def processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "an unknown processor"


@contextmanager
def utilisation() -> Iterator[list[float]]:
    """How busy the first GPU is while the `with` lasts, in percent."""
    looks: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            busy = _busy()
            if busy is None:
                return
            looks.append(busy)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()


def told(looks: list[float]) -> float | None:
    return mean(looks) if looks else None


def _busy() -> float | None:
    try:
        pynvml = import_module("pynvml")  # of nvidia-ml-py, where that is installed
    except ImportError:
        said = _asked("utilization.gpu")
        return float(said[0].split()[0]) if said else None
    try:
        pynvml.nvmlInit()
        device = pynvml.nvmlDeviceGetHandleByIndex(0)
        return float(pynvml.nvmlDeviceGetUtilizationRates(device).gpu)
    except pynvml.NVMLError:
        return None


def _asked(what: str) -> list[str]:
    """A line of each GPU; none where the driver's own program is missing, or finds none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={what}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []
