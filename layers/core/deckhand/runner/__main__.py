"""The container's entry point: `python3 -m deckhand.runner` carries one attempt."""

from __future__ import annotations

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters import folder
from deckhand.adapters.folder import FolderBucket
from deckhand.adapters.lent import session_of
from deckhand.adapters.metadata import metadata_at
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
    try:
        bucket = runs(told)
        settings = at_its_point(told, bucket)
    except (StorageError, ClientError, BotoCoreError) as error:
        # Nothing can be said in status.json: it is not known whose that would be.
        print(f"deckhand: {error}", file=sys.stderr, flush=True)
        return ExitCode.IO_ERROR
    metadata = metadata_at(settings.metadata)
    now = utc_now()
    status = Status(
        run_id=settings.run_id,
        attempt=settings.attempt,
        job_id=settings.job_id,
        phase=Phase.FETCHING,
        instance_id=metadata.instance_id(),
        instance_type=metadata.instance_type(),
        availability_zone=metadata.availability_zone(),
        started_at=now,
        updated_at=now,
    )
    reporter = Reporter(bucket, status, settings.status_seconds)
    return Attempt(settings, bucket, metadata, reporter).carry()


def runs(told: Settings) -> Bucket:
    """The runs bucket, as far as this attempt may touch it; a rehearsal names a folder instead."""
    name = told.runs_bucket
    if name.startswith(folder.SCHEME):
        return FolderBucket.from_url(name)
    session = session_of(told.lender, told.proof)
    client = aws_client("s3", session=session)
    return S3Bucket(client, name, fast_uploader(client, session))


if __name__ == "__main__":
    sys.exit(main())
