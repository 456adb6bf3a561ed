"""The services that the settings name, connected."""

from __future__ import annotations

from datetime import UTC, datetime

from deckhand.adapters.batch import Jobs
from deckhand.adapters.dead_letters import DeadLetters, Functions
from deckhand.adapters.executions import Executions
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.measures import Measures
from deckhand.adapters.outbox import Outbox
from deckhand.adapters.prices import AwsPrices, TablePrices
from deckhand.adapters.queue import IntakeQueue
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.session import aws_client, hasty_client
from deckhand.adapters.settings import Settings
from deckhand.adapters.subscriptions import Subscriptions
from deckhand.adapters.topic import Topic
from deckhand.usecases.cached_prices import CachedPrices
from deckhand.usecases.forecast_run import ForecastRun
from deckhand.usecases.keep_accounts import KeepAccounts
from deckhand.usecases.project_run import ProjectRun
from deckhand.usecases.rates import Rates
from deckhand.usecases.tell import Tell


def inbox(settings: Settings) -> Bucket:
    return Bucket(aws_client("s3"), settings.inbox_bucket)


def runs(settings: Settings) -> Bucket:
    return Bucket(aws_client("s3"), settings.runs_bucket)


def ledger(settings: Settings) -> Ledger:
    return Ledger(aws_client("dynamodb"), settings.ledger_table)


def executions(settings: Settings) -> Executions:
    return Executions(aws_client("stepfunctions"), settings.state_machine_arn)


def queue(settings: Settings) -> IntakeQueue:
    return IntakeQueue(aws_client("sqs"), settings.intake_queue_url)


def topic(settings: Settings) -> Topic:
    return Topic(aws_client("sns", attempts=1), settings.messages_topic_arn)


def outbox(settings: Settings) -> Outbox:
    return Outbox(aws_client("dynamodb"), settings.ledger_table)


def tell(settings: Settings) -> Tell:
    """The way of every message; it outlasts whoever sends one, so it has a clock of its own."""
    subscriptions = Subscriptions(aws_client("sns"), settings.messages_topic_arn)
    post, clock = outbox(settings), lambda: datetime.now(UTC)
    return Tell(post, topic(settings), subscriptions, clock, settings.direct_messages)


def jobs(settings: Settings) -> Jobs:
    return Jobs(aws_client("batch"), settings.queues)


def measures(settings: Settings) -> Measures:
    return Measures(aws_client("dynamodb"), settings.ledger_table)


def rates(settings: Settings, *, ask_aws: bool = True) -> Rates:
    """*ask_aws* is False for people: what the functions have heard is enough, and is there."""
    source = AwsPrices(hasty_client) if ask_aws else None
    cached = CachedPrices(measures(settings), source)
    table = TablePrices(settings.machine_prices, cached)
    return Rates(table, settings.job_size, settings.prices)


def project_run(settings: Settings, known: Rates) -> ProjectRun:
    region = aws_client("dynamodb").meta.region_name
    return ProjectRun(measures(settings), known, settings.instance_types, region)


def forecast_run(settings: Settings) -> ForecastRun:
    known = rates(settings, ask_aws=False)
    return ForecastRun(runs(settings), known, project_run(settings, known))


def keep_accounts(settings: Settings) -> KeepAccounts:
    known = rates(settings)
    return KeepAccounts(runs(settings), ledger(settings), known, measures(settings))


def dead_letters(settings: Settings, url: str) -> DeadLetters:
    return DeadLetters(aws_client("sqs"), url, settings.inbox_bucket)


def functions() -> Functions:
    return Functions(aws_client("lambda"))
