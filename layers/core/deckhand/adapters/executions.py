"""Executions of the state machine run_deck, named after their runs."""

from __future__ import annotations

import json

from botocore.client import BaseClient
from botocore.exceptions import ClientError


class Executions:
    def __init__(self, client: BaseClient, state_machine_arn: str) -> None:
        self._client = client
        self._machine = state_machine_arn

    def start(self, run_id: str, drop: str) -> bool:
        """Start the execution of a run; False where there is one of that name.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=run_id,
                input=json.dumps({"run_id": run_id, "drop": drop}),
            )
        except ClientError as error:
            if _code(error) == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def stop(self, run_id: str, reason: str) -> bool:
        """Stop a run's execution, its job with it; False where there is none."""
        try:
            self._client.stop_execution(
                executionArn=self.arn(run_id), error="cancelled", cause=reason
            )
        except ClientError as error:
            if _code(error) == "ExecutionDoesNotExist":
                return False
            raise
        return True

    def status(self, run_id: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None where there is none."""
        try:
            answer = self._client.describe_execution(executionArn=self.arn(run_id))
        except ClientError as error:
            if _code(error) == "ExecutionDoesNotExist":
                return None
            raise
        return str(answer["status"])

    def arn(self, run_id: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{run_id}"


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
