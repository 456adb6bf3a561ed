"""Time has passed; look through the inbox for drops that nothing told of."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect, telling
from deckhand.adapters.pace import Pace
from deckhand.adapters.settings import Settings
from deckhand.usecases.admit_drop import AdmitDrop
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.survey_inbox import SurveyInbox

logger = Logger()
metrics = Metrics()
NEEDS = ("INBOX_BUCKET", "RUNS_BUCKET", "LEDGER_TABLE", "STATE_MACHINE_ARN", "INTAKE_QUEUE_URL")
TELLS = "MESSAGES_TOPIC_ARN"


@cache
def survey_inbox() -> SurveyInbox:
    settings = Settings.from_env(os.environ, *NEEDS, TELLS)
    inbox, runs, ledger = connect.inbox(settings), connect.runs(settings), connect.ledger(settings)
    executions, queue = connect.executions(settings), connect.queue(settings)
    admit = AdmitDrop(inbox, runs, ledger, executions, queue, settings.settle, Pace())
    close = CloseRun(runs, ledger, telling.tell(settings), settings.prices)
    return SurveyInbox(inbox, runs, ledger, admit, close, settings.survey_after)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    survey = survey_inbox()(datetime.now(UTC), time_left)
    found = [vars(item) for item in survey.found]
    logger.info("surveyed", extra={"found": found, "is_complete": survey.is_complete})
    metrics.add_metric(name="DropsFoundWaiting", unit=MetricUnit.Count, value=len(found))
    metrics.add_metric(
        name="SurveysCutShort", unit=MetricUnit.Count, value=int(not survey.is_complete)
    )
    survey.raise_failures()
    return {"drops": survey.drops, "found": found, "is_complete": survey.is_complete}
