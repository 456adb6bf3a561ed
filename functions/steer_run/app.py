"""A person wants something of a run, by a command or by a file in the inbox; do it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect
from deckhand.adapters.queue import ObjectCreated
from deckhand.adapters.settings import Settings
from deckhand.domain.steering import Request
from deckhand.lammps.extension import why_not_extended
from deckhand.usecases.steer_drop import SteerDrop
from deckhand.usecases.steer_run import SteerRun

logger = Logger()
metrics = Metrics()


@cache
def steer_run() -> SteerRun:
    settings = Settings.from_env(os.environ, "RUNS_BUCKET", "LEDGER_TABLE", "STATE_MACHINE_ARN")
    runs, ledger = connect.runs(settings), connect.ledger(settings)
    executions, jobs = connect.executions(settings), connect.jobs(settings)
    return SteerRun(runs, ledger, executions, jobs, why_not_extended)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    if "detail" in event:
        uploaded = ObjectCreated.model_validate(event)
        steered = SteerDrop(steer_run())(uploaded.key, uploaded.time or now, now)
    else:
        steered = [steer_run()(Request.model_validate(event), now)]
    answer = [item.model_dump(mode="json") for item in steered]
    logger.info("steered", extra={"steered": answer})
    metrics.add_metric(name="RunsSteered", unit=MetricUnit.Count, value=len(answer))
    return answer
