"""The container's entry point: `python3 -m deckhand.runner` carries one attempt."""

from __future__ import annotations

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters.metadata import metadata_at
from deckhand.domain.errors import StorageError
from deckhand.domain.status import ExitCode, Phase, Status
from deckhand.runner.attempt import Attempt
from deckhand.runner.clock import utc_now
from deckhand.runner.report import Reporter
from deckhand.runner.settings import Settings
from deckhand.runner.storage import runs_bucket
from deckhand.runner.sweep import at_its_point


def main() -> int:
    told = Settings.read(os.environ)
    try:
        bucket = runs_bucket(told)
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


if __name__ == "__main__":
    sys.exit(main())
