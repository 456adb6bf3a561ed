"""`deckhand redrive` as a person meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deckhand.adapters import dead_letters
from deckhand.adapters.queue import IntakeQueue
from deckhand.cli.app import app
from tests.localcloud.drops import uploaded_event
from tests.unit.cli.conftest import make_stack

INBOX = "an-inbox"


@dataclass
class Queues:
    """A stack with its three queues, by their URLs."""

    stack: str
    intake: str
    intake_letters: str
    event_letters: str
    sqs: Any

    def type(self, *words: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, ["redrive", *words, "--stack", self.stack], input=answer)

    def leave(self, url: str, body: str) -> None:
        self.sqs.send_message(QueueUrl=url, MessageBody=body)

    def bodies(self, url: str) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(item["Body"] for item in answer.get("Messages", ()))


@pytest.fixture
def queues(
    aws: Callable[[str], Any], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Queues:
    # One server answers for all there is.
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    sqs = aws("sqs")
    name = str(abs(hash(request.node.name)))
    intake, letters, events = (
        str(sqs.create_queue(QueueName=f"redrive-{name}-{number}")["QueueUrl"])
        for number in range(3)
    )
    outputs = {
        "InboxBucket": INBOX,
        "RunsBucket": "runs",
        "LedgerTable": "ledger",
        "RunDeckMachine": "arn:aws:states:us-east-2:123456789012:stateMachine:run-deck",
        "IntakeQueueUrl": intake,
        "IntakeDeadLettersUrl": letters,
        "EventDeadLettersUrl": events,
    }
    stack = make_stack(aws("cloudformation"), outputs)
    return Queues(stack, intake, letters, events, sqs)


UPLOAD = uploaded_event(INBOX, "inbox/melt/in.melt")
SCHEDULED = json.dumps({"detail-type": "Scheduled Event", "source": "aws.events"})


def test_nothing_is_said_to_be_nothing(queues: Queues) -> None:
    result = queues.type()
    assert result.exit_code == 0, result.output
    assert "There are no dead letters." in result.output


def test_a_dry_run_names_the_drop_and_moves_nothing(queues: Queues) -> None:
    queues.leave(queues.intake_letters, UPLOAD)
    queues.leave(queues.event_letters, SCHEDULED)
    for _ in range(2):
        result = queues.type("--dry-run")
        assert result.exit_code == 0, result.output
        assert "inbox/melt/in.melt" in result.output
        assert "goes to the intake queue" in result.output
        assert "2 left as they are." in result.output
    assert queues.bodies(queues.intake) == []
    assert queues.bodies(queues.intake_letters) == [UPLOAD]


def test_whoever_says_no_moves_nothing(queues: Queues) -> None:
    queues.leave(queues.intake_letters, UPLOAD)
    assert "1 left as they are." in queues.type(answer="n\n").output
    assert queues.bodies(queues.intake_letters) == [UPLOAD]


@pytest.mark.parametrize(("words", "answer"), [((), "y\n"), (("--yes",), "")])
def test_letters_are_put_back(queues: Queues, words: tuple[str, ...], answer: str) -> None:
    queues.leave(queues.intake_letters, UPLOAD)
    queues.leave(queues.intake_letters, "not JSON")
    queues.leave(queues.event_letters, SCHEDULED)
    result = queues.type(*words, answer=answer)
    assert "1 put back, 1 discarded; 1 left." in result.output
    assert queues.bodies(queues.intake) == [UPLOAD]
    assert queues.bodies(queues.intake_letters) == ["not JSON"]
    assert queues.bodies(queues.event_letters) == []
    assert "1 discarded; 0 left." in queues.type("--yes", "--discard").output
    assert queues.bodies(queues.intake_letters) == []


def test_a_redrive_that_breaks_off_leaves_the_rest_to_be_seen(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        queues.leave(queues.intake_letters, uploaded_event(INBOX, f"inbox/{number}/in.x"))
    put_back, done = IntakeQueue.put_back, []

    def break_off(self: IntakeQueue, body: str) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(body)
        put_back(self, body)

    monkeypatch.setattr(IntakeQueue, "put_back", break_off)
    assert queues.type("--yes").exit_code != 0
    monkeypatch.setattr(IntakeQueue, "put_back", put_back)
    assert len(queues.bodies(queues.intake_letters)) == 3
    assert "3 put back; 0 left." in queues.type("--yes").output
    assert len(queues.bodies(queues.intake)) == 5
