"""The state machine as it is, on the interpreter of tests/statemachine, with clients of ours."""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution import Execution as Interpreted

from tests.statemachine import engine
from tools.project import Project

PATIENCE_SECONDS: Final = 60
ROLE: Final = "arn:aws:iam::123456789012:role/run_deck"


@dataclass(frozen=True)
class Ended:
    status: str
    error: str | None
    cause: str | None
    states: tuple[str, ...]


def definition(project: Project, topic: str) -> str:
    """The machine as deployed; what it is given is called as its substitution is."""
    parameters = project.stacks["template"]["Parameters"]

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in parameters:
            return str(parameters[name]["Default"])
        return topic if name == "MessagesTopicArn" else name.removesuffix("Arn")

    machine = json.loads(re.sub(r"\$\{(\w+)\}", value, project.machine_text))
    for state in machine["States"].values():
        if state["Type"] == "Wait":
            state.pop("Timestamp", None)
            state["Seconds"] = 0
    return json.dumps(machine)


class Execution:
    """One execution; it can be aborted while it runs."""

    def __init__(self, text: str, arn: str, name: str, given: str) -> None:
        machine = StateMachine(
            arn=arn.replace(":execution:", ":stateMachine:").rpartition(":")[0],
            name="run_deck",
            definition=text,
            roleArn=ROLE,
            backend=None,
        )
        self._execution = Interpreted(
            name=name,
            sm_type="STANDARD",
            role_arn=ROLE,
            exec_arn=arn,
            account_id="123456789012",
            region_name="us-east-2",
            state_machine=machine,
            start_date=datetime.now(UTC),
            cloud_watch_logging_session=None,
            input_data=given,
            activity_store={},
        )

    def run(self) -> Ended:
        """To its end; raises TimeoutError if it does not come to one."""
        ended = threading.Event()

        class Communication(BaseExecutionWorkerCommunication):
            def terminated(self) -> None:
                super().terminated()
                ended.set()

        execution = self._execution
        execution._get_start_execution_worker_comm = lambda: Communication(execution)
        execution.start()
        if not ended.wait(PATIENCE_SECONDS):
            raise TimeoutError(f"{execution.name} hangs")
        events = execution.to_history_output()["events"]
        entered = (event.get("stateEnteredEventDetails", {}).get("name") for event in events)
        states = tuple(name for name in entered if name)
        return Ended(execution.status, execution.error, execution.cause, states)

    def abort(self) -> None:
        self._execution.stop(datetime.now(UTC), "aborted", "by hand")


@contextmanager
def interpreter(clients: Mapping[str, Any]) -> Iterator[None]:
    """Interpret with these services, parse each machine once, and wait for nothing."""
    parse = functools.cache(AmazonStateLanguageParser.parse)
    at_once = SimpleNamespace(sleep=lambda seconds: None)
    with ExitStack() as stack:
        stack.enter_context(engine.services(clients))
        stack.enter_context(
            mock.patch.object(AmazonStateLanguageParser, "parse", staticmethod(parse))
        )
        stack.enter_context(mock.patch.object(retrier_decl, "time", at_once))
        yield
