"""An attempt asks for the credentials of its run; lend them."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import connect
from deckhand.adapters.lender import Lender
from deckhand.adapters.session import aws_client
from deckhand.adapters.settings import Settings
from deckhand.usecases.lend_credentials import Asked, LendCredentials

logger = Logger()
metrics = Metrics()


@cache
def lend_credentials() -> LendCredentials:
    settings = Settings.from_env(os.environ, "RUNS_BUCKET", "LEDGER_TABLE", "RUN_ROLE_ARN")
    lender = Lender(
        aws_client("sts"), settings.run_role_arn, settings.runs_bucket, settings.storage_key_arn
    )
    return LendCredentials(connect.ledger(settings), lender)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    asked = Asked.model_validate(event)
    logger.append_keys(run_id=asked.run_id, attempt=asked.attempt)
    lent = lend_credentials()(asked)
    logger.info("lent", extra={"until": lent.expires_at.isoformat()})
    metrics.add_metric(name="CredentialsLent", unit=MetricUnit.Count, value=1)
    return lent.model_dump(mode="json")
