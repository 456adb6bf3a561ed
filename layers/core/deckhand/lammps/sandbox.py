"""Has a deck dry-run in a process that has nothing to lose: bounded, without network or secrets.

The process does not inherit the environment of this one. That of a Lambda function holds the
credentials of its role, and a deck can make LAMMPS print an environment variable.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from deckhand.domain.deck import Frozen
from deckhand.domain.options import Values
from deckhand.domain.run import Bound, DryRun
from deckhand.lammps.doubt import bound_of

MEMORY_BYTES: Final = 4 * 1024**3
LARGEST_FILE_BYTES: Final = 1024**3
"""What a file may have that the deck writes, and the files of the deck besides: they are copied."""

GRACE_SECONDS: Final = 10
"""How long the process may take over its time before it is ended."""

_PLAIN: Final = re.compile(r"[\w./+@-]+", re.ASCII)

ENVIRONMENT: Final = {
    "HOME": "/nonexistent",
    "PATH": os.defpath,
    "PYTHONUTF8": "1",
    "OMP_NUM_THREADS": "1",
    # One process talks to itself; Lambda has no shared memory, and the filter allows no socket.
    "UCX_TLS": "self",
}


class Request(Frozen):
    """A dry run to be made: the deck *deck* of the folder *root*, in the empty folder *scratch*."""

    root: Path
    deck: str
    variables: dict[str, Values] = Field(default_factory=dict)
    scratch: Path
    lmp: tuple[str, ...]
    seconds: float


def dry_run(
    root: Path,
    deck: str,
    lmp: Sequence[str],
    seconds: float,
    environment: Mapping[str, str] | None = None,
    memory: int = MEMORY_BYTES,
    variables: Mapping[str, Values] | None = None,
    scratch: Path | None = None,
) -> DryRun:
    """Carry the deck *deck* in the folder *root* through *lmp*, in a copy, *seconds* at most.

    *variables* are those that it is given from outside. The copy is made in *scratch*, else where
    temporary files are.
    Never raises for what the deck or LAMMPS does: it is all in the answer.
    """
    with _scratch(scratch) as folder:
        request = Request(
            root=root.absolute(),
            deck=deck,
            variables=dict(variables or {}),
            scratch=Path(folder),
            lmp=tuple(lmp),
            seconds=seconds,
        )
        largest = LARGEST_FILE_BYTES + _bytes_below(root)
        bounds = [str(int(seconds) + GRACE_SECONDS), str(memory), str(largest)]
        python = [sys.executable, "-P", "-m"]
        process = subprocess.Popen(
            [*python, "deckhand.lammps.confined", *bounds, *python, "deckhand.lammps.dry_run"],
            cwd=folder,
            env={**ENVIRONMENT, **_python_path(), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            said, complaint = process.communicate(
                request.model_dump_json().encode(), seconds + GRACE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return DryRun(ended=False, bound=Bound.TIME)
        finally:
            # Its LAMMPS dies with it: that is how it is started.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return _answer(said, complaint, process.returncode)


def _answer(said: bytes, complaint: bytes, returncode: int) -> DryRun:
    try:
        return DryRun.model_validate_json(said)
    except ValidationError:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:]
        trouble = " ".join([f"the dry run ended with exit code {returncode}.", *last])
        return DryRun(trouble=trouble, bound=bound_of(trouble))


def _bytes_below(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _scratch(given: Path | None) -> tempfile.TemporaryDirectory[str]:
    """A folder without blanks in its path: LAMMPS cuts commands at blanks."""
    usual = str(given or tempfile.gettempdir())
    place = usual if _PLAIN.fullmatch(usual) else "/tmp"
    return tempfile.TemporaryDirectory(
        prefix="deckhand-dry-", dir=place, ignore_cleanup_errors=True
    )


def _python_path() -> dict[str, str]:
    """Where the process finds what this one has found: in Lambda, in the layers."""
    return {
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    }
