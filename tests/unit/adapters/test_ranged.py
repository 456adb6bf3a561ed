"""A download goes on where a body broke off, and never mixes two versions of an object."""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters import ranged

BODY = array("I", range(ranged.RANGE // 4 + 1000)).tobytes()
"""A range, and the beginning of another."""


class Torn(BaseHTTPRequestHandler):
    """Gives a part of what is asked for, as often as it is told, and closes the connection."""

    protocol_version = "HTTP/1.1"
    tears = 0
    tags: Iterator[str]
    asked: list[int]

    def do_HEAD(self) -> None:
        self._answer(200, len(BODY))

    def do_GET(self) -> None:
        if self.headers["If-Match"] != (tag := next(self.tags)):
            self._answer(412, 0, tag)
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert found is not None
        first, end = int(found[1]), int(found[2]) + 1
        self.asked.append(first)
        self._answer(206, end - first, tag)
        if type(self).tears and first < ranged.RANGE:
            type(self).tears -= 1
            end -= (end - first) // 2
            self.close_connection = True
        self.wfile.write(BODY[first:end])

    def _answer(self, status: int, length: int, tag: str = '"one"') -> None:
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def client() -> Iterator[Any]:
    Torn.tears, Torn.tags, Torn.asked = 0, iter(lambda: '"one"', None), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Torn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_body_that_breaks_off_is_gone_on_with(client: Any, tmp_path: Path) -> None:
    Torn.tears = ranged.TRIES - 1
    ranged.download(client, "bucket", "key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    begins = [begin for begin in Torn.asked if begin < ranged.RANGE]
    assert (begins[0], len(set(begins))) == (0, ranged.TRIES)


def test_what_breaks_off_for_ever_is_no_file(client: Any, tmp_path: Path) -> None:
    Torn.tears = 1000
    with pytest.raises(BotoCoreError):
        ranged.download(client, "bucket", "key", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_another_version_is_not_mixed_in(client: Any, tmp_path: Path) -> None:
    Torn.tags = iter(['"one"', *['"two"'] * 10])
    with pytest.raises(ClientError, match="412"):
        ranged.download(client, "bucket", "key", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
