"""The addresses of run.yaml as subscribers of the topic, each to the messages that name it."""

from __future__ import annotations

import json
from typing import Final

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from deckhand.domain.errors import SubscriptionError

# An InvalidParameter like any other: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
OTHERWISE: Final = "already exists with different attributes"


class Subscriptions:
    def __init__(self, client: BaseClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def ensure(self, address: str) -> None:
        """Who has subscribed already gets what he asked for, which may be everything."""
        try:
            self._client.subscribe(
                TopicArn=self._topic,
                Protocol="email",
                Endpoint=address,
                Attributes={"FilterPolicy": json.dumps({"notify": [address]})},
            )
        except (ClientError, BotoCoreError) as error:
            if OTHERWISE not in str(error):
                raise SubscriptionError(f"AWS did not subscribe it: {error}") from error
