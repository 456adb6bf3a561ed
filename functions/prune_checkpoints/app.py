"""A checkpoint became real; delete those its run no longer needs."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect
from deckhand.adapters.queue import ObjectCreated
from deckhand.adapters.settings import Settings
from deckhand.usecases.prune_checkpoints import PruneCheckpoints

logger = Logger()
metrics = Metrics()


@cache
def prune_checkpoints() -> PruneCheckpoints:
    settings = Settings.from_env(os.environ, "RUNS_BUCKET", "LEDGER_TABLE")
    runs, ledger = connect.runs(settings), connect.ledger(settings)
    return PruneCheckpoints(runs, ledger, settings.keep_checkpoints)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    key = ObjectCreated.model_validate(event).key
    gone = [str(item) for item in prune_checkpoints()(key)]
    logger.info("pruned", extra={"manifest": key, "deleted": gone})
    metrics.add_metric(name="CheckpointsPruned", unit=MetricUnit.Count, value=len(gone))
    return {"deleted": gone}
