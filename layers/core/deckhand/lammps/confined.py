"""Starts a program with bounds: `python -m deckhand.lammps.confined CPU MEMORY FILE COMMAND …`.

CPU in seconds, MEMORY and the size of any FILE it writes in bytes. A deck is a program of somebody
else's, so it gets no network either: by a namespace of its own where the kernel lets an ordinary
user have one, else (AWS Lambda, many containers) by a filter that refuses every socket. COMMAND is
given one more argument, which says what it was.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import sys
from typing import Final

_NEW_USER: Final = 0x10000000
_NEW_NETWORK: Final = 0x40000000
_PARENT_DEATH_SIGNAL: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_SET_SECCOMP: Final = 22
_FILTER_MODE: Final = 2

_SOCKET: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""By machine: its number for the kernel's audit, and that of the system call `socket`."""

_IO_URING_SETUP: Final = 425
"""Another way to a socket."""

_FOREIGN_CALLS: Final = 0x40000000
"""From here on the numbers are those of x32, where `socket` is another one."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _MACHINE_AT = 0, 4
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001  # with EPERM


class _Instruction(ctypes.Structure):
    """`struct sock_filter` of https://docs.kernel.org/userspace-api/seccomp_filter.html."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def leave_network() -> str:
    """Take the network from this process and all that it starts; what has done it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NETWORK) == 0:
        return "namespace"
    return "filter" if refuse_sockets() else "nothing"


def refuse_sockets() -> bool:
    """Have every `socket` of this process and all that it starts refused; False if none can be."""
    known = _SOCKET.get(platform.machine())
    if known is None:
        return False
    machine, socket = known
    lines = (
        (_LOAD, 0, 0, _MACHINE_AT),
        (_IF_EQUAL, 0, 5, machine),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 3, 0, _FOREIGN_CALLS),
        (_IF_EQUAL, 2, 0, socket),
        (_IF_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    instructions = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), instructions)
    return _prctl(_NO_NEW_PRIVILEGES, 1) and _prctl(
        _SET_SECCOMP, _FILTER_MODE, ctypes.addressof(program)
    )


def _prctl(*arguments: int) -> bool:
    # All five, and at full width: the kernel refuses when an unused one is not zero.
    padded = [*arguments, 0, 0, 0, 0][:5]
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(*(ctypes.c_ulong(value) for value in padded)) == 0)


def _bound(kind: int, most: int) -> None:
    """Allow no more than *most*, or than this process is allowed already."""
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def main(arguments: list[str]) -> None:
    seconds, memory, largest = (int(word) for word in arguments[:3])
    command = arguments[3:]
    _bound(resource.RLIMIT_CPU, seconds)
    _bound(resource.RLIMIT_AS, memory)
    _bound(resource.RLIMIT_FSIZE, largest)
    _bound(resource.RLIMIT_CORE, 0)
    network = leave_network()
    # Last, because a new namespace forgets it.
    _prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    os.execvp(command[0], [*command, network])


if __name__ == "__main__":
    main(sys.argv[1:])
