"""Whether what a stack needs beside itself is there: an image, subscribers, working queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters.ledger import Ledger
from deckhand.adapters.trouble import AwsError
from deckhand.domain.stack import StackState
from deckhand.usecases.judge_stack import QueueState, StackFacts

PENDING: Final = "PendingConfirmation"
NO_IMAGE: Final = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})

Connect = Callable[[str], BaseClient]
T = TypeVar("T")


class Health:
    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def facts(self, state: StackState, nested: tuple[StackState, ...]) -> StackFacts:
        """What AWS tells; a stack that is half made lacks some of it."""
        outputs = state.outputs
        repository = outputs.get("ImageRepository", "")
        tag = state.parameters.get("ImageTag", "")
        return StackFacts(
            state=state,
            nested=nested,
            image=f"{repository}:{tag}" if repository else "",
            image_pushed=_told(lambda: self._has_image(repository, tag)) if repository else None,
            subscribers=_told(lambda: tuple(self._subscribers(outputs["MessagesTopic"]))) or (),
            queues=_told(lambda: tuple(self._queues(outputs))) or (),
            open_runs=_told(lambda: self.open_runs(outputs["LedgerTable"])),
        )

    def open_runs(self, table: str) -> int:
        return sum(1 for _ in Ledger(self._connect("dynamodb"), table).open_runs())

    def _has_image(self, repository: str, tag: str) -> bool:
        try:
            answer = self._connect("ecr").describe_images(
                repositoryName=repository.partition("/")[2], imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in NO_IMAGE:
                return False
            raise
        return bool(answer["imageDetails"])

    def _subscribers(self, topic: str) -> Iterator[tuple[str, bool]]:
        pages = self._connect("sns").get_paginator("list_subscriptions_by_topic")
        for page in pages.paginate(TopicArn=topic):
            for item in page["Subscriptions"]:
                yield str(item["Endpoint"]), item["SubscriptionArn"] != PENDING

    def _queues(self, outputs: Any) -> Iterator[QueueState]:  # noqa: ANN401  a mapping of outputs
        client = self._connect("batch")
        names = [outputs[name] for name in ("SpotQueue", "OnDemandQueue") if name in outputs]
        if not names:
            return
        behind: list[str] = []
        for queue in client.describe_job_queues(jobQueues=names)["jobQueues"]:
            yield _queue(queue, "jobQueueName")
            behind += [item["computeEnvironment"] for item in queue["computeEnvironmentOrder"]]
        answer = client.describe_compute_environments(computeEnvironments=behind)
        for machines in answer["computeEnvironments"]:
            yield _queue(machines, "computeEnvironmentName")


def _queue(described: Any, name: str) -> QueueState:  # noqa: ANN401  an answer of Batch
    return QueueState(
        name=str(described[name]),
        state=str(described["state"]),
        status=str(described["status"]),
        reason=str(described.get("statusReason", "")),
    )


def _told(ask: Callable[[], T]) -> T | None:
    """None where AWS refuses, or the stack has no such output yet."""
    try:
        return ask()
    except (*AwsError, KeyError):
        return None
