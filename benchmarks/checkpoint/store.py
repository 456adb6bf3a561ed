"""A fast S3 that keeps objects as files: `python -m benchmarks.checkpoint.store FOLDER`.

What it is asked to copy it refers to, as S3 does not move bytes of its client's either. It counts
the bytes of bodies that go through it, and believes the checksums that it is told: computing them
costs S3's clients nothing.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

CHUNK: Final = 1024 * 1024
MOVED: Final = "/-/moved"
NAMESPACE: Final = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
LONG_AGO: Final = "2026-11-21T12:00:00.000Z"
CHECKSUM: Final = "x-amz-checksum-crc32"


@dataclass(frozen=True)
class Extent:
    """Bytes [begin, begin + size) of a file."""

    path: Path
    begin: int
    size: int


@dataclass(frozen=True)
class Stored:
    """An object: extents of files, in their order."""

    etag: str
    extents: tuple[Extent, ...]
    crc32: str | None = None

    @property
    def size(self) -> int:
        return sum(extent.size for extent in self.extents)

    def cut(self, begin: int, end: int) -> Iterator[Extent]:
        """The extents of bytes [begin, end)."""
        for extent in self.extents:
            first, last = max(0, begin), min(extent.size, end)
            if first < last:
                yield Extent(extent.path, extent.begin + first, last - first)
            begin, end = begin - extent.size, end - extent.size


@dataclass
class Shelf:
    """What all connections share; a key begins with its bucket's name."""

    folder: Path
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, dict[int, Stored]] = field(default_factory=dict)
    received: int = 0
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def number(self) -> str:
        return f"{next(self._numbers):08d}"

    def moved(self, received: int = 0, sent: int = 0) -> None:
        with self.lock:
            self.received += received
            self.sent += sent


class Answer(BaseHTTPRequestHandler):
    """The few requests that Deckhand, `aws s3 cp` and `s5cmd` make."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shelf: Shelf

    def do_GET(self) -> None:
        if self.path == MOVED:
            moved = {"received": self.shelf.received, "sent": self.shelf.sent}
            self._say(200, json.dumps(moved).encode())
        elif "list-type" in self._query:
            self._list()
        else:
            self._read(with_body=True)

    def do_HEAD(self) -> None:
        self._read(with_body=False)

    def do_PUT(self) -> None:
        if "/" not in self._key:
            self._say(200)
        elif "uploadId" in self._query:
            self._put_part()
        else:
            stored = self._receive()
            with self.shelf.lock:
                if self.headers.get("If-None-Match") == "*" and self._key in self.shelf.objects:
                    self._fail(412, "PreconditionFailed")
                    return
                self.shelf.objects[self._key] = stored
            self._say(200, ETag=stored.etag)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "uploads" in self._query:
            upload = self.shelf.number()
            self.shelf.uploads[upload] = {}
            self._xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
            return
        parts = self.shelf.uploads.pop(self._query["uploadId"])
        numbers = [
            int(node.text or 0) for node in ElementTree.fromstring(body).findall(".//{*}PartNumber")
        ]
        extents = tuple(extent for number in numbers for extent in parts[number].extents)
        stored = Stored(f'"{self.shelf.number()}"', extents, self.headers.get(CHECKSUM))
        self.shelf.objects[self._key] = stored
        self._xml("CompleteMultipartUploadResult", f"<ETag>{escape(stored.etag)}</ETag>")

    def do_DELETE(self) -> None:
        """The bytes go too: nobody here deletes what a copy refers to."""
        stored = self.shelf.objects.pop(self._key, None)
        for extent in stored.extents if stored else ():
            extent.path.unlink()
        self._say(204)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/").rstrip("/")

    @property
    def _query(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}

    def _receive(self) -> Stored:
        number = self.shelf.number()
        path = self.shelf.folder / number
        with path.open("wb") as file:
            if "x-amz-decoded-content-length" in self.headers:
                size = self._receive_chunked(file)
            else:
                size = int(self.headers["Content-Length"])
                self._receive_bytes(file, size)
        self.shelf.moved(received=size)
        return Stored(f'"{number}"', (Extent(path, 0, size),), self.headers.get(CHECKSUM))

    def _receive_chunked(self, file: BinaryIO) -> int:
        """Chunks with their sizes before them, and checksums behind them: aws-chunked."""
        size = 0
        while count := int(self.rfile.readline().partition(b";")[0], 16):
            self._receive_bytes(file, count)
            self.rfile.readline()
            size += count
        while self.rfile.readline().strip():
            pass
        return size

    def _receive_bytes(self, file: BinaryIO, left: int) -> None:
        buffer = memoryview(bytearray(CHUNK))
        while left and (count := self.rfile.readinto(buffer[: min(left, CHUNK)])):
            file.write(buffer[:count])
            left -= count

    def _put_part(self) -> None:
        source = self.headers.get("x-amz-copy-source")
        if source:
            original = self.shelf.objects[unquote(source).lstrip("/")]
            first, last = self._range("x-amz-copy-source-range", original.size)
            part = Stored(f'"{self.shelf.number()}"', tuple(original.cut(first, last + 1)))
        else:
            part = self._receive()
        self.shelf.uploads[self._query["uploadId"]][int(self._query["partNumber"])] = part
        if source:
            self._xml("CopyPartResult", f"<ETag>{escape(part.etag)}</ETag>")
        else:
            self._say(200, ETag=part.etag)

    def _read(self, *, with_body: bool) -> None:
        stored = self.shelf.objects.get(self._key)
        if stored is None:
            self._fail(404, "NoSuchKey", with_body=with_body)
            return
        first, last = self._range("Range", stored.size)
        partly = "Range" in self.headers
        self.send_response(206 if partly else 200)
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("ETag", stored.etag)
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 12:00:00 GMT")
        if partly:
            self.send_header("Content-Range", f"bytes {first}-{last}/{stored.size}")
        elif stored.crc32 and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            self.send_header(CHECKSUM, stored.crc32)
            self.send_header("x-amz-checksum-type", "FULL_OBJECT")
        self.end_headers()
        if with_body:
            self._send(stored, first, last + 1)

    def _send(self, stored: Stored, begin: int, end: int) -> None:
        # Whole packets only: else their number, and the clients' time, are up to chance.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for extent in stored.cut(begin, end):
            with extent.path.open("rb") as file:
                self.connection.sendfile(file, extent.begin, extent.size)
            self.shelf.moved(sent=extent.size)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def _range(self, header: str, size: int) -> tuple[int, int]:
        """The first and the last byte."""
        text = self.headers.get(header)
        if text is None:
            return 0, size - 1
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), min(int(last), size - 1) if last else size - 1

    def _list(self) -> None:
        bucket, prefix = self._key, self._query.get("prefix", "")
        items = "".join(
            f"<Contents><Key>{escape(key.removeprefix(f'{bucket}/'))}</Key>"
            f"<Size>{stored.size}</Size><LastModified>{LONG_AGO}</LastModified></Contents>"
            for key, stored in sorted(self.shelf.objects.items())
            if key.startswith(f"{bucket}/{prefix}")
        )
        self._xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{items}")

    def _xml(self, name: str, inner: str) -> None:
        self._say(200, f"<{name} {NAMESPACE}>{inner}</{name}>".encode())

    def _fail(self, status: int, code: str, *, with_body: bool = True) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        self._say(status, text.encode() if with_body else b"")

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> int:
    Answer.shelf = Shelf(Path(sys.argv[1]))
    server = Server(("127.0.0.1", 0), Answer)
    print(server.server_port, flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
