"""A queue is blocked, or time has passed; let attempts go that wait on the wrong market."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect
from deckhand.adapters.settings import Settings
from deckhand.usecases.relieve_queue import RelieveQueue

logger = Logger()
metrics = Metrics()


@cache
def relieve_queue() -> RelieveQueue:
    settings = Settings.from_env(os.environ, "PROFILES", "LEDGER_TABLE")
    jobs, ledger = connect.jobs(settings), connect.ledger(settings)
    return RelieveQueue(jobs, ledger, settings.machines, settings.capacity_wait)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    relief = relieve_queue()(datetime.now(UTC))
    found = relief._asdict()
    logger.info("relieved", extra={"found": found})
    metrics.add_metric(name="AttemptsLetGo", unit=MetricUnit.Count, value=len(relief.let_go))
    metrics.add_metric(name="QueuesBlocked", unit=MetricUnit.Count, value=len(relief.blocked))
    return found
