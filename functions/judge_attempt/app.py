"""An attempt ended; judge how, and what follows."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import accounting, connect
from deckhand.adapters.settings import Settings
from deckhand.usecases.judge_attempt import Ended, JudgeAttempt

logger = Logger()
metrics = Metrics()


@cache
def judge_attempt() -> JudgeAttempt:
    settings = Settings.from_env(os.environ, "RUNS_BUCKET", "LEDGER_TABLE", "PROFILES")
    runs, ledger, jobs = connect.runs(settings), connect.ledger(settings), connect.jobs(settings)
    return JudgeAttempt(runs, ledger, jobs, accounting.keep_accounts(settings))


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run_id"], attempt=event["attempt"])
    ended = Ended(event.get("job"), event.get("error") or "", event.get("cause") or "")
    judged = judge_attempt()(event["run_id"], int(event["attempt"]), ended)
    logger.info("judged", extra={"judged": judged.model_dump(mode="json")})
    name = f"Attempts{judged.verdict.title().replace(' ', '')}"
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    return judged.model_dump(mode="json")
