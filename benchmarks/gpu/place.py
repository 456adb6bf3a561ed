"""Where a system is carried: a folder with its data, in plain LAMMPS and through the runner."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.attempts import DECK, LOG, Site, lammps_environment
from benchmarks.gpu.modes import Mode
from benchmarks.gpu.systems import READY, System
from deckhand.cli.machine import Machine
from deckhand.lammps.thermo import read_rows

_LOOP: Final = re.compile(r"^Loop time of (\S+) on .* for (\d+) steps", re.MULTILINE)


class LammpsFailedError(Exception):
    """LAMMPS does not carry a deck in a mode; the text is its own."""


@dataclass
class Place:
    """A system at rest, in a folder that is removed behind it."""

    system: System
    folder: Path
    machine: Machine
    taken: int = 0

    def carry(self, mode: Mode, deck: str, beside: Sequence[Path] = ()) -> Path:
        """Carry a deck to its end in plain LAMMPS; the folder with what it leaves."""
        folder = self._folder()
        for path in (self.folder / READY, *beside):
            if path.exists():
                (folder / path.name).symlink_to(path)
        (folder / DECK).write_text(deck, encoding="utf-8")
        done = subprocess.run(
            [*mode.program, *mode.flags, "-in", DECK],
            cwd=folder,
            env=lammps_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LammpsFailedError(_reason(done.stdout))
        return folder

    @contextmanager
    def site(self, mode: Mode, deck: str) -> Iterator[Site]:
        """For attempts of the runner, and for plain LAMMPS in turns with them."""
        files = {READY: self.folder / READY}
        yield Site(self._folder(), files, deck, self.machine, mode.program, mode.flags)

    def _folder(self) -> Path:
        self.taken += 1
        folder = self.folder / f"carried-{self.taken}"
        folder.mkdir()
        return folder


@contextmanager
def place(system: System, modes: Sequence[Mode]) -> Iterator[Place]:
    """Bring a system to rest, once for all, in the first of the modes that can."""
    with tempfile.TemporaryDirectory(prefix="deckhand-gpu-") as name, Machine() as machine:
        made = Place(system, Path(name), machine)
        ready = made.folder / READY
        if system.ready is not None:
            shutil.copyfile(system.ready, ready)
        else:
            raw = made.folder / "raw.data"
            raw.write_text(system.raw, encoding="utf-8")
            shutil.copyfile(_settled(made, modes, raw) / READY, ready)
        yield made


def _settled(made: Place, modes: Sequence[Mode], raw: Path) -> Path:
    *others, last = modes
    for mode in others:
        with suppress(LammpsFailedError):
            return made.carry(mode, made.system.settling(), [raw])
    return made.carry(last, made.system.settling(), [raw])


def speed(log: Path) -> float:
    """Steps a second, as LAMMPS itself counts them, over all runs of a log."""
    runs = [
        (float(seconds), int(steps))
        for seconds, steps in _LOOP.findall(log.read_text(encoding="utf-8"))
    ]
    return sum(steps for _, steps in runs) / sum(seconds for seconds, _ in runs)


def thermo(folder: Path) -> dict[int, tuple[float, ...]]:
    """The last row of each step in the log of a folder."""
    rows = read_rows((folder / LOG).read_bytes())
    return {row.step: tuple(float(value) for value in row.values[1:]) for row in rows}


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if "ERROR" in line]
    return (lines or said.splitlines() or ["it said nothing"])[-1]
