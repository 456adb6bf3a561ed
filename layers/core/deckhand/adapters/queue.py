"""The intake queue: uploads as S3 tells them, and drops to look at again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from botocore.client import BaseClient
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from deckhand.usecases.admit_drop import Notification


class ObjectName(BaseModel):
    """Keys are not URL-encoded here, other than in the notifications S3 sends by itself."""

    model_config = ConfigDict(defer_build=True, extra="ignore")

    key: str


class ObjectDetail(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="ignore")

    object: ObjectName


class ObjectCreated(BaseModel):
    """The EventBridge event `Object Created`; a version id is not relied on.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """

    model_config = ConfigDict(defer_build=True, extra="ignore")

    time: AwareDatetime | None = None
    detail: ObjectDetail

    @property
    def key(self) -> str:
        return self.detail.object.key


class IntakeQueue:
    def __init__(self, client: BaseClient, url: str) -> None:
        self._client = client
        self._url = url

    def look_again(self, drop: str, delay: timedelta) -> None:
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps({"look_again": drop}),
            # Rounded up: a second too early means one more round.
            DelaySeconds=-int(-delay.total_seconds() // 1),
        )

    def put_back(self, body: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=body)


def read_messages(records: Iterable[Mapping[str, Any]]) -> list[Notification]:
    """The records of a Lambda event of this queue; an unreadable one keeps its id only."""
    return [_read(record) for record in records]


def _read(record: Mapping[str, Any]) -> Notification:
    message_id = str(record["messageId"])
    try:
        body = json.loads(record["body"])
        if isinstance(body, dict) and isinstance(body.get("look_again"), str):
            return Notification(message_id, drop=body["look_again"])
        return Notification(message_id, key=ObjectCreated.model_validate(body).key)
    except (ValueError, KeyError, ValidationError):
        return Notification(message_id)
