"""S3 says that something was uploaded; admit its drop as a run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect
from deckhand.adapters.pace import Pace
from deckhand.adapters.queue import read_messages
from deckhand.adapters.settings import Settings
from deckhand.usecases.admit_drop import AdmitDrop, failed_messages

logger = Logger()
metrics = Metrics()
NEEDS = ("INBOX_BUCKET", "RUNS_BUCKET", "LEDGER_TABLE", "STATE_MACHINE_ARN", "INTAKE_QUEUE_URL")


@cache
def admit_drop() -> AdmitDrop:
    settings = Settings.from_env(os.environ, *NEEDS)
    inbox, runs, ledger = connect.inbox(settings), connect.runs(settings), connect.ledger(settings)
    executions, queue = connect.executions(settings), connect.queue(settings)
    return AdmitDrop(inbox, runs, ledger, executions, queue, settings.settle, Pace())


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    admissions = admit_drop()(read_messages(event["Records"]), datetime.now(UTC))
    logger.info("looked at drops", extra={"admissions": [vars(item) for item in admissions]})
    metrics.add_metric(name="DropsLookedAt", unit=MetricUnit.Count, value=len(admissions))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed_messages(admissions)]}
