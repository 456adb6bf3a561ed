"""A run was admitted; check its deck before it costs anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import accounting, connect
from deckhand.adapters.settings import Settings
from deckhand.domain.options import Values
from deckhand.domain.run import DryRun
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.sandbox import dry_run
from deckhand.usecases.check_deck import CheckDeck
from deckhand.usecases.order_check import JobEnded
from deckhand.usecases.ports import DryRunner

logger = Logger()
metrics = Metrics()
SECRET = {"job": {"token"}}
NEEDS = ("INBOX_BUCKET", "RUNS_BUCKET", "LEDGER_TABLE", "PROFILES")


@cache
def check_deck() -> CheckDeck:
    settings = Settings.from_env(os.environ, *NEEDS)
    inbox, runs, ledger = connect.inbox(settings), connect.runs(settings), connect.ledger(settings)
    wait, profiles = settings.missing_files_wait, settings.machines
    project = accounting.project_run(settings, accounting.rates(settings))
    checks = check_folder, dry_runner(settings)
    return CheckDeck(inbox, runs, ledger, *checks, wait, profiles, settings.cap, project=project)


def dry_runner(settings: Settings) -> DryRunner:
    """The LAMMPS of layers/lammps; it lies where Python finds the packages of the layers."""
    programs = (Path(entry) / "lammps" / "lmp" for entry in sys.path)
    lmp = next((str(path) for path in programs if path.is_file()), "lmp")

    def carry(root: Path, deck: str, variables: Mapping[str, Values]) -> DryRun:
        seconds, memory = settings.dry_run_seconds, settings.dry_run_bytes
        found = dry_run(root, deck, [lmp], seconds, memory=memory, variables=variables)
        log = logger.warning if found.shortfall else logger.info
        log("dry run", extra={"dry_run": found.model_dump(mode="json", exclude={"stages"})})
        metrics.add_metric("DryRunsUnfinished", MetricUnit.Count, int(bool(found.shortfall)))
        return found

    return carry


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    logger.append_keys(run_id=event["run_id"])
    ended = JobEnded(**event["ended"]) if event.get("ended") else None
    checked = check_deck()(event["run_id"], datetime.now(UTC), time_left, ended)
    logger.info("checked", extra={"checked": checked.model_dump(mode="json", exclude=SECRET)})
    metrics.add_metric(
        name=f"Decks{checked.decision.title().replace('-', '')}", unit=MetricUnit.Count, value=1
    )
    return checked.model_dump(mode="json", exclude_none=True)
