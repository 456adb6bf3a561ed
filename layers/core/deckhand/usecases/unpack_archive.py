"""Unpack an uploaded archive without believing anything it says of itself."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from deckhand.domain.deck import check_path
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.parts import MIB

CHUNK: Final = 256 * 1024
RATIO_MATTERS_FROM: Final = 64 * MIB
MAX_DIRECTORY: Final = 32 * MIB
"""Longest central directory of a zip file that is read; Python holds all of it in memory."""

HEADER_ALLOWANCE: Final = MIB
"""Bytes a tar file may spend between two members: names and extended headers."""

END_OF_DIRECTORY: Final = struct.Struct("<4s4H2LH")
PLAIN_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
JUNK: Final = ("__MACOSX", ".DS_Store")
REMEDY: Final = "Upload the files as a folder instead."
DAMAGED: Final = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, struct.error,
    UnicodeError, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What is brought onto the disk of a function, in bytes.

    A larger file than `local_file` is not fetched to be read, nor any once `local_total` is
    reached. An archive may have `archive` bytes, `members` members, and unpack to `unpacked` bytes
    or to `ratio` times its size.
    """

    local_file: int = 64 * MIB
    local_total: int = 512 * MIB
    archive: int = 1024 * MIB
    unpacked: int = 2 * 1024 * MIB
    members: int = 10_000
    ratio: int = 200


def unpack_archive(archive: Path, name: str, target: Path, limits: Limits) -> list[str]:
    """Unpack *archive*, shown to people as *name*, below *target*; the paths it held, sorted.

    One folder that holds everything is left out of the paths. Raises DropRejectedError.
    """
    unpacking = _Unpacking(archive, name, target, limits)
    try:
        if name.lower().endswith(".zip"):
            _unpack_zip(unpacking)
        else:
            _unpack_tar(unpacking)
    except DAMAGED as error:
        raise DropRejectedError(f"{name} is damaged: {error}. Pack and upload it again.") from error
    return _without_common_folder(target, unpacking.paths)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass
class _Unpacking:
    archive: Path
    name: str
    target: Path
    limits: Limits
    paths: list[str] = field(default_factory=list)
    members: int = 0
    unpacked: int = 0

    def refuse(self, why: str) -> DropRejectedError:
        return DropRejectedError(f"{self.name} {why}. {REMEDY}")

    def count_member(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise self.refuse(f"has more than {self.limits.members:,} members")

    def count_bytes(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.limits.unpacked:
            raise self.refuse(f"unpacks to more than {self.limits.unpacked:,} bytes")
        most = max(RATIO_MATTERS_FROM, self.archive.stat().st_size * self.limits.ratio)
        if self.unpacked > most:
            raise self.refuse(f"unpacks to more than {self.limits.ratio} times its size")

    def safe_path(self, member: str) -> str | None:
        """The path of a member below the target, None for what no deck needs."""
        plain = str(PurePosixPath(member))
        try:
            check_path(plain)
        except DropRejectedError as error:
            raise DropRejectedError(f"{self.name}: {error}") from error
        return None if any(part in JUNK for part in PurePosixPath(plain).parts) else plain

    def write(self, member: str, content: _Readable) -> None:
        path = self.safe_path(member)
        if path is None:
            while chunk := content.read(CHUNK):
                self.count_bytes(len(chunk))
            return
        place = self.target / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                while chunk := content.read(CHUNK):
                    self.count_bytes(len(chunk))
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise self.refuse(f"has {path!r} twice, or as a file and as a folder") from error
        self.paths.append(path)


def _unpack_zip(unpacking: _Unpacking) -> None:
    _check_directory_size(unpacking)
    with zipfile.ZipFile(unpacking.archive) as archive:
        for member in archive.infolist():
            unpacking.count_member()
            _check_zip_member(unpacking, member)
            if member.is_dir():
                continue
            with archive.open(member) as content:
                # Some Windows tools write `folder\\file`.
                unpacking.write(member.filename.replace("\\", "/"), content)


def _check_directory_size(unpacking: _Unpacking) -> None:
    """Refuse a directory too long to be read before zipfile reads it.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.16
    """
    with unpacking.archive.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65536 - END_OF_DIRECTORY.size))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END_OF_DIRECTORY.size:
        raise zipfile.BadZipFile("it has no directory")
    fields = END_OF_DIRECTORY.unpack_from(tail, at)
    members, directory = fields[4], fields[5]
    if members > unpacking.limits.members or directory > MAX_DIRECTORY:
        raise unpacking.refuse(f"has more than {unpacking.limits.members:,} members")


def _check_zip_member(unpacking: _Unpacking, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 0x1:
        raise unpacking.refuse(f"is encrypted ({member.filename!r})")
    if member.compress_type not in PLAIN_METHODS:
        raise unpacking.refuse(f"compresses {member.filename!r} in an unusual way")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise unpacking.refuse(f"holds {member.filename!r}, which is a link or a device")


class _Metered(io.BufferedIOBase):
    """A stream that refuses to give more than it was granted since the last grant.

    tarfile reads extended headers of any declared length into memory.
    """

    def __init__(self, stream: gzip.GzipFile, unpacking: _Unpacking) -> None:
        self._stream = stream
        self._unpacking = unpacking
        self._left = 0

    def grant(self, size: int) -> None:
        self._left = size

    def read(self, size: int | None = -1, /) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise self._unpacking.refuse("has a header or a hole that is too large")
        return content


def _unpack_tar(unpacking: _Unpacking) -> None:
    with gzip.open(unpacking.archive, "rb") as stream:
        metered = _Metered(stream, unpacking)
        metered.grant(HEADER_ALLOWANCE)
        with tarfile.open(fileobj=metered, mode="r|") as archive:
            for member in _members(archive, metered):
                unpacking.count_member()
                _write_tar_member(unpacking, archive, member, metered)


def _members(archive: tarfile.TarFile, metered: _Metered) -> Iterator[tarfile.TarInfo]:
    while True:
        metered.grant(HEADER_ALLOWANCE)
        member = archive.next()
        if member is None:
            return
        # tarfile keeps every member with its extended headers; nobody asks for them again.
        archive.members.clear()  # type: ignore[attr-defined]
        yield member


def _write_tar_member(
    unpacking: _Unpacking, archive: tarfile.TarFile, member: tarfile.TarInfo, metered: _Metered
) -> None:
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise unpacking.refuse(f"holds {member.name!r}, which is a link, a device or sparse")
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name!r} has no content")
    metered.grant(unpacking.limits.unpacked + HEADER_ALLOWANCE)
    unpacking.write(member.name, content)


def _without_common_folder(target: Path, paths: list[str]) -> list[str]:
    tops = {PurePosixPath(path).parts[0] for path in paths}
    if len(tops) != 1 or any("/" not in path for path in paths):
        return sorted(paths)
    folder = target / tops.pop()
    # Under another name first: the folder may hold an entry of its own name.
    moved = target / "\x01"
    folder.rename(moved)
    for entry in list(moved.iterdir()):
        entry.rename(target / entry.name)
    moved.rmdir()
    return sorted(path.split("/", 1)[1] for path in paths)
