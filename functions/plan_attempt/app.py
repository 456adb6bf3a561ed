"""A run needs a machine; plan its next attempt."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import accounting, connect, telling
from deckhand.adapters.settings import Settings
from deckhand.usecases.plan_attempt import PlanAttempt

logger = Logger()
metrics = Metrics()
SECRET = {"order": {"token"}}
NEEDS = ("RUNS_BUCKET", "LEDGER_TABLE", "MESSAGES_TOPIC_ARN", "PROFILES")


@cache
def plan_attempt() -> PlanAttempt:
    settings = Settings.from_env(os.environ, *NEEDS)
    return PlanAttempt(
        connect.runs(settings),
        connect.ledger(settings),
        connect.jobs(settings),
        telling.tell(settings),
        settings.policy,
        settings.machines,
        settings.prices,
        settings.stop_margin_seconds,
        settings.adopted_poll_seconds,
        accounting.quote_attempt(settings),
    )


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run_id"])
    planned = plan_attempt()(event["run_id"], datetime.now(UTC))
    logger.info("planned", extra={"planned": planned.model_dump(mode="json", exclude=SECRET)})
    metrics.add_metric(name="AttemptsPlanned", unit=MetricUnit.Count, value=1)
    return planned.model_dump(mode="json")
