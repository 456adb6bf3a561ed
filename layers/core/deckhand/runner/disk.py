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
    """The disk below *folder*, where a checkpoint comes every *interval* seconds.

    `restart_bytes` is the size of a restart file of the run.
    """

    folder: Path
    interval: float
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    restart_bytes: int = 0
    _looks: deque[tuple[float, int]] = field(default_factory=deque)

    def is_short(self, now: float) -> bool:
        """Whether the run has to stop while there is room for a checkpoint; *now* in seconds."""
        free = self.free(self.folder)
        self._looks.append((now, free))
        while now - self._looks[0][0] > MEMORY_SECONDS:
            self._looks.popleft()
        needed = LEAST_BYTES + RESTART_FILES * self.restart_bytes
        # What was written in an interval is copied on its way to S3.
        return free < needed + (GRACE_SECONDS + self.interval) * self._bytes_per_second()

    def _bytes_per_second(self) -> float:
        """How fast it fills, by the looks of the last minute."""
        (then, had), (now, has) = self._looks[0], self._looks[-1]
        return max(0.0, (had - has) / (now - then)) if now > then else 0.0
