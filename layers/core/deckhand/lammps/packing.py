"""Compresses the pieces of an output each by itself; joined, they are one compressed file.

Members of gzip and bzip2, frames of zstd and streams of xz may follow one another in a file:
https://www.rfc-editor.org/rfc/rfc1952#page-5, https://www.rfc-editor.org/rfc/rfc8878#section-3.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import zstandard

from deckhand.lammps.formats import Packing

_GZIP_WINDOW: Final = 31
"""The largest window, with the header and the trailer of gzip (no name and no time in it)."""


class _Compressor(Protocol):
    def compress(self, chunk: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


_COMPRESSORS: Final[dict[Packing, Callable[[], _Compressor]]] = {
    Packing.GZIP: lambda: zlib.compressobj(wbits=_GZIP_WINDOW),
    Packing.ZSTD: lambda: zstandard.ZstdCompressor().compressobj(),
    Packing.BZIP2: bz2.BZ2Compressor,
    Packing.XZ: lzma.LZMACompressor,
}


def packed(chunks: Iterable[bytes], packing: Packing) -> Iterator[bytes]:
    """Compress a piece of a file."""
    compressor = _COMPRESSORS[packing]()
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()


def _of_zstd(body: bytes) -> bytes:
    plain = b""
    while body:
        frame = zstandard.ZstdDecompressor().decompressobj()
        plain += frame.decompress(body)
        if not frame.eof:
            raise EOFError("the last frame has no end")
        body = frame.unused_data
    return plain


_UNPACKERS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\x28\xb5\x2f\xfd": _of_zstd,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
}
"""By what such files begin with."""

_TORN: Final = (
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
    zstandard.ZstdError,
)


def unpacked(body: bytes) -> bytes:
    """A whole file as it was before it was compressed, if it was; raises ValueError if torn."""
    for begin, unpack in _UNPACKERS.items():
        if body.startswith(begin):
            try:
                return unpack(body)
            except _TORN as error:
                raise ValueError(f"a compressed file is torn: {error}") from error
    return body
