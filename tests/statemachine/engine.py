"""The real state machine on a real interpreter, its services replaced by scripts.

The interpreter is the one that LocalStack wrote and moto carries (Apache-2.0). moto ships it
without a JSONata engine, and its list of submitJob arguments lacks two of ours; both are mended
here.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from jsonata.jsonata import Jsonata
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_batch,
    state_task_service_callback,
    state_task_service_sns,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "statemachines" / "run_deck.asl.json"
RUN_ID = "melt-3f9c2a7d1b5e8046"
ARN = "arn:aws:states:us-east-2:123456789012:stateMachine:run_deck"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Fault:
    """A service that answers with an error code instead of doing its work."""

    code: str
    message: str = "as scripted"


@dataclass(frozen=True)
class Raised:
    """A function that raised an exception of this class."""

    error_type: str
    message: str = "as scripted"


@dataclass
class Script:
    """What each step answers, call by call; the last answer stays."""

    answers: dict[str, list[Any]]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, step: str, request: dict[str, Any]) -> Any:
        self.calls.append((step, deepcopy(request)))
        queue = self.answers[step]
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(reply, Fault):
            error = {"Error": {"Code": reply.code, "Message": reply.message}}
            metadata = {"ResponseMetadata": {"HTTPStatusCode": 500, "RequestId": "1"}}
            raise ClientError({**error, **metadata}, step)
        return reply

    def steps(self) -> list[str]:
        return [step for step, _ in self.calls]

    def requests(self, step: str) -> list[dict[str, Any]]:
        return [request for name, request in self.calls if name == step]


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and the states it went through."""

    status: str
    error: str | None
    cause: str | None
    states: list[str]


class LambdaClient:
    def __init__(self, script: Script) -> None:
        self.script = script

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        reply = self.script.answer(FunctionName, json.loads(Payload))
        if isinstance(reply, Raised):
            body = {"errorType": reply.error_type, "errorMessage": reply.message}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(reply).encode())}


class BatchClient:
    """Jobs end at once; a failed one is told from its Status, as by DescribeJobs."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.jobs: dict[str, dict[str, Any]] = {}

    def submit_job(self, **request: Any) -> dict[str, Any]:
        job = dict(self.script.answer(request["JobQueue"], request))
        job_id = f"job-{len(self.jobs)}"
        self.jobs[job_id] = {**job, "status": job["Status"]}
        return {"JobId": job_id, "JobName": request["JobName"]}

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [self.jobs[job_id] for job_id in jobs]}


class SnsClient:
    def __init__(self, script: Script) -> None:
        self.script = script

    def publish(self, **request: Any) -> dict[str, Any]:
        self.script.answer("Messages", request)
        return {"MessageId": "1"}


def definition(**substitutions: str) -> str:
    """The machine as deployed, with no waiting: every interval is zero."""
    values = {
        "CheckDeckArn": "CheckDeck",
        "PlanAttemptArn": "PlanAttempt",
        "JudgeAttemptArn": "JudgeAttempt",
        "CloseRunArn": "CloseRun",
        "CarrySweepArn": "CarrySweep",
        "JobDefinitionArn": "attempt:7",
        "CheckQueueArn": "CheckQueue",
        "CheckDefinitionArn": "check:3",
        "MessagesTopicArn": "arn:aws:sns:us-east-2:123456789012:messages",
        "MissingFilesPollSeconds": "0",
        **substitutions,
    }
    text = DEFINITION.read_text(encoding="utf-8")
    machine = json.loads(re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text))
    for state in machine["States"].values():
        for retrier in state.get("Retry", ()):
            # The interpreter takes no zero; jitter may still make it less.
            retrier.update({"IntervalSeconds": 1, "MaxDelaySeconds": 2, "MaxAttempts": 2})
    return json.dumps(machine)


def execute(script: Script, drop: str = "inbox/melt/") -> Ended:
    """Run the machine to its end; raises TimeoutError if it does not come to one."""
    role = "arn:aws:iam::123456789012:role/run_deck"
    machine = StateMachine(
        arn=ARN, name="run_deck", definition=definition(), roleArn=role, backend=None
    )
    execution = Execution(
        name=RUN_ID,
        sm_type="STANDARD",
        role_arn=role,
        exec_arn=f"{ARN.replace('stateMachine', 'execution')}:{RUN_ID}",
        account_id="123456789012",
        region_name="us-east-2",
        state_machine=machine,
        start_date=datetime(2026, 11, 21, tzinfo=UTC),
        cloud_watch_logging_session=None,
        input_data=json.dumps({"run_id": RUN_ID, "drop": drop}),
        activity_store={},
    )
    ended = threading.Event()

    class Communication(BaseExecutionWorkerCommunication):
        def terminated(self) -> None:
            super().terminated()
            ended.set()

    execution._get_start_execution_worker_comm = lambda: Communication(execution)
    clients = {
        "lambda": LambdaClient(script),
        "batch": BatchClient(script),
        "sns": SnsClient(script),
    }
    with services(clients):
        execution.start()
        if not ended.wait(PATIENCE_SECONDS):
            raise TimeoutError(f"the machine hangs after {script.steps()}")
    events = execution.to_history_output()["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in events
        if "stateEnteredEventDetails" in event
    ]
    return Ended(execution.status, execution.error, execution.cause, entered)


@contextmanager
def services(clients: Mapping[str, Any]) -> Iterator[None]:
    """Let the interpreter call these instead of AWS, and evaluate JSONata."""

    def client_for(service: str, **_: Any) -> Any:
        return clients[service]

    supported = state_task_service_batch._SUPPORTED_API_PARAM_BINDINGS["submitjob"]
    with (
        mock.patch.object(jsonata, "_eval_jsonata", _evaluate),
        mock.patch.object(lambda_eval_utils, "boto_client_for", client_for),
        mock.patch.object(state_task_service_batch, "boto_client_for", client_for),
        mock.patch.object(state_task_service_sns, "boto_client_for", client_for),
        mock.patch.object(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.01),
        mock.patch.dict(
            state_task_service_batch._SUPPORTED_API_PARAM_BINDINGS,
            {"submitjob": supported | {"ShareIdentifier", "SchedulingPriorityOverride"}},
        ),
    ):
        yield


def _evaluate(expression: str) -> Any:
    try:
        return Jsonata(expression).evaluate(None)
    except Exception as error:
        raise jsonata.JSONataException("UNKNOWN", str(error)) from error
