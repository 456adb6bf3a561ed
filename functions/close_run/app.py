"""A run is over; put its results together and tell people."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect, telling
from deckhand.adapters.settings import Settings
from deckhand.domain.run import RunState
from deckhand.usecases.close_run import CloseRun

logger = Logger()
metrics = Metrics()


@cache
def close_run() -> CloseRun:
    settings = Settings.from_env(os.environ, "RUNS_BUCKET", "LEDGER_TABLE", "MESSAGES_TOPIC_ARN")
    runs, ledger = connect.runs(settings), connect.ledger(settings)
    return CloseRun(runs, ledger, telling.tell(settings), settings.prices)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run_id"])
    state = RunState(event["state"])
    closed = close_run()(event["run_id"], state, event["reason"], datetime.now(UTC))
    logger.info("closed", extra={"closed": closed.model_dump(mode="json")})
    metrics.add_metric(name=f"Runs{closed.state.title()}", unit=MetricUnit.Count, value=1)
    return closed.model_dump(mode="json")
