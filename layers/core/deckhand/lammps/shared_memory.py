"""What MPI keeps in /dev/shm for its ranks; if they are killed it stays until a reboot."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SEGMENT: Final = re.compile(r" (/dev/shm/\S+)(?: \(deleted\))?$", re.MULTILINE)


def segments_of(pids: Iterable[int]) -> set[Path]:
    """The segments that these processes have mapped; none but on Linux."""
    found: set[Path] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found |= {
                Path(name) for name in _SEGMENT.findall(Path(f"/proc/{pid}/maps").read_text())
            }
    return found


def release(segments: Iterable[Path]) -> None:
    """Give back what processes that are gone had mapped."""
    for path in segments:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
