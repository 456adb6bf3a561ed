"""Uploads files to S3, in parallel parts and little memory."""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Final

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import S3Transfer, TransferConfig
from botocore.client import BaseClient
from botocore.compat import HAS_CRT
from botocore.session import Session

from deckhand.domain.errors import StorageError

MIB: Final = 1024 * 1024
CHUNK: Final = MIB

PLAIN: Final = TransferConfig(preferred_transfer_client="classic", multipart_chunksize=16 * MIB)

CRT_THREADS: Final = 2
"""Enough for any checkpoint; LAMMPS has the other cores."""

CRT_GIGABITS: Final = 3.0
"""Per second; it decides how many parts are under way at once, and so the memory."""

CRT_MEMORY: Final = 256 * MIB
"""The least that it takes for a limit; what it uses is far below as long as parts are streamed."""

_AWS: Final = re.compile(r"https://s3([.-][a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


class Uploader:
    """Uploads one file after the other, each whole."""

    def __init__(self, transfer: S3Transfer) -> None:
        self._transfer = transfer

    def upload(self, path: Path, bucket: str, key: str, crc32: str) -> None:
        """S3 refuses the object if it has not the bytes that *crc32* was taken of."""
        checksum = {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": crc32}
        try:
            self._transfer.upload_file(str(path), bucket, key, extra_args=checksum)
        except _FAILURES as error:
            raise StorageError(f"s3://{bucket}/{key}: {error}") from error


def plain_uploader(client: BaseClient) -> Uploader:
    """With boto3 alone."""
    return Uploader(S3Transfer(client, PLAIN))


def fast_uploader(client: BaseClient, own: boto3.Session | None = None) -> Uploader:
    """With the AWS CRT, if it is installed and there is something to sign with.

    Credentials are those of the session *own*, as of *client*, or come from the environment. Why
    not boto3's own switch for it: docs/decisions/0015.
    """
    session = Session()
    credentials = (own or session).get_credentials()
    if not HAS_CRT or credentials is None:
        return plain_uploader(client)
    from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
    from awscrt.s3 import S3Client, S3FileIoOptions, S3RequestTlsMode
    from s3transfer import crt

    endpoint, region = str(client.meta.endpoint_url), client.meta.region_name
    is_safe = endpoint.startswith("https:")
    loops = EventLoopGroup(CRT_THREADS)
    s3 = S3Client(
        bootstrap=ClientBootstrap(loops, DefaultHostResolver(loops)),
        region=region,
        credential_provider=crt.BotocoreCRTCredentialsWrapper(
            credentials
        ).to_crt_credentials_provider(),
        tls_mode=S3RequestTlsMode.ENABLED if is_safe else S3RequestTlsMode.DISABLED,
        throughput_target_gbps=CRT_GIGABITS,
        memory_limit=CRT_MEMORY,
        fio_options=S3FileIoOptions(should_stream=True),
    )
    serializer = crt.BotocoreCRTRequestSerializer(
        session, {"region_name": region, "endpoint_url": other_endpoint(endpoint)}
    )
    # The manager wants a configuration, and leaves all to the CRT where it says nothing.
    manager = crt.CRTTransferManager(s3, serializer, config=TransferConfig())
    return Uploader(S3Transfer(manager=manager))


def other_endpoint(url: str) -> str | None:
    """None for AWS' own: each bucket has a host name of its own there, unless one is named."""
    return None if _AWS.fullmatch(url) else url


def crc32_of(path: Path) -> str:
    """As S3 writes it."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            value = zlib.crc32(chunk, value)
    return b64encode(value.to_bytes(4, "big")).decode()


def _failures() -> tuple[type[Exception], ...]:
    if not HAS_CRT:
        return (Boto3Error,)
    from awscrt.exceptions import AwsCrtError

    return Boto3Error, AwsCrtError


_FAILURES: Final = _failures()
