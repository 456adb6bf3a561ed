"""Dead letters as SQS, EventBridge and Lambda leave them, against moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from deckhand.adapters import dead_letters
from deckhand.adapters.dead_letters import DeadLetters, Functions, read_letter
from deckhand.domain.dead_letter import Addressee
from tests.unit.functions.test_functions import load_event

INBOX = "deckhand-dev-inbox"
PRUNE = "arn:aws:lambda:us-east-2:123456789012:function:prune"
SURVEY = "arn:aws:lambda:us-east-2:123456789012:function:survey"
STEER = "arn:aws:lambda:us-east-2:123456789012:function:steer"
QUEUE = "arn:aws:sqs:us-east-2:123456789012:intake"


def received(body: str, **attributes: str) -> dict[str, Any]:
    return {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": body,
        "Attributes": {"SentTimestamp": "1795262400000", "ApproximateReceiveCount": "6"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def uploaded(bucket: str = INBOX, key: str = "inbox/a b+c/in.mält") -> dict[str, Any]:
    event = load_event("inbox_object_created")
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"]["key"] = key
    return event


def failed(function: str, event: dict[str, Any], said: object = None) -> str:
    """A record of an asynchronous invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    context = {
        "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
        "functionArn": f"{function}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-21T12:00:00.000Z",
            "requestContext": context,
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": said,
        }
    )


def test_a_message_of_the_intake_is_for_the_intake_as_it_is() -> None:
    body = json.dumps(uploaded())
    letter = read_letter(received(body), INBOX)
    assert (letter.addressee, letter.about) == (Addressee.INTAKE, "inbox/a b+c/in.mält")
    assert (letter.payload, letter.received, letter.why) == (body, 6, "")
    assert f"{letter.sent_at:%Y-%m-%d}" == "2026-11-21"


def test_a_drop_that_was_to_be_looked_at_again_is_for_the_intake() -> None:
    letter = read_letter(received('{"look_again": "inbox/melt/"}'), INBOX)
    assert (letter.addressee, letter.about) == (Addressee.INTAKE, "inbox/melt/")


def test_eventbridge_tells_why_it_could_not_deliver() -> None:
    beside = {
        "RULE_ARN": "arn:aws:events:us-east-2:123456789012:rule/deckhand-DeckUploaded",
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "EventBridge may not\nsend.",
    }
    letter = read_letter(received(json.dumps(uploaded()), **beside), INBOX)
    assert letter.addressee is Addressee.INTAKE
    assert letter.why == "NO_PERMISSIONS: EventBridge may not send."
    assert letter.function == ""


def test_a_checkpoint_goes_to_the_function_it_was_for() -> None:
    event = load_event("manifest_created")
    beside = {"TARGET_ARN": PRUNE, "ERROR_CODE": "SDK_CLIENT_ERROR"}
    letter = read_letter(received(json.dumps(event), **beside), INBOX)
    assert (letter.addressee, letter.function) == (Addressee.FUNCTION, PRUNE)
    assert letter.about == event["detail"]["object"]["key"]


def test_what_a_function_could_not_do_is_unpacked() -> None:
    event = load_event("manifest_created")
    said = {"errorType": "StorageError", "errorMessage": "no such bucket"}
    letter = read_letter(received(failed(PRUNE, event, said)), INBOX)
    assert (letter.addressee, letter.function) == (Addressee.FUNCTION, f"{PRUNE}:$LATEST")
    assert json.loads(letter.payload) == event
    assert letter.why == "RetriesExhausted: no such bucket"


def test_a_file_that_steers_goes_to_the_function_that_it_was_for() -> None:
    event = uploaded(key="inbox/melt/STOP")
    letter = read_letter(received(failed(STEER, event, None)), INBOX)
    assert (letter.addressee, letter.about) == (Addressee.FUNCTION, "inbox/melt/STOP")


def test_a_blocked_queue_is_told_of_again() -> None:
    body = json.dumps({"source": "aws.batch", "detail-type": "Batch Job Queue Blocked"})
    assert read_letter(received(body), INBOX).addressee is Addressee.SCHEDULE


@pytest.mark.parametrize("said", [None, "text", [1]])
def test_an_answer_of_any_shape_is_taken(said: object) -> None:
    letter = read_letter(received(failed(PRUNE, load_event("manifest_created"), said)), INBOX)
    assert letter.addressee is Addressee.FUNCTION
    assert letter.why.startswith("RetriesExhausted")


@pytest.mark.parametrize(
    "body", [json.dumps(load_event("survey_due")), failed(SURVEY, load_event("survey_due"))]
)
def test_a_survey_is_for_nobody_else(body: str) -> None:
    assert read_letter(received(body), INBOX).addressee is Addressee.SCHEDULE


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "7",
        '{"detail": {}}',
        '{"requestPayload": null}',
        '{"requestPayload": 3, "requestContext": 4, "responsePayload": 5}',
        json.dumps(uploaded(bucket="somebody-elses")),
    ],
)
def test_what_cannot_be_read_is_for_nobody(body: str) -> None:
    assert read_letter(received(body), INBOX).addressee is Addressee.NOBODY


@pytest.fixture
def letters(
    aws: Callable[[str], Any], intake_queue: str, monkeypatch: pytest.MonkeyPatch
) -> DeadLetters:
    # One server answers for all there is.
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    for number in range(23):
        body = json.dumps(uploaded(key=f"inbox/{number}/in.melt"))
        aws("sqs").send_message(QueueUrl=intake_queue, MessageBody=body)
    return DeadLetters(aws("sqs"), intake_queue, INBOX)


def test_all_letters_are_taken_once_and_can_be_given_back(letters: DeadLetters) -> None:
    taken = list(letters.take())
    assert {item.about for item in taken} == {f"inbox/{n}/in.melt" for n in range(23)}
    assert len(taken) == 23
    assert list(letters.take()) == []
    assert letters.taken_by_others() == 23
    for letter in taken[3:]:
        letters.remove(letter)
    letters.release(taken[:3])
    assert letters.taken_by_others() == 0
    assert {item.about for item in letters.take()} == {item.about for item in taken[:3]}


def test_releasing_what_is_gone_is_no_fault(letters: DeadLetters) -> None:
    first, *_ = taken = list(letters.take())
    letters.remove(first)
    letters.release(taken)
    assert len(list(letters.take())) == 22


def test_a_function_is_invoked_and_not_waited_for() -> None:
    class Client:
        def invoke(self, **request: Any) -> None:
            self.request = request

    client = Client()
    Functions(client).hand_over(PRUNE, '{"ä": 1}')
    assert client.request["InvocationType"] == "Event"
    assert json.loads(client.request["Payload"]) == {"ä": 1}
    assert client.request["FunctionName"] == PRUNE
