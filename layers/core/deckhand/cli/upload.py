"""What a person has on disk, as a drop: which files, under which keys, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deckhand.domain import deck, keys
from deckhand.domain.errors import DropRejectedError


@dataclass(frozen=True)
class Upload:
    """Files by their paths inside the drop; those that trigger come last."""

    name: str
    files: dict[str, Path]

    @property
    def prefix(self) -> str:
        return f"{keys.INBOX}{self.name}/"

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())

    def objects(self) -> Iterator[tuple[str, Path]]:
        for path, file in self.files.items():
            yield f"{self.prefix}{path}", file


def plan_upload(path: Path, name: str | None = None) -> Upload:
    """Choose what to upload of *path*; raises DropRejectedError for what cannot become a run."""
    if not path.exists():
        raise DropRejectedError(f"There is no {path}.")
    files = dict(_files(path)) if path.is_dir() else {path.name: path}
    if not files:
        raise DropRejectedError(f"{path} is empty. A drop needs a LAMMPS input script.")
    for inside in files:
        deck.check_path(inside)
    if not any(deck.is_archive(item) or item == deck.OPTIONS_NAME for item in files):
        deck.choose_deck(sorted(files))
    chosen = name or _name(path.resolve())
    if not chosen or "/" in chosen:
        raise DropRejectedError(f"{chosen!r} cannot be the name of a drop. Use --name without '/'.")
    # A drop is looked at when something that triggers arrives: best when all the rest is there.
    ordered = sorted(files, key=lambda item: (deck.is_trigger(item), item))
    return Upload(chosen, {item: files[item] for item in ordered})


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder, without hidden ones: editors and git leave those."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield inside.as_posix(), path


def _name(path: Path) -> str:
    """What a person would call it: `melt` for melt/, in.melt, melt.in and melt.tar.gz."""
    if path.is_dir():
        return path.name
    for suffix in (*deck.ARCHIVE_SUFFIXES, *deck.DECK_SUFFIXES):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name.removeprefix(deck.DECK_PREFIX)
