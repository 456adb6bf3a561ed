"""Time has passed; send the messages that wait as digests."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import telling
from deckhand.adapters.settings import Settings
from deckhand.usecases.send_digests import SendDigests

logger = Logger()
metrics = Metrics()


@cache
def send_digest() -> SendDigests:
    settings = Settings.from_env(os.environ, "LEDGER_TABLE", "MESSAGES_TOPIC_ARN")
    outbox, topic = telling.outbox(settings), telling.topic(settings)
    return SendDigests(outbox, topic, lambda: datetime.now(UTC))


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    sent = [vars(item) for item in send_digest()()]
    logger.info("sent digests", extra={"sent": sent})
    metrics.add_metric(name="DigestsSent", unit=MetricUnit.Count, value=len(sent))
    return {"sent": sent}
