"""Bytes held against a certificate: which are as they were written, which are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from deckhand.domain.certificate import CertifiedFile
from deckhand.domain.deck import Frozen

CHUNK: Final = 1024 * 1024


class Condition(StrEnum):
    OK = "ok"
    DAMAGED = "damaged"
    MISSING = "missing"
    NOT_CERTIFIED = "not certified"


class ByteRange(Frozen):
    """Bytes [begin, end) of a file."""

    begin: int
    end: int

    def __str__(self) -> str:
        return f"bytes {self.begin:,} to {self.end - 1:,}"


class CheckedFile(Frozen):
    """`size` is what the file has, or should have if it is missing.

    `damaged` are the ranges that differ: whole pieces, for these are what has a sha256.
    """

    path: str
    condition: Condition
    size: int
    damaged: tuple[ByteRange, ...] = ()


class Verification(Frozen):
    run_id: str
    files: tuple[CheckedFile, ...]

    @property
    def ok(self) -> bool:
        """Whether everything certified is as it was written; files beside it do not matter."""
        return not any(self.count(item) for item in (Condition.DAMAGED, Condition.MISSING))

    def count(self, condition: Condition) -> int:
        return sum(1 for file in self.files if file.condition is condition)


def check_file(certified: CertifiedFile, chunks: Iterable[bytes]) -> CheckedFile:
    """Hold the content of a file against its certificate, piece by piece."""
    if certified.sha256 is None or len(certified.pieces) == 1:
        return _check_pieces(certified, chunks)
    hasher = hashlib.sha256()
    checked = _check_pieces(certified, _told(chunks, hasher))
    if checked.condition is Condition.OK and hasher.hexdigest() != certified.sha256:
        return _checked(certified.path, certified.size, [ByteRange(begin=0, end=certified.size)])
    return checked


def _check_pieces(certified: CertifiedFile, chunks: Iterable[bytes]) -> CheckedFile:
    reader = _Reader(chunks)
    damaged: list[ByteRange] = []
    begin = 0
    for piece in certified.pieces:
        if reader.digest(piece.size) != piece.sha256:
            damaged.append(ByteRange(begin=begin, end=begin + piece.size))
        begin += piece.size
    while reader.take(CHUNK):
        pass
    if reader.size > certified.size:
        damaged.append(ByteRange(begin=certified.size, end=reader.size))
    return _checked(certified.path, reader.size, damaged)


class _Reader:
    """A stream that is read in lengths of our own; `size` is what has been read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = (memoryview(chunk) for chunk in chunks if chunk)
        self._rest = memoryview(b"")
        self.size = 0

    def take(self, most: int) -> memoryview:
        """The next bytes, *most* of them or fewer; none at the end."""
        whole = self._rest or next(self._chunks, self._rest)
        taken, self._rest = whole[:most], whole[most:]
        self.size += len(taken)
        return taken

    def digest(self, size: int) -> str:
        """The sha256 of the next *size* bytes, or of what there is."""
        hasher = hashlib.sha256()
        while size > 0 and (taken := self.take(size)):
            hasher.update(taken)
            size -= len(taken)
        return hasher.hexdigest()


def _told(chunks: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk


def _checked(path: str, size: int, damaged: list[ByteRange]) -> CheckedFile:
    condition = Condition.DAMAGED if damaged else Condition.OK
    return CheckedFile(path=path, condition=condition, size=size, damaged=_joined(damaged))


def _joined(ranges: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """The ranges, with neighbours made one."""
    joined: list[ByteRange] = []
    for item in ranges:
        if joined and joined[-1].end == item.begin:
            joined[-1] = ByteRange(begin=joined[-1].begin, end=item.end)
        else:
            joined.append(item)
    return tuple(joined)
