"""Prices and speeds, connected with what they are for."""

from __future__ import annotations

from deckhand.adapters import connect
from deckhand.adapters.measures import Measures
from deckhand.adapters.prices import AwsPrices, TablePrices
from deckhand.adapters.session import aws_client, hasty_client
from deckhand.adapters.settings import Settings
from deckhand.usecases.cached_prices import CachedPrices
from deckhand.usecases.forecast_run import ForecastRun
from deckhand.usecases.keep_accounts import KeepAccounts
from deckhand.usecases.project_run import ProjectRun
from deckhand.usecases.quote_attempt import QuoteAttempt
from deckhand.usecases.rates import Rates


def measures(settings: Settings) -> Measures:
    return Measures(aws_client("dynamodb"), settings.ledger_table)


def rates(settings: Settings, *, ask_aws: bool = True) -> Rates:
    """*ask_aws* is False for people and plans: what is heard of ended attempts is enough."""
    source = AwsPrices(hasty_client) if ask_aws else None
    cached = CachedPrices(measures(settings), source)
    table = TablePrices(settings.machine_prices, cached)
    return Rates(table, settings.job_size, settings.prices)


def project_run(settings: Settings, known: Rates) -> ProjectRun:
    return ProjectRun(measures(settings), known, settings.instance_types, _region())


def quote_attempt(settings: Settings) -> QuoteAttempt:
    known = rates(settings, ask_aws=False)
    return QuoteAttempt(known, settings.instance_types, _region())


def forecast_run(settings: Settings) -> ForecastRun:
    known = rates(settings, ask_aws=False)
    return ForecastRun(connect.runs(settings), known, project_run(settings, known))


def keep_accounts(settings: Settings) -> KeepAccounts:
    known = rates(settings)
    return KeepAccounts(connect.runs(settings), connect.ledger(settings), known, measures(settings))


def _region() -> str:
    return str(aws_client("dynamodb").meta.region_name)
