"""The local S3 of a measurement: its process, its clients' environment, what it has moved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from benchmarks.attempts import CHAIN_FILES, Site
from benchmarks.checkpoint import store
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.upload import fast_uploader
from deckhand.cli.machine import Machine

REGION: Final = "us-east-1"


@dataclass(frozen=True)
class Moved:
    """Bytes of bodies between the store and all of its clients."""

    received: int
    sent: int

    def __sub__(self, other: Moved) -> Moved:
        return Moved(self.received - other.received, self.sent - other.sent)


@dataclass(frozen=True)
class LocalS3:
    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION)

    def bucket(self, name: str = "runs") -> Bucket:
        """As the runner has it."""
        client = self.client()
        return Bucket(client, name, fast_uploader(client))

    def moved(self) -> Moved:
        with urllib.request.urlopen(f"{self.endpoint}{store.MOVED}") as answer:
            return Moved(**json.loads(answer.read()))


@contextmanager
def local_s3() -> Iterator[tuple[LocalS3, Path]]:
    """Serve while the `with` lasts, from a folder that is removed; with room for other files."""
    with tempfile.TemporaryDirectory(prefix="deckhand-bench-") as name:
        folder = Path(name)
        (folder / "s3").mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.checkpoint.store", str(folder / "s3")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            found = LocalS3(f"http://127.0.0.1:{int(process.stdout.readline())}")
            # The CRT finds its credentials in the environment, as in the container.
            os.environ.update(found.environment)
            yield found, folder
        finally:
            process.kill()
            process.wait()


@contextmanager
def local_site(text: str) -> Iterator[tuple[Site, LocalS3]]:
    """One deck with a local S3 of its own; it may read the chains of LAMMPS' own bench."""
    with local_s3() as (s3, folder), Machine() as machine:
        place = folder / "site"
        place.mkdir()
        yield (
            Site(
                place,
                CHAIN_FILES,
                text,
                machine,
                runs=s3.bucket(),
                environment=s3.environment,
            ),
            s3,
        )
