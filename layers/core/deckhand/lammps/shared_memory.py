"""What MPI keeps in /dev/shm for its ranks; if they are killed it stays until a reboot."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SEGMENT: Final = re.compile(r"^\S+ rw-s .* (/dev/shm/[^/\s]+)(?: \(deleted\))?$", re.MULTILINE)
"""What is mapped to be written and shared, in that folder itself: no program, no library."""

LOOK_SECONDS: Final = 2.0


def segments_of(pids: Iterable[int]) -> set[Path]:
    """The segments that these processes have mapped; none but on Linux.

    The kernel lets a look at a process wait that hangs in a driver: then they are not known.
    """
    found: set[Path] = set()

    def look() -> None:
        for pid in pids:
            with contextlib.suppress(OSError):
                found.update(map(Path, _SEGMENT.findall(Path(f"/proc/{pid}/maps").read_text())))

    looking = threading.Thread(target=look, name="shared memory", daemon=True)
    looking.start()
    looking.join(LOOK_SECONDS)
    return set() if looking.is_alive() else found


def release(segments: Iterable[Path]) -> None:
    """Give back what processes that are gone had mapped."""
    for path in segments:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
