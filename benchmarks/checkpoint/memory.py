"""The most memory that a process has had."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.05
_HIGHEST: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


def peak(pid: int | str = "self") -> float | None:
    """Megabytes in RAM at once, so far; None for a process that is gone.

    Unlike `getrusage`, the kernel's own mark does not count what the parent had before `exec`.
    """
    try:
        found = _HIGHEST.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 / 1e6 if found else None


class Watched:
    """Follows the peak of a process to its end."""

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(pid,), daemon=True)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self.megabytes

    def _look(self, pid: int) -> None:
        while (seen := peak(pid)) is not None:
            self.megabytes = max(self.megabytes, seen)
            if self._over.wait(LOOK_SECONDS):
                return
