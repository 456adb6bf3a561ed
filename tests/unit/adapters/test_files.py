"""Whole files to S3 and back, by boto3 alone and by the AWS CRT, against moto over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deckhand.adapters.s3 import Bucket
from deckhand.adapters.upload import (
    Uploader,
    fast_uploader,
    other_endpoint,
    plain_uploader,
)
from deckhand.domain.errors import StorageError

MIB = 1024 * 1024
NAME = "files"
REGION = "us-east-2"
LARGE = array("Q", range(20 * MIB // 8)).tobytes()
"""More than two parts, no two of them alike."""

WITHOUT_CRT = """
import sys
sys.modules["awscrt"] = None
from deckhand.adapters.session import aws_client
from deckhand.adapters.upload import fast_uploader
print(type(fast_uploader(aws_client("s3"))._transfer._manager).__name__)
"""

Make = Callable[[Any], Uploader]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def client(endpoint: str) -> Any:
    client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture(params=[plain_uploader, fast_uploader], ids=["boto3", "crt"])
def uploader(request: pytest.FixtureRequest, client: Any) -> Uploader:
    if request.param is fast_uploader:
        pytest.importorskip("awscrt")
    made: Uploader = request.param(client)
    return made


@pytest.mark.parametrize("body", [b"", b"x", LARGE], ids=["empty", "one byte", "parts"])
def test_a_file_comes_back_as_it_went(
    client: Any, uploader: Uploader, tmp_path: Path, body: bytes
) -> None:
    bucket = Bucket(client, NAME, uploader)
    (tmp_path / "file").write_bytes(body)
    bucket.upload("a b/prüfung+1", tmp_path / "file")
    bucket.download("a b/prüfung+1", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == body
    assert {path.name for path in tmp_path.iterdir()} == {"file", "back"}


@pytest.mark.parametrize("body", [b"x", LARGE], ids=["one byte", "parts"])
def test_s3_has_a_checksum_of_the_whole(
    client: Any, uploader: Uploader, tmp_path: Path, body: bytes
) -> None:
    (tmp_path / "file").write_bytes(body)
    Bucket(client, NAME, uploader).upload("summed", tmp_path / "file")
    stored = client.head_object(Bucket=NAME, Key="summed", ChecksumMode="ENABLED")
    assert b64decode(stored["ChecksumCRC32"]) == zlib.crc32(body).to_bytes(4, "big")
    assert stored.get("ChecksumType", "FULL_OBJECT").upper() == "FULL_OBJECT"


@pytest.mark.parametrize(
    "damage",
    [lambda body: body[:-1], lambda body: body[:-1] + b"!", lambda body: b""],
    ids=["cut short", "one byte", "nothing"],
)
def test_an_object_that_is_not_the_file_is_not_stored(
    client: Any, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    class OnADamagedWay(Uploader):
        def upload(self, path: Path, bucket: str, key: str, crc32: str) -> None:
            client.put_object(Bucket=bucket, Key=key, Body=damage(path.read_bytes()))

    (tmp_path / "file").write_bytes(b"as LAMMPS wrote it")
    bucket = Bucket(client, NAME, OnADamagedWay(None))
    with pytest.raises(StorageError, match="not the file"):
        bucket.upload("damaged", tmp_path / "file")


def test_there_is_no_file_where_there_is_no_object(
    client: Any, uploader: Uploader, tmp_path: Path
) -> None:
    with pytest.raises(StorageError):
        Bucket(client, NAME, uploader).download("nothing", tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_gone_is_trouble_with_storage(
    client: Any, uploader: Uploader, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    with pytest.raises(StorageError):
        Bucket(client, "gone", uploader).upload("key", tmp_path / "file")


def test_without_the_crt_boto3_does_it_alone() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WITHOUT_CRT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "TransferManager\n"


def test_without_credentials_boto3_tells_the_trouble(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert isinstance(fast_uploader(client), Uploader)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://s3.us-east-2.amazonaws.com", None),
        ("https://s3.amazonaws.com", None),
        ("https://s3.cn-north-1.amazonaws.com.cn", None),
        *[
            (url, url)
            for url in (
                "http://127.0.0.1:4566",
                "https://vpce-1a2b.s3.us-east-2.vpce.amazonaws.com",
                "https://s3.example.org/.amazonaws.com",
            )
        ],
    ],
)
def test_an_endpoint_is_named_where_it_is_not_that_of_aws(url: str, expected: str | None) -> None:
    assert other_endpoint(url) == expected
