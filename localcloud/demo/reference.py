"""The same deck by plain LAMMPS, in one go: what an interrupted run must be equal to."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Final

from localcloud.demo.deck import NAME

NICENESS: Final = 10

_WALL_TIME = re.compile(r"^Total wall time: (\d+):(\d\d):(\d\d)", re.MULTILINE)


class ReferenceFailedError(Exception):
    """LAMMPS did not carry the deck to its end; the text says where its output is."""


class Reference:
    """A run of LAMMPS beside the demo, which gives way to it."""

    def __init__(self, folder: Path, lmp: Path) -> None:
        self.folder = folder
        with (folder / "screen.txt").open("wb") as screen:
            self._process = subprocess.Popen(
                [str(lmp), "-in", NAME],
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_give_way,
            )

    def wait(self) -> Path:
        """The folder with its outputs, once LAMMPS has ended."""
        code = self._process.wait()
        if code != 0:
            screen = self.folder / "screen.txt"
            raise ReferenceFailedError(f"LAMMPS ended with {code}; what it said is in {screen}")
        return self.folder

    @property
    def seconds(self) -> int:
        """LAMMPS' own wall time."""
        match = _WALL_TIME.search((self.folder / "log.lammps").read_text(encoding="utf-8"))
        hours, minutes, seconds = (int(part) for part in match.groups()) if match else (0, 0, 0)
        return hours * 3600 + minutes * 60 + seconds

    def kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _give_way() -> None:
    os.nice(NICENESS)
