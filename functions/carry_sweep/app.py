"""A drop is a sweep; make its runs, and follow them to their ends."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from deckhand.adapters import accounting, connect, telling
from deckhand.adapters.settings import Settings
from deckhand.usecases.begin_sweep import BeginSweep
from deckhand.usecases.carry_sweep import CarrySweep, Look
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.follow_sweep import FollowSweep
from deckhand.usecases.judge_attempt import JudgeAttempt
from deckhand.usecases.plan_attempt import PlanAttempt
from deckhand.usecases.steer_run import SteerRun

logger = Logger()
metrics = Metrics()
SECRET = {"order": {"token"}}
NEEDS = ("RUNS_BUCKET", "LEDGER_TABLE", "MESSAGES_TOPIC_ARN", "PROFILES")


@cache
def carry_sweep(machine: str) -> CarrySweep:
    """*machine* is the state machine that asks: the template cannot tell a function of its own."""
    told = Settings.from_env(os.environ, *NEEDS)
    settings = told.model_copy(update={"state_machine_arn": machine})
    runs, ledger, jobs = connect.runs(settings), connect.ledger(settings), connect.jobs(settings)
    executions, tell, prices = connect.executions(settings), telling.tell(settings), settings.prices
    poll, margin = settings.adopted_poll_seconds, settings.stop_margin_seconds
    policy, profiles = settings.policy, settings.machines
    quote = accounting.quote_attempt(settings)
    plan = PlanAttempt(runs, ledger, jobs, tell, policy, profiles, prices, margin, poll, quote)
    begin = BeginSweep(runs, ledger)
    judge = JudgeAttempt(runs, ledger, jobs, accounting.keep_accounts(settings))
    close = CloseRun(runs, ledger, tell, prices)
    # A sweep extends no run.
    steer = SteerRun(runs, ledger, executions, jobs, why_not_extended=lambda deck, read: "")
    follow = FollowSweep(ledger, jobs, executions, begin, judge, close, steer)
    cap = settings.cap
    return CarrySweep(runs, ledger, jobs, executions, plan, begin, follow, cap, poll)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    logger.append_keys(run_id=event["run_id"])
    look = Look.model_validate(event["look"])
    carried = carry_sweep(event["machine"])(event["run_id"], look, datetime.now(UTC), time_left)
    logger.info("carried", extra={"carried": carried.model_dump(mode="json", exclude=SECRET)})
    metrics.add_metric(name="SweepTroubles", unit=MetricUnit.Count, value=len(carried.troubles))
    return carried.model_dump(mode="json")
