"""The drop and the deck in it: what triggers, which deck is meant, what the run is called."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict

from deckhand.domain import keys
from deckhand.domain.errors import DropRejectedError

OPTIONS_NAME: Final = "run.yaml"
STOP_NAME: Final = "STOP"
STEERING_NAMES: Final = (STOP_NAME, "HOLD", "RESUME")
"""Files that say what should become of the runs of their drop; they are no part of its deck."""

ARCHIVE_SUFFIXES: Final = (".zip", ".tar.gz", ".tgz")
DECK_SUFFIXES: Final = (".in", ".lmp", ".lammps")
DECK_PREFIX: Final = "in."

SUPERSEDED: Final = "superseded by a later upload"
"""How the reason of a run begins whose drop was uploaded again before it was checked."""

EMPTY: Final = "The drop is empty. Upload a LAMMPS input script, e.g. in.melt."
NAMES: Final = (
    "Name the script in.<name>, <name>.in, <name>.lmp or <name>.lammps, or say `deck: <file>` in "
    "run.yaml; an archive is a .zip or a .tar.gz."
)
"""How Deckhand tells a deck from other files."""

MAX_NAME_BYTES: Final = 255
"""Longest file name that a Linux file system takes."""


class Frozen(BaseModel):
    """A value that does not change once made and knows no field it was not given."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Severity(StrEnum):
    """An error rejects a deck, a warning takes from its contract, a note takes nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(Frozen):
    """One finding about a deck, with the place it was found at; line 0 is the whole file."""

    severity: Severity
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message


class DropObject(Frozen):
    """One object of a drop, as a listing of the inbox shows it; size in bytes."""

    key: str
    version_id: str
    size: int
    last_modified: datetime


class Drop(Frozen):
    """What was uploaded: its prefix (a folder ends in `/`) and its objects at one moment."""

    prefix: str
    objects: tuple[DropObject, ...]

    @property
    def name(self) -> str:
        return self.prefix.removeprefix(keys.INBOX).rstrip("/")

    @property
    def is_folder(self) -> bool:
        return self.prefix.endswith("/")

    @property
    def triggers(self) -> tuple[DropObject, ...]:
        """The objects whose upload is a reason to look at the drop."""
        return tuple(item for item in self.objects if is_trigger(item.key))

    def path_of(self, item: DropObject) -> str:
        """Path of an object inside the drop."""
        if self.is_folder:
            return item.key.removeprefix(self.prefix)
        return PurePosixPath(item.key).name

    @property
    def is_stopped(self) -> bool:
        """Whether a file STOP was dropped after the last thing that triggers."""
        stops = [item for item in self.objects if self.path_of(item) == STOP_NAME]
        newest = max((item.last_modified for item in self.triggers), default=None)
        return any(newest is not None and item.last_modified >= newest for item in stops)

    def quiet_for(self, now: datetime) -> timedelta:
        """Time since the last upload."""
        return now - max(item.last_modified for item in self.objects)


def drop_prefix(key: str) -> str | None:
    """The drop an uploaded key belongs to: `inbox/<name>/`, or the key itself at top level.

    None for a key that belongs to no drop: outside the inbox, or a folder marker.
    """
    if not key.startswith(keys.INBOX):
        return None
    rest = key.removeprefix(keys.INBOX)
    folder, slash, inside = rest.partition("/")
    if not folder:
        return None
    if slash and not inside:
        return None
    return f"{keys.INBOX}{folder}/" if slash else key


def holding_drop(key: str) -> str:
    """The drop that an object of the inbox lies in, folder markers too; the inbox for its own."""
    folder, slash, _ = key.removeprefix(keys.INBOX).partition("/")
    return f"{keys.INBOX}{folder}{slash}"


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_deck_like(name: str) -> bool:
    """Whether a file name is one that people give to LAMMPS input scripts."""
    base = PurePosixPath(name).name.lower()
    return base.startswith(DECK_PREFIX) or base.endswith(DECK_SUFFIXES)


def is_trigger(key: str) -> bool:
    """Whether the upload of this key is a reason to look at its drop; a folder's marker is none."""
    if key.endswith("/"):
        return False
    base = PurePosixPath(key).name
    return is_deck_like(base) or is_archive(base) or base == OPTIONS_NAME


def digest(objects: Iterable[DropObject]) -> str:
    """16 hexadecimal digits over (key, version id): the same upload, the same digest."""
    hasher = hashlib.sha256()
    for item in sorted(objects, key=lambda item: item.key):
        hasher.update(f"{item.key}\0{item.version_id}\n".encode())
    return hasher.hexdigest()[:16]


def slug(name: str) -> str:
    """A drop's name in the characters that every AWS name takes, 40 at most."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].strip("-") or "run"


def run_id(drop: Drop) -> str:
    """The run's name, and the execution's: 80 characters of [0-9A-Za-z-] at most.

    Only the objects that trigger count: a data file that arrives after the run was named, followed
    by an event that is delivered twice, must not name a second run. A drop that nothing triggers is
    named after all its objects, folder markers too.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    return f"{slug(drop.name)}-{digest(drop.triggers or drop.objects)}"


def rerun_id(run_id: str, token: str) -> str:
    """The name of another run of the same drop; the same token makes the same name."""
    name = run_id.rpartition("-")[0]
    return f"{name}-{hashlib.sha256(f'{run_id} {token}'.encode()).hexdigest()[:16]}"


def is_run_id(text: str) -> bool:
    """Whether *text* is a whole run id, and not only the beginning of one."""
    return re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{16}", text) is not None


def check_path(path: str) -> None:
    """Refuse a path that could leave the deck's folder or that no file system would take."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or path.startswith("\\") or re.match(r"[A-Za-z]:", path):
        raise DropRejectedError(f"{path!r} is an absolute path. Use paths inside the drop.")
    if ".." in pure.parts:
        raise DropRejectedError(f"{path!r} leaves the drop with '..'. Use paths inside the drop.")
    if str(pure) != path or path == ".":
        raise DropRejectedError(f"{path!r} has an empty or '.' part. Use plain file names.")
    if any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise DropRejectedError(f"{path!r} has a control character in its name. Rename the file.")
    for part in pure.parts:
        if len(part.encode()) > MAX_NAME_BYTES:
            raise DropRejectedError(
                f"The file name {part[:40]!r}… has {len(part.encode())} bytes; "
                f"{MAX_NAME_BYTES} is the most a file system takes. Give it a shorter name."
            )


def choose_deck(paths: Sequence[str], wanted: str | None = None) -> str:
    """The one deck among the files of a drop.

    Only files at the top of the drop are candidates, unless there is none there. *wanted* is the
    `deck:` of run.yaml. Raises DropRejectedError when there is none, or more than one.
    """
    if wanted is not None:
        if wanted not in paths:
            raise DropRejectedError(
                f"run.yaml says `deck: {wanted}`, but the drop has no such file. It has: "
                f"{_some(paths)}."
            )
        return wanted
    if not paths:
        raise DropRejectedError(EMPTY)
    candidates = [path for path in paths if is_deck_like(path)]
    top = [path for path in candidates if "/" not in path]
    candidates = top or candidates
    if not candidates:
        raise DropRejectedError(
            f"The drop has no LAMMPS input script, only {_some(paths)}. {NAMES}"
        )
    if len(candidates) > 1:
        raise DropRejectedError(
            f"The drop has {len(candidates)} decks: {_some(sorted(candidates))}. Upload each in a "
            "folder of its own, or say which one in run.yaml: `deck: <file>`."
        )
    return candidates[0]


def without_deck(drop: Drop) -> str:
    """Why a drop that nothing triggers does not become a run, and what to do about it."""
    files = [item for item in drop.objects if not item.key.endswith("/")]
    if not files:
        return EMPTY
    names = _some([drop.path_of(item) for item in files])
    if not any(item.size for item in files):
        return f"The drop has only files of 0 bytes: {names}. Upload them again. {NAMES}"
    if drop.prefix == keys.INBOX:
        return (
            f"{names} lie loose in the inbox, and none of them is a LAMMPS input script. Upload a "
            f"deck and its files into one folder, inbox/<name>/. {NAMES}"
        )
    return (
        f"The drop has no LAMMPS input script, only {names}. {NAMES} If it is still on its way, "
        "nothing needs doing: a deck that arrives later becomes a run."
    )


def _some(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
