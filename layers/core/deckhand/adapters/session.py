"""The one maker of AWS clients."""

from __future__ import annotations

from functools import cache

import boto3
from botocore.client import BaseClient
from botocore.config import Config

READ_SECONDS = 20
CONNECT_SECONDS = 3
S3_READ_SECONDS = 120
CONNECTIONS = 32


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def aws_client(service: str, attempts: int = 5, session: boto3.Session | None = None) -> BaseClient:
    """A client that gives up soon; region and endpoint come from the environment.

    The credentials do too, unless there is a *session*.

    *attempts* of 1 is for calls that must not be repeated when their answer is lost.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        # A copy inside S3 answers when it is done.
        read_timeout=S3_READ_SECONDS if service == "s3" else READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
    )
    return (session or _session()).client(service, config=config)


def hasty_client(service: str, region: str) -> BaseClient:
    """A client for what a run can do without: it gives up within seconds."""
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return _session().client(service, region_name=region or None, config=config)
