"""Whether the cloud is at rest after a run: executions, queues, checkpoints, processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from botocore.client import BaseClient

from deckhand.adapters.executions import Executions
from deckhand.adapters.session import aws_client
from deckhand.cli.place import Place
from deckhand.domain import keys
from deckhand.domain.attempt import HOST_LOST, AttemptRecord, Verdict
from deckhand.domain.run import RunState
from deckhand.domain.status import ExitCode
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.show_run import RunView, show_run
from localcloud import calls, processes
from localcloud.demo.compare import Finding

KEPT: Final = 3
PATIENCE_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.25
COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def audit(place: Place, view: RunView) -> Iterator[Finding]:
    """What must be true of a cloud in which one run was interrupted twice and completed."""
    record = view.record
    completed = record.state is RunState.COMPLETED
    yield Finding("the run completed", completed, f"{record.state.value}: {record.reason}")
    yield _attempts(place, view)
    yield settled("exactly three checkpoints kept", lambda: _checkpoints(place, record.run_id))
    yield settled("no execution running", lambda: _executions(place, record.run_id))
    sqs = aws_client("sqs")
    yield settled("every queue and dead-letter queue empty", lambda: queues(sqs))


def settled(question: str, look: Callable[[], tuple[bool, str]]) -> Finding:
    """Look until it is so, or patience ends: events are on their way for a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    ok, detail = look()
    while not ok and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        ok, detail = look()
    return Finding(question, ok, detail)


def _attempts(place: Place, view: RunView) -> Finding:
    attempts = view.record.attempts
    detail = ", ".join(_how(place, view.record.run_id, item) for item in attempts)
    expected = "exit 75 after a notice, host lost, completed"
    return Finding("the attempts ended as they had to", detail == expected, detail)


def _how(place: Place, run_id: str, attempt: AttemptRecord) -> str:
    status = read_status(place.runs, run_id, attempt.number)
    if attempt.verdict is Verdict.INTERRUPTED and f"{HOST_LOST} (" in attempt.reason:
        return "host lost"
    if status and status.exit_code == ExitCode.CHECKPOINTED and status.notice_at:
        return f"exit {status.exit_code} after a notice"
    return attempt.verdict.value if attempt.verdict else "not ended"


def _checkpoints(place: Place, run_id: str) -> tuple[bool, str]:
    kept = show_run(place.runs, place.ledger, run_id).verified
    folders = {key.split("/")[3] for key in place.runs.sizes(keys.checkpoints(run_id))}
    steps = ", ".join(f"{item.step:,}" for item in sorted(kept))
    ok = len(kept) == KEPT and folders == {str(item) for item in kept}
    return ok, f"{len(kept)} kept, at steps {steps}; {len(folders)} folders in S3"


def _executions(place: Place, run_id: str) -> tuple[bool, str]:
    machine = place.stack.output("RunDeckMachine")
    client = aws_client("stepfunctions")
    found = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    end = Executions(client, machine).end(run_id)
    status = end.status if end else "goes on"
    history = client.get_paginator("get_execution_history")
    pages = history.paginate(executionArn=Executions(client, machine).arn(run_id))
    states = sum(
        event["type"].endswith("StateEntered") for page in pages for event in page["events"]
    )
    return not found, f"{len(found)} running; this one {status} after {states} states"


def queues(client: BaseClient) -> tuple[bool, str]:
    """Whether no queue of the account holds a message, waiting or being worked on."""
    left = {}
    urls = client.list_queues().get("QueueUrls", ())
    for url in urls:
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))
        messages = sum(int(counts["Attributes"].get(name, 0)) for name in COUNTS)
        if messages:
            left[url.rsplit("/", 1)[-1]] = messages
    told = ", ".join(f"{number} in {name}" for name, number in left.items())
    return bool(urls) and not left, told or f"{len(urls)} queues, no message"


def unrefused(state: Path) -> Finding:
    """Whether the policies of the template allowed every call that was made."""
    made = calls.read(state / calls.FILE)
    refused = [f"{call.who}: {call.action}" for call in made if not call.allowed]
    roles = {call.who.partition("/")[0] for call in made}
    told = ", ".join(refused) or f"{len(made)} kinds of calls by {len(roles)} principals"
    return Finding("no call refused by a policy", bool(made) and not refused, told)


def strays(endpoint: str) -> Finding:
    """The processes that still believe in a cloud that was stopped; ourselves excepted."""
    found = [
        f"{process.pid} {process.name()}"
        for process in processes.members("AWS_ENDPOINT_URL", endpoint)
        if process.pid != os.getpid()
    ]
    return Finding("no stray process", not found, ", ".join(found) or "none")
