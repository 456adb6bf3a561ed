"""Where an attempt works on its machine."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """Where an attempt works: the deck's files, and the files shared with LAMMPS."""

    workspace: Path
    control: Path

    @classmethod
    def make(cls, scratch: Path) -> Folders:
        """LAMMPS cuts commands at blanks, so the control folder's path must have none."""
        workspace = scratch / "deck"
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir(parents=True)
        plain = not re.search(r"[\s,()$\"'&#]", str(scratch))
        control = Path(tempfile.mkdtemp(prefix="deckhand-", dir=scratch if plain else None))
        return cls(workspace, control)


def modification_times(workspace: Path) -> dict[str, int]:
    """Of every file below *workspace*, in nanoseconds, by its path there."""
    return {
        path.relative_to(workspace).as_posix(): path.stat().st_mtime_ns
        for path in workspace.rglob("*")
        if path.is_file()
    }
