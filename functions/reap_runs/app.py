"""Time has passed; find runs that died in silence and jobs that work for nobody."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect, telling
from deckhand.adapters.settings import Settings
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.reap_runs import ReapRuns, raise_failures
from deckhand.usecases.steer_run import SteerRun

logger = Logger()
metrics = Metrics()
NEEDS = ("RUNS_BUCKET", "LEDGER_TABLE", "STATE_MACHINE_ARN", "MESSAGES_TOPIC_ARN", "PROFILES")


@cache
def reap_runs() -> ReapRuns:
    settings = Settings.from_env(os.environ, *NEEDS)
    runs, ledger, tell = connect.runs(settings), connect.ledger(settings), telling.tell(settings)
    executions, jobs = connect.executions(settings), connect.jobs(settings)
    # The reaper extends no run.
    steer = SteerRun(runs, ledger, executions, jobs, why_not_extended=lambda deck, read: "")
    close = CloseRun(runs, ledger, tell, settings.prices)
    silence, grace = settings.silence, settings.reaper_grace
    return ReapRuns(runs, ledger, executions, jobs, steer, close, tell, silence, grace)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    reaped = reap_runs()(datetime.now(UTC), time_left)
    found = [vars(item) for item in reaped]
    logger.info("reaped", extra={"found": found})
    metrics.add_metric(name="RunsReaped", unit=MetricUnit.Count, value=len(found))
    raise_failures(reaped)
    return {"found": found}
