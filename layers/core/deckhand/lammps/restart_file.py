"""The head and tail of a LAMMPS binary restart file.

Layout as written by write_restart (https://docs.lammps.org/write_restart.html): 16 magic bytes,
endian flag, format revision, then (flag, value) records; the magic stands again at the very end.
It proves that a file was written to its end, not that its bytes are right: that is the manifest's.
"""

from __future__ import annotations

import struct
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Final

MAGIC: Final = b"LammpS RestartT\0"
_ENDIAN: Final = 1
_VERSION, _UNITS, _NTIMESTEP = 0, 4, 5
_HEAD_BYTES: Final = 1024


def restart_step(path: Path) -> int | None:
    """The time step of a complete restart file; None if it is missing, torn or something else."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(-len(MAGIC), 2)
            tail = file.read()
    except OSError:
        return None
    if not head.startswith(MAGIC) or tail != MAGIC:
        return None
    try:
        return _step_of(head)
    except struct.error:
        return None


def _step_of(head: bytes) -> int | None:
    (endian,) = struct.unpack_from("<i", head, len(MAGIC))
    if endian != _ENDIAN:
        return None
    position = len(MAGIC) + 8
    while True:
        (flag,) = struct.unpack_from("<i", head, position)
        position += 4
        if flag in (_VERSION, _UNITS):
            (length,) = struct.unpack_from("<i", head, position)
            if length < 0:
                return None
            position += 4 + length
        elif flag == _NTIMESTEP:
            (step,) = struct.unpack_from("<q", head, position)
            return int(step)
        else:
            position += 4  # the other records before the step are 4-byte integers


def write_seconds(path: Path) -> float | None:
    """From when a file was made to when it was last written; None where nobody keeps its birth.

    LAMMPS computes nothing meanwhile. Python has no word for the birth of a file.
    """
    command = ["stat", "--format", "%w|%y", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        born, modified = (_time_of(text) for text in said.strip().split("|"))
    except ValueError:
        return None
    return max(0.0, (modified - born).total_seconds())


def _time_of(text: str) -> datetime:
    """Of `2026-11-22 09:16:10.324272356 +0000`; Python counts microseconds."""
    day, time, zone = text.split()
    return datetime.strptime(f"{day} {time[:15]} {zone}", "%Y-%m-%d %H:%M:%S.%f %z")
