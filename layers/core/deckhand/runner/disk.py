"""Watches the scratch disk of an attempt: LAMMPS does not always say that it could not write."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MEMORY_SECONDS: Final = 60.0
"""How long a look back tells how fast the disk fills."""

GRACE_SECONDS: Final = 30.0
"""From the request to stop until LAMMPS stands still, at most."""

LEAST_BYTES: Final = 8 * 1024 * 1024
RESTART_FILES: Final = 3
"""The one that is written last, its compressed copy, and the one before it on its way to S3."""


@dataclass
class Disk:
    """The disk below *folder*; others may write there too."""

    folder: Path
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    _restart_bytes: int = 0
    _free_before: int | None = None
    _looks: deque[tuple[float, int]] = field(default_factory=deque)

    def is_short(self, now: float) -> bool:
        """Whether the run has to stop while there is room for a checkpoint; *now* in seconds."""
        free = self.free(self.folder)
        self._looks.append((now, free))
        while now - self._looks[0][0] > MEMORY_SECONDS:
            self._looks.popleft()
        needed = LEAST_BYTES + RESTART_FILES * self._restart_bytes
        if self._free_before is None:
            self._free_before = free
        # What was written since the last checkpoint is copied on its way to S3.
        needed += max(0, self._free_before - free)
        return free < needed + GRACE_SECONDS * self._bytes_per_second()

    def checkpoint_taken(self, restart_bytes: int) -> None:
        """A checkpoint was made, with a restart file of that size."""
        self._restart_bytes = restart_bytes
        self._free_before = None

    def _bytes_per_second(self) -> float:
        """How fast it fills: over a whole minute, for others may write much in a moment."""
        return max(0.0, (self._looks[0][1] - self._looks[-1][1]) / MEMORY_SECONDS)
