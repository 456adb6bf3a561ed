"""The container's entry point: `python3 -m deckhand.runner` carries one attempt."""

from __future__ import annotations

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters import folder
from deckhand.adapters.folder import FolderBucket
from deckhand.adapters.imds import Imds
from deckhand.adapters.s3 import Bucket as S3Bucket
from deckhand.adapters.session import aws_client
from deckhand.adapters.upload import fast_uploader
from deckhand.domain.errors import StorageError
from deckhand.domain.status import ExitCode, Phase, Status
from deckhand.runner.attempt import Attempt
from deckhand.runner.clock import utc_now
from deckhand.runner.report import Reporter
from deckhand.runner.settings import Settings
from deckhand.runner.sweep import at_its_point
from deckhand.usecases.ports import Bucket


def main() -> int:
    told = Settings.read(os.environ)
    bucket = _runs(told.runs_bucket)
    try:
        settings = at_its_point(told, bucket)
    except (StorageError, ClientError, BotoCoreError) as error:
        # Nothing can be said in status.json: it is not known whose that would be.
        print(f"deckhand: {error}", file=sys.stderr, flush=True)
        return ExitCode.IO_ERROR
    imds = Imds(settings.imds_endpoint)
    now = utc_now()
    status = Status(
        run_id=settings.run_id,
        attempt=settings.attempt,
        job_id=settings.job_id,
        phase=Phase.FETCHING,
        instance_id=imds.instance_id(),
        instance_type=imds.instance_type(),
        availability_zone=imds.availability_zone(),
        started_at=now,
        updated_at=now,
    )
    reporter = Reporter(bucket, status, settings.status_seconds)
    return Attempt(settings, bucket, imds, reporter).carry()


def _runs(name: str) -> Bucket:
    """The runs bucket; a rehearsal names a folder instead."""
    if name.startswith(folder.SCHEME):
        return FolderBucket.from_url(name)
    client = aws_client("s3")
    return S3Bucket(client, name, fast_uploader(client))


if __name__ == "__main__":
    sys.exit(main())
