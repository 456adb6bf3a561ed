"""The repository's stack, deployed once to a local cloud of its own, as its user meets it."""

from __future__ import annotations

import json
import operator
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from typer.testing import CliRunner

from deckhand.adapters import session
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.local_cloud import STACK, LocalCloud, running
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.stack import find_stack
from deckhand.cli.app import app
from deckhand.domain import keys
from deckhand.domain.attempt import LIVE_STATUSES
from deckhand.domain.deck import drop_prefix
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from localcloud import calls, lifecycle
from localcloud.demo.audit import queues, strays
from localcloud.environments import ROOT, Environments
from tools import recording

PATIENCE_SECONDS = 240.0
"""How long a loaded machine may take; nothing that works needs a tenth of it."""

RECORDING = "DECKHAND_RECORDING"
"""Names a file that the calls of these tests shall be written to: `make permissions`."""

PAUSE_SECONDS = 0.2
MOST_RUNS = 500
UPLOADS_AT_ONCE = 8
PARAMETERS = {
    "SettleSeconds": "2",
    "SurveyAfterSeconds": "3",
    "MissingFilesWaitSeconds": "20",
    "MissingFilesPollSeconds": "2",
    "DryRunSeconds": "8",
    "CheckSeconds": "60",
    "StatusSeconds": "1",
    "CheckpointSeconds": "600",
    "ReaperGraceSeconds": "2",
    "AdoptedPollSeconds": "2",
    "DirectMessages": "1000",
    # An attempt on demand is stopped after 30 s and killed after 60.
    "OnDemandSeconds": "60",
    "StopMarginSeconds": "30",
    "OnDemandMaxvCpus": "16",
    "JobMemoryMiB": "700",
    # All that is off by default: docs/guard-rails.md.
    "MonthlyBudgetDollars": "500",
    "AnomalyDollars": "50",
    "Dashboard": "yes",
    "Compliance": "nist-800-171",
}
OPTIONS = "DECKHAND_CLOUD_OPTIONS"
"""Names more options of the cloud: container/verify lets its jobs run in the image."""

FASTER = ("--job-slots", "4", "--grace-seconds", "10", "--queue-haste", "200")
"""A queue cancels its head after 3 s, where AWS takes no less than 600."""

Seen = TypeVar("Seen")


def look_until(look: Callable[[], Seen], enough: Callable[[Seen], bool]) -> Seen:
    """The first look that shows enough, or the last one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(seen := look()) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return seen


def wait_for(what: str, look: Callable[[], Seen | None]) -> Seen:
    """What *look* sees once it sees something."""
    seen = look_until(look, bool)
    assert seen, f"{what}: not within {PATIENCE_SECONDS:.0f} s"
    return seen


@dataclass(frozen=True)
class Deployed:
    """A deployed stack; drops are named by their first key below inbox/."""

    cloud: LocalCloud
    planted: set[str] = field(default_factory=set)
    """Actions that a test has seen to it that they are refused."""

    intruders: set[str] = field(default_factory=set)
    """Sessions in whose name a test has tried what must be refused."""

    def has_planted(self, refusal: calls.Call) -> bool:
        session = refusal.who.partition("/")[2]
        return refusal.action in self.planted or session in self.intruders

    @cached_property
    def _session(self) -> boto3.Session:
        # Not by the environment: other tests have another AWS there.
        return boto3.Session(self.cloud.account, "local", region_name=self.cloud.region)

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.cloud.endpoint)

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        return find_stack(self.client("cloudformation"), STACK).outputs

    @cached_property
    def inbox(self) -> Bucket:
        return Bucket(self.client("s3"), self.outputs["InboxBucket"])

    @cached_property
    def runs(self) -> Bucket:
        return Bucket(self.client("s3"), self.outputs["RunsBucket"])

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.client("dynamodb"), self.outputs["LedgerTable"])

    @cached_property
    def resources(self) -> dict[str, str]:
        """Physical ids by the names that the template gives."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            item["LogicalResourceId"]: item["PhysicalResourceId"]
            for page in pages.paginate(StackName=STACK)
            for item in page["StackResourceSummaries"]
        }

    def put(self, path: str, content: bytes) -> None:
        self.inbox.write(f"{keys.INBOX}{path}", content)

    def tell(self, message: str) -> None:
        """Put a message into the intake queue, as EventBridge does."""
        url = self.resources["IntakeQueue"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody=message)

    def survey(self) -> None:
        """Do what the schedule does every few minutes."""
        self.invoke("SurveyInbox")

    def invoke(self, function: str) -> None:
        name = self.resources[function]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def reap(self, run_id: str) -> bool:
        """Do what the other schedule does; whether it did anything about this run."""
        name = self.resources["ReapRuns"]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return any(item["what"] == run_id for item in body["found"])

    def every_run(self) -> list[RunRecord]:
        return self.ledger.recent(MOST_RUNS)

    def runs_of(self, path: str) -> list[RunRecord]:
        key = f"{keys.INBOX}{path}"
        prefix = drop_prefix(key) or key
        return [record for record in self.every_run() if record.drop == prefix]

    def run_of(self, path: str) -> RunRecord:
        """The one run of a drop, once there is one."""
        [record] = wait_for(f"a run of {path}", lambda: self.runs_of(path))
        return record

    def in_state(self, path: str, state: RunState) -> RunRecord:
        record = self.run_of(path)
        return wait_for(f"{record.run_id} {state.value}", lambda: self._if_in(record, state))

    def _if_in(self, record: RunRecord, state: RunState) -> RunRecord | None:
        now = self.ledger.run(record.run_id)
        assert now is not None
        over = now.state.is_final and not state.is_final
        assert not over, f"{now.run_id} is {now.state.value}: {now.reason}"
        return now if now.state is state else None

    def closed(self, path: str) -> RunRecord:
        """The one run of a drop, once it is over and people have been told."""
        record = self.run_of(path)

        def told() -> RunRecord | None:
            now = self.ledger.run(record.run_id)
            assert now is not None
            return now if now.state.is_final and self.mails(now.run_id) else None

        return wait_for(f"the end of {record.run_id}", told)

    def every_mail(self) -> list[EmailMessage]:
        return [
            message_from_bytes(path.read_bytes(), policy=default_policy)
            for path in sorted((self.cloud.state / lifecycle.MAIL).glob("*.eml"))
        ]

    def mails(self, run_id: str) -> list[EmailMessage]:
        return [mail for mail in self.every_mail() if mail["X-run-id"] == run_id]

    @property
    def environment(self) -> dict[str, str]:
        return {**self.cloud.environment(), "DECKHAND_STACK": STACK}

    def deckhand(self, *arguments: str) -> str:
        """What the command prints, on one line."""
        # Whoever used AWS in this process before had other credentials.
        session._session.cache_clear()
        answer = CliRunner().invoke(app, arguments, env=self.environment)
        assert answer.exit_code == 0, answer.output
        return " ".join(answer.output.split())

    def deckhand_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command as it is installed."""
        return subprocess.run(
            [Environments().product.with_name("deckhand"), *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def put_all(self, drops: Iterable[Mapping[str, bytes]]) -> None:
        """Many drops at once, the files of each in their order."""

        def put(files: Mapping[str, bytes]) -> None:
            for path, content in files.items():
                self.put(path, content)

        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(put, drops))

    def is_quiet(self) -> bool:
        """Whether no queue holds a message."""
        return queues(self.client("sqs"))[0]

    def left_over(self) -> list[str]:
        """What is still going on."""
        machine = self.outputs["RunDeckMachine"]
        states = self.client("stepfunctions")
        executions = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        running = [f"execution {item['name']}" for item in executions["executions"]]
        live = [f"job {job['name']}" for job in self.cloud.jobs() if job["status"] in LIVE_STATUSES]
        empty, messages = queues(self.client("sqs"))
        return [*running, *live, *([] if empty else [messages])]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A local cloud with nothing in it but the stack; nothing of it may be left afterwards."""
    state = tmp_path_factory.mktemp("cloud")
    parameters = [f"--parameter={name}={value}" for name, value in PARAMETERS.items()]
    up = subprocess.run(
        [
            *(Environments().product, "-m", "localcloud.lifecycle", "up", "--state", state),
            *(*parameters, *FASTER, "--function-slots", "2", "--die-with", str(os.getpid())),
            *shlex.split(os.environ.get(OPTIONS, "")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert up.returncode == 0, up.stderr
    cloud = running(state)
    assert cloud is not None
    deployed = Deployed(cloud)
    try:
        yield deployed
        left_over = look_until(deployed.left_over, operator.not_)
        made = calls.read(state / calls.FILE)
        if RECORDING in os.environ:
            known = recording.of(deployed.client("cloudformation"), STACK, made)
            recording.write(Path(os.environ[RECORDING]), known)
    finally:
        lifecycle.down(state)
    assert not left_over
    # Somebody may have caught the error, and nobody noticed that a permission is missing.
    refused = [call for call in made if not call.allowed]
    assert [call for call in refused if not deployed.has_planted(call)] == []
    # One that was told to end may take a moment.
    processes = look_until(lambda: strays(deployed.cloud.endpoint), lambda found: found.ok)
    assert processes.ok, processes.detail
