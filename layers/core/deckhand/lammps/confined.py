"""Starts a program with bounds: `python -m deckhand.lammps.confined CPU MEMORY COMMAND …`.

CPU in seconds, MEMORY in bytes. Where the kernel lets an ordinary user have namespaces, the
program has no network either. A deck is a program of somebody else's.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from typing import Final

_NEW_USER: Final = 0x10000000
_NEW_NETWORK: Final = 0x40000000


def main(arguments: list[str]) -> None:
    seconds, memory, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Refused in many containers, and by kernels that are told to: then the bounds have to do.
    ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
