"""Bring the files of a drop into a local folder, so that its deck can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from deckhand.domain.deck import (
    OPTIONS_NAME,
    STEERING_NAMES,
    Drop,
    DropObject,
    check_path,
    is_archive,
    is_deck_like,
)
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.options import RunOptions
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket
from deckhand.usecases.read_options import MAX_BYTES, read_options
from deckhand.usecases.unpack_archive import Limits, unpack_archive


@dataclass(frozen=True)
class Found:
    """A file of the drop: in the inbox, or a member of the archive *item*, then at *local*.

    `sha256` is None where the content has not been read.
    """

    path: str
    size: int
    item: DropObject
    local: Path | None = None
    sha256: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether the folder has the content, not only a file of that size."""
        return self.local is not None or self.sha256 is not None


@dataclass(frozen=True)
class Gathered:
    files: tuple[Found, ...]
    options: RunOptions


def gather_files(inbox: Bucket, drop: Drop, root: Path, limits: Limits) -> Gathered:
    """Fill *root* with the drop; files too large to be fetched become empty ones of their size.

    An archive is unpacked where nothing else in the drop is a deck. Raises DropRejectedError.
    """
    plain = [_plain(drop, item) for item in drop.objects]
    plain = [found for found in plain if found.path not in STEERING_NAMES]
    options = _options(inbox, plain)
    archive = _archive(plain, options)
    members: list[Found] = []
    if archive is not None:
        members = _unpack(inbox, archive, root, limits)
        plain.remove(archive)
    if OPTIONS_NAME in (found.path for found in members) and options is None:
        options = read_options((root / OPTIONS_NAME).read_bytes()[: MAX_BYTES + 1])
    fetched = in_parallel(lambda found: _fetch(inbox, found, root), _with_content(plain, limits))
    files = sorted([*members, *fetched], key=lambda found: found.path)
    return Gathered(tuple(files), options or RunOptions())


def sha256_of(content: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in content:
        hasher.update(chunk)
    return hasher.hexdigest()


def _plain(drop: Drop, item: DropObject) -> Found:
    path = drop.path_of(item)
    check_path(path)
    return Found(path, item.size, item)


def _options(inbox: Bucket, plain: Iterable[Found]) -> RunOptions | None:
    for found in plain:
        if found.path == OPTIONS_NAME:
            if found.size > MAX_BYTES:
                raise DropRejectedError(
                    f"{OPTIONS_NAME} has {found.size} bytes; {MAX_BYTES} is the most."
                )
            return read_options(b"".join(inbox.stream(found.item.key, found.item.version_id)))
    return None


def _archive(plain: list[Found], options: RunOptions | None) -> Found | None:
    wanted = options.deck if options else None
    if any(is_deck_like(found.path) or found.path == wanted for found in plain):
        return None
    archives = [found for found in plain if is_archive(found.path)]
    if len(archives) > 1:
        names = ", ".join(found.path for found in archives[:6])
        raise DropRejectedError(
            f"The drop has {len(archives)} archives and no deck: {names}. Upload each in a folder "
            "of its own."
        )
    return archives[0] if archives else None


def _unpack(inbox: Bucket, archive: Found, root: Path, limits: Limits) -> list[Found]:
    if archive.size > limits.archive:
        raise DropRejectedError(
            f"{archive.path} has {archive.size:,} bytes; {limits.archive:,} is the most an archive "
            "may have. Upload the files as a folder instead."
        )
    packed = root.with_name(f"{root.name}.archive")
    with packed.open("wb") as file:
        for chunk in inbox.stream(archive.item.key, archive.item.version_id):
            file.write(chunk)
    try:
        paths = unpack_archive(packed, archive.path, root, limits)
    finally:
        packed.unlink()
    return [_member(archive, root, path) for path in paths]


def _member(archive: Found, root: Path, path: str) -> Found:
    local = root / path
    return Found(path, local.stat().st_size, archive.item, local)


def _with_content(plain: list[Found], limits: Limits) -> list[tuple[Found, bool]]:
    """Which files are fetched: decks first, then the smallest, until the folder is full."""
    total = 0
    chosen: list[tuple[Found, bool]] = []
    for found in sorted(plain, key=lambda found: (not is_deck_like(found.path), found.size)):
        total += found.size
        chosen.append((found, found.size <= limits.local_file and total <= limits.local_total))
    return chosen


def _fetch(inbox: Bucket, choice: tuple[Found, bool], root: Path) -> Found:
    found, with_content = choice
    place = root / found.path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            if not with_content:
                file.truncate(found.size)
                return found
            hasher = hashlib.sha256()
            for chunk in inbox.stream(found.item.key, found.item.version_id):
                hasher.update(chunk)
                file.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DropRejectedError(
            f"The drop has {found.path!r} twice, or as a file and as a folder. Rename one of them."
        ) from error
    return replace(found, sha256=hasher.hexdigest())
