"""A run was admitted; check its deck before it costs anything."""

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
from deckhand.lammps.preflight import check_folder
from deckhand.usecases.check_deck import CheckDeck

logger = Logger()
metrics = Metrics()


@cache
def check_deck() -> CheckDeck:
    settings = Settings.from_env(os.environ, "INBOX_BUCKET", "RUNS_BUCKET", "LEDGER_TABLE")
    inbox, runs, ledger = connect.inbox(settings), connect.runs(settings), connect.ledger(settings)
    return CheckDeck(inbox, runs, ledger, check_folder, settings.missing_files_wait)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(run_id=event["run_id"])
    checked = check_deck()(event["run_id"], datetime.now(UTC))
    logger.info("checked", extra={"checked": checked.model_dump(mode="json")})
    metrics.add_metric(name=f"Decks{checked.decision.title()}", unit=MetricUnit.Count, value=1)
    return checked.model_dump(mode="json")
