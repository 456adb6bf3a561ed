"""Downloads an object as a file: ranges in parallel, through small buffers.

A buffer has to stay in the processor's cache: with one of a megabyte it takes twice as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from botocore.client import BaseClient
from botocore.exceptions import HTTPClientError, IncompleteReadError

RANGE: Final = 16 * 1024 * 1024
AT_ONCE: Final = 8
BUFFER: Final = 256 * 1024
TRIES: Final = 5

BROKEN: Final = (HTTPClientError, IncompleteReadError)
"""What ends a body too soon; requests without an answer are repeated by botocore itself."""


def download(client: BaseClient, bucket: str, key: str, path: Path) -> None:
    """The file appears when it is whole; raises what botocore raises."""
    found = client.head_object(Bucket=bucket, Key=key)
    version = _Object(client, bucket, key, found["ETag"])
    size = int(found["ContentLength"])
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file, ThreadPoolExecutor(AT_ONCE) as pool:
            fetched = pool.map(
                lambda begin: version.fetch(file.fileno(), begin, min(size, begin + RANGE)),
                range(0, size, RANGE),
            )
            list(fetched)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Object:
    """One version of an object: ranges of two must not become one file."""

    client: BaseClient
    bucket: str
    key: str
    etag: str

    def fetch(self, file: int, begin: int, end: int) -> None:
        """Copy bytes [begin, end) to their place; a body that breaks off is gone on with."""
        at = begin
        for left in reversed(range(TRIES)):
            try:
                for chunk in self._chunks(at, end):
                    os.pwrite(file, chunk, at)
                    at += len(chunk)
                return
            except BROKEN:
                if not left:
                    raise

    def _chunks(self, begin: int, end: int) -> Iterator[memoryview]:
        span = f"bytes={begin}-{end - 1}"
        answer = self.client.get_object(
            Bucket=self.bucket, Key=self.key, Range=span, IfMatch=self.etag
        )
        buffer = memoryview(bytearray(BUFFER))
        with closing(answer["Body"]) as body:
            while count := body.readinto(buffer):
                yield buffer[:count]
