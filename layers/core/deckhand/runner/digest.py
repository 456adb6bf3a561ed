"""The SHA-256 that manifests tell of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

CHUNK: Final = 1024 * 1024


def digest(chunks: Iterable[bytes]) -> str:
    """The SHA-256 of all of them, in hexadecimal digits."""
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
