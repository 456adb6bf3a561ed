"""A folder in the place of a bucket: for a rehearsal on one machine, without S3."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from deckhand.domain.deck import DropObject
from deckhand.domain.errors import StorageError
from deckhand.domain.parts import Part, Range
from deckhand.usecases.ports import Bucket as BucketPort

SCHEME: Final = "file:"
CHUNK: Final = 1024 * 1024

SUFFIX: Final = ".object"
"""Ends the file of an object: S3 may hold both `a` and `a/b`, a folder cannot without it."""


class FolderBucket:
    """Objects as files. It keeps one version of each, and nothing of what was deleted."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count()
        root.mkdir(parents=True, exist_ok=True)

    @classmethod
    def from_url(cls, url: str) -> FolderBucket:
        """The bucket of a `file:` URL, such as `Path.as_uri` makes."""
        return cls(Path(url2pathname(urlsplit(url, allow_fragments=False).path)))

    @property
    def name(self) -> str:
        return self._root.as_uri()

    def current(self, prefix: str) -> list[DropObject]:
        return [item for item, _ in self.latest(prefix)]

    def latest(self, prefix: str) -> Iterator[tuple[DropObject, bool]]:
        found = ((key, path) for key, path in self._files() if key.startswith(prefix))
        for key, path in sorted(found):
            try:
                yield _listed(key, path), True
            except FileNotFoundError:
                continue  # deleted since it was listed

    def sizes(self, prefix: str) -> dict[str, int]:
        return {item.key: item.size for item in self.current(prefix)}

    def read(self, key: str, version_id: str = "") -> bytes | None:
        try:
            return b"".join(self.stream(key, version_id))
        except StorageError:
            return None

    def stream(self, key: str, version_id: str = "") -> Iterator[bytes]:
        with self._open(key) as file:
            if version_id and version_id != _version(os.fstat(file.fileno())):
                raise StorageError(f"{self.name}/{key}: there is no such version")
            while chunk := file.read(CHUNK):
                yield chunk

    def write(self, key: str, body: bytes) -> None:
        self._put(key, lambda file: file.write(body))

    def create(self, key: str, body: bytes) -> bool:
        partial = self._partial(key, lambda file: file.write(body))
        try:
            # Unlike a rename, a link does not take the place of what is there.
            self._path(key).hardlink_to(partial)
        except FileExistsError:
            return False
        finally:
            partial.unlink()
        return True

    def upload(self, key: str, path: Path) -> None:
        with path.open("rb") as source:
            self._put(key, lambda file: shutil.copyfileobj(source, file))

    def download(self, key: str, path: Path) -> None:
        with self._open(key) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file)

    def take(self, source: BucketPort, item: DropObject, key: str) -> None:
        self._put(key, lambda file: file.writelines(source.stream(item.key, item.version_id)))

    def join(self, key: str, parts: Sequence[Part]) -> None:
        pieces = [piece for part in parts for piece in part.ranges]
        self._put(key, lambda file: file.writelines(self._range(piece) for piece in pieces))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._path(key).unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for path in self._root.rglob(f"*{SUFFIX}"):
            yield path.relative_to(self._root).as_posix().removesuffix(SUFFIX), path

    def _path(self, key: str) -> Path:
        if not key or {"", ".", ".."} & set(key.split("/")):
            raise StorageError(f"{key!r} cannot be a file in {self._root}.")
        return self._root / f"{key}{SUFFIX}"

    def _open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise StorageError(f"{self.name}/{key}: there is none") from None

    def _range(self, piece: Range) -> bytes:
        with self._open(piece.key) as file:
            file.seek(piece.begin)
            content = file.read(piece.size)
        if len(content) != piece.size:
            raise StorageError(f"{self.name}/{piece.key} has {len(content)} of {piece.size} bytes.")
        return content

    def _put(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        """Readers see the whole object or none of it, whenever the writer is killed."""
        self._partial(key, fill).replace(self._path(key))

    def _partial(self, key: str, fill: Callable[[BinaryIO], object]) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{os.getpid()}-{next(self._numbers)}.partial")
        try:
            with partial.open("wb") as file:
                fill(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return partial


def _listed(key: str, path: Path) -> DropObject:
    state = path.stat()
    return DropObject(
        key=key,
        version_id=_version(state),
        size=state.st_size,
        last_modified=datetime.fromtimestamp(state.st_mtime, UTC),
    )


def _version(state: os.stat_result) -> str:
    return f"{state.st_mtime_ns:x}-{state.st_ino:x}"
