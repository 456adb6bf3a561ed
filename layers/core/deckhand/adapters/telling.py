"""The way that messages take to people, connected."""

from __future__ import annotations

from datetime import UTC, datetime

from deckhand.adapters.outbox import Outbox
from deckhand.adapters.session import aws_client
from deckhand.adapters.settings import Settings
from deckhand.adapters.subscriptions import Subscriptions
from deckhand.adapters.topic import Topic
from deckhand.usecases.tell import Tell


def topic(settings: Settings) -> Topic:
    return Topic(aws_client("sns", attempts=1), settings.messages_topic_arn)


def outbox(settings: Settings) -> Outbox:
    return Outbox(aws_client("dynamodb"), settings.ledger_table)


def tell(settings: Settings) -> Tell:
    """The way of every message; it outlasts whoever sends one, so it has a clock of its own."""
    subscriptions = Subscriptions(aws_client("sns"), settings.messages_topic_arn)
    post, clock = outbox(settings), lambda: datetime.now(UTC)
    return Tell(post, topic(settings), subscriptions, clock, settings.direct_messages)
