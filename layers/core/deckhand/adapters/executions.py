"""Executions of the state machine run_deck, named after their runs and rounds."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any, Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.usecases.ports import ExecutionEnd

MOST_ON_A_PAGE: Final = 1000
"""As many as AWS gives at once; unasked it gives a hundred."""


class Executions:
    def __init__(self, client: BaseClient, state_machine_arn: str) -> None:
        self._client = client
        self._machine = state_machine_arn

    def start(self, name: str, run_id: str, drop: str) -> bool:
        """Start an execution; False where there is one of that name.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=name,
                input=json.dumps({"run_id": run_id, "drop": drop}),
            )
        except ClientError as error:
            if _code(error) == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def stop(self, name: str, reason: str) -> bool:
        """Stop an execution, its job with it; False where there is none."""
        try:
            self._client.stop_execution(executionArn=self.arn(name), error="stopped", cause=reason)
        except ClientError as error:
            if _code(error) == "ExecutionDoesNotExist":
                return False
            raise
        return True

    def running(self) -> set[str]:
        """The names of all that have not ended."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine,
            statusFilter="RUNNING",
            PaginationConfig={"PageSize": MOST_ON_A_PAGE},
        )
        return {item["name"] for page in pages for item in page["executions"]}

    def is_running(self, name: str) -> bool:
        """Whether an execution has not ended; what `running` lists may lack one of them."""
        answer = self._describe(name)
        return answer is not None and answer["status"] == "RUNNING"

    def end(self, name: str) -> ExecutionEnd | None:
        """How and when an execution ended; None where it has not, or is not known."""
        answer = self._describe(name)
        if answer is None or answer["status"] == "RUNNING" or "stopDate" not in answer:
            return None
        cause = str(answer.get("cause", ""))
        return ExecutionEnd(answer["status"], answer["stopDate"].astimezone(UTC), cause)

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._client.describe_execution(executionArn=self.arn(name))
        except ClientError as error:
            if _code(error) == "ExecutionDoesNotExist":
                return None
            raise
        return answer

    def arn(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
