"""The restart files that LAMMPS writes inside a run at our command, taken in as they come.

Each has a name of its own, its step, so that none is missed and none is written over while it is
looked at. Only where the deck's own `restart` command takes that form, ours uses two files in turn.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deckhand.lammps.own_restarts import due_name
from deckhand.lammps.pacing import ControlFiles
from deckhand.lammps.restart_file import restart_step


class _Version(NamedTuple):
    modified: int
    step: int | None


@dataclass
class RunRestarts:
    """What LAMMPS has written of the current run, which began at step `first`.

    `shared` is the deck's own command whose files ours stand for too, if there is one: they are
    put into *cwd*, where the deck expects them.
    """

    control: ControlFiles
    cwd: Path
    first: int = 0
    shared: list[str] = field(default_factory=list)
    _seen: dict[Path, _Version] = field(default_factory=dict)
    _kept: int = 0

    def begin(self, first: int) -> None:
        """From here on all that lies there is of a run before."""
        self.first = first
        for path in self._paths():
            self._done(path)

    def come(self) -> list[tuple[int, Path]]:
        """Steps and paths of the complete files that are new since the last look, in order."""
        found = []
        for path in self._paths():
            version = _version(path)
            step = version.step
            if step is None or version == self._seen.get(path):
                continue
            if step > self.first:
                found.append((step, path))
                self._deliver(step, path)
            else:
                self._done(path)
        return sorted(found)

    def keep(self, path: Path, step: int) -> Path | None:
        """Move a file to where it stays until its checkpoint is stored; None if it is not whole.

        One of two used in turn is copied: LAMMPS may have begun to write it again.
        """
        self._kept += 1
        kept = self.control.directory / f"snapshot-{self._kept}-{step}.restart"
        if path not in self.control.toggles:
            return path.rename(kept)
        self._done(path)
        shutil.copyfile(path, kept)
        return kept if restart_step(kept) == step else None

    def drop(self, path: Path) -> None:
        """Have done with a file that is not wanted."""
        self._done(path)

    def _done(self, path: Path) -> None:
        if path in self.control.toggles:
            self._seen[path] = _version(path)
        else:
            path.unlink(missing_ok=True)

    def _paths(self) -> Iterator[Path]:
        return self.control.directory.glob(self.control.inside.name)

    def _deliver(self, step: int, restart: Path) -> None:
        name = due_name(self.shared, step) if self.shared else ""
        if name:
            shutil.copyfile(restart, self.cwd / name)


def _version(path: Path) -> _Version:
    """A clock may show the same time twice, and a run the same step as one before it."""
    try:
        return _Version(path.stat().st_mtime_ns, restart_step(path))
    except FileNotFoundError:
        return _Version(0, None)
