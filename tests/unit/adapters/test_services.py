"""Executions, queue, topic, jobs and clients, against moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from deckhand.adapters.batch import Jobs, pascal_case
from deckhand.adapters.executions import Executions
from deckhand.adapters.queue import IntakeQueue, read_messages
from deckhand.adapters.session import aws_client
from deckhand.adapters.subscriptions import Subscriptions
from deckhand.adapters.topic import Topic
from deckhand.domain.digest import Digest
from deckhand.domain.errors import MessageNotSentError, SubscriptionError
from deckhand.domain.message import Event, Message, MessageSeverity
from deckhand.usecases.admit_drop import Notification

MESSAGE = Message(
    run_id="melt-1",
    event=Event.RUN_COMPLETED,
    severity=MessageSeverity.INFO,
    subject="Deckhand: melt completed",
    body="Grüße\n",
    owner="ada",
    group="polymers",
)


def test_an_execution_is_started_once(aws: Callable[[str], Any], state_machine: str) -> None:
    executions = Executions(aws("stepfunctions"), state_machine)
    assert executions.start("melt-1", "melt-1", "inbox/melt/") is True
    arn = executions.arn("melt-1")
    given = aws("stepfunctions").describe_execution(executionArn=arn)["input"]
    assert json.loads(given) == {"run_id": "melt-1", "drop": "inbox/melt/"}
    assert executions.running() == {"melt-1"}
    assert executions.is_running("melt-1") is True
    assert executions.is_running("nobody") is False
    assert executions.end("melt-1") is None
    assert executions.start("melt-1", "melt-1", "inbox/other/") is False


def test_an_execution_is_stopped(aws: Callable[[str], Any], state_machine: str) -> None:
    executions = Executions(aws("stepfunctions"), state_machine)
    executions.start("melt-1", "melt-1", "inbox/melt/")
    assert executions.stop("melt-1", "by hand") is True
    end = executions.end("melt-1")
    assert end is not None
    assert end.status == "ABORTED"
    assert executions.running() == set()
    assert executions.stop("nobody", "by hand") is False
    assert executions.end("nobody") is None


def test_executions_are_listed_in_pages_as_large_as_aws_gives(
    aws: Callable[[str], Any], state_machine: str
) -> None:
    client, asked = aws("stepfunctions"), []
    client.meta.events.register(
        "before-parameter-build.sfn.ListExecutions",
        lambda params, **_: asked.append(params["maxResults"]),
    )
    Executions(client, state_machine).running()
    assert asked == [1000]


def test_a_drop_put_back_is_read_again(aws: Callable[[str], Any], intake_queue: str) -> None:
    IntakeQueue(aws("sqs"), intake_queue).look_again("inbox/Prüfung 50%+/", timedelta(0))
    [message] = aws("sqs").receive_message(QueueUrl=intake_queue)["Messages"]
    record = {"messageId": "m", "body": message["Body"]}
    assert read_messages([record]) == [Notification("m", drop="inbox/Prüfung 50%+/")]


def test_a_delay_is_rounded_up() -> None:
    class Client:
        sent: Mapping[str, Any]

        def send_message(self, **request: Any) -> None:
            self.sent = request

    client = Client()
    IntakeQueue(client, "url").look_again("inbox/melt/", timedelta(seconds=12.1))
    assert client.sent["DelaySeconds"] == 13


@pytest.mark.parametrize(
    "body", ["", "not JSON", "[]", "{}", '{"detail": {}}', '{"look_again": 7}', '"x"', "null"]
)
def test_an_unreadable_message_keeps_its_id(body: str) -> None:
    assert read_messages([{"messageId": "m", "body": body}]) == [Notification("m")]


@pytest.mark.parametrize("key", ["inbox/a b/in.c+d%20", "inbox/Prüfung/in.ß"])
def test_the_key_of_an_event_is_taken_as_it_is(key: str) -> None:
    body = json.dumps({"detail": {"bucket": {"name": "b"}, "object": {"key": key, "size": 1}}})
    assert read_messages([{"messageId": "m", "body": body}]) == [Notification("m", key=key)]


def test_a_message_arrives_with_its_attributes(
    aws: Callable[[str], Any], mailbox: tuple[str, str]
) -> None:
    topic, url = mailbox
    Topic(aws("sns"), topic).publish(MESSAGE)
    [received] = aws("sqs").receive_message(QueueUrl=url)["Messages"]
    mail = json.loads(received["Body"])
    assert (mail["Subject"], mail["Message"]) == ("Deckhand: melt completed", "Grüße\n")
    assert {name: item["Value"] for name, item in mail["MessageAttributes"].items()} == {
        "event": "run_completed",
        "severity": "info",
        "owner": "ada",
        "group": "polymers",
        "run_id": "melt-1",
    }


@pytest.mark.parametrize(
    ("policy", "is_heard"),
    [
        ({"notify": ["bob@example.org"]}, True),
        ({"notify": ["eve@example.org"]}, False),
        ({"event": ["run_failed"]}, True),
        ({"event": ["run_held"]}, False),
        ({"severity": ["action"], "owner": ["ada", "eve"]}, True),
    ],
)
def test_one_of_several_values_is_enough_for_a_filter_policy(
    aws: Callable[[str], Any], mailbox: tuple[str, str], policy: dict[str, Any], is_heard: bool
) -> None:
    topic, url = mailbox
    [subscription] = aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    aws("sns").set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="FilterPolicy",
        AttributeValue=json.dumps(policy),
    )
    attributes: dict[str, str | tuple[str, ...]] = {
        "event": ("digest", "run_failed"),
        "severity": "action",
        "owner": ("ada", "bob"),
        "notify": ("ada@example.org", "bob@example.org"),
    }
    Topic(aws("sns"), topic).publish(Digest(subject="two", body="x", attributes=attributes))
    received = aws("sqs").receive_message(QueueUrl=url)
    assert ("Messages" in received) is is_heard


def test_an_address_is_subscribed_to_what_names_it(
    aws: Callable[[str], Any], mailbox: tuple[str, str]
) -> None:
    topic, _ = mailbox
    subscriptions = Subscriptions(aws("sns"), topic)
    for _ in range(2):
        subscriptions.ensure("ada@example.org")
    found = aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    [mine] = [item for item in found if item["Endpoint"] == "ada@example.org"]
    assert mine["Protocol"] == "email"
    attributes = aws("sns").get_subscription_attributes(SubscriptionArn=mine["SubscriptionArn"])
    policy = json.loads(attributes["Attributes"]["FilterPolicy"])
    assert policy == {"notify": ["ada@example.org"]}


class RefusingSns:
    """Subscribe as AWS answers it where it cannot."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def subscribe(self, **_: Any) -> None:
        error = {"Code": "InvalidParameter", "Message": f"Invalid parameter: {self.reason}"}
        raise ClientError({"Error": error}, "Subscribe")


def test_who_gets_everything_is_left_alone() -> None:
    reason = "Attributes Reason: Subscription already exists with different attributes"
    Subscriptions(RefusingSns(reason), "arn").ensure("lab@example.org")


def test_an_address_that_aws_does_not_take_is_an_error_of_ours() -> None:
    with pytest.raises(SubscriptionError, match="Invalid email address"):
        Subscriptions(RefusingSns("Invalid email address"), "arn").ensure("a@b.c")


def test_a_message_that_sns_refuses_was_not_sent(aws: Callable[[str], Any]) -> None:
    missing = "arn:aws:sns:us-east-2:123456789012:nobody"
    with pytest.raises(MessageNotSentError):
        Topic(aws("sns"), missing).publish(MESSAGE)


def test_a_lost_answer_is_neither_repeated_nor_called_unsent(
    aws: Callable[[str], Any], mailbox: tuple[str, str]
) -> None:
    topic, url = mailbox
    client = aws_client("sns", attempts=1)

    def lose(**_: Any) -> None:
        aws("sns").publish(TopicArn=topic, Message="went out")
        raise ConnectionClosedError(endpoint_url="https://sns")

    client.meta.events.register_first("before-send.sns.Publish", lose)
    with pytest.raises(ConnectionClosedError):
        Topic(client, topic).publish(MESSAGE)
    received = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(received) == 1


class BatchWithJobs:
    """DescribeJobs and ListJobs with two jobs of one name in two queues."""

    def __init__(self) -> None:
        self.terminated: dict[str, str] = {}

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        found = {
            "jobId": jobs[0],
            "status": "FAILED",
            "statusReason": "Host EC2 (instance i-1) terminated.",
            "isTerminated": False,
            "attempts": [{"container": {"exitCode": 137, "reason": "killed"}, "startedAt": 5}],
        }
        return {"jobs": [] if jobs == ["forgotten"] else [found]}

    def get_paginator(self, operation: str) -> BatchWithJobs:
        assert operation == "list_jobs"
        return self

    def paginate(self, jobQueue: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = {"spot": ("old", 1), "on-demand": ("new", 2)}
        job_id, created = known[jobQueue]
        found = [{"jobId": job_id, "createdAt": created}]
        return [{"jobSummaryList": found if filters[0]["values"] == ["melt-a1"] else []}]

    def terminate_job(self, jobId: str, reason: str) -> None:
        self.terminated[jobId] = reason


def test_a_job_is_described_in_the_shape_of_a_cause() -> None:
    job = Jobs(BatchWithJobs()).describe("job-1")
    assert job is not None
    assert (job.job_id, job.exit_code, job.container_reason) == ("job-1", 137, "killed")
    assert Jobs(BatchWithJobs()).describe("forgotten") is None


def test_the_newest_job_of_a_name_is_found_in_any_queue() -> None:
    jobs = Jobs(BatchWithJobs(), ("spot", "on-demand"))
    found = jobs.find("melt-a1")
    assert found is not None
    assert found.job_id == "new"
    assert jobs.find("other-a1") is None
    assert Jobs(BatchWithJobs()).find("melt-a1") is None


def test_a_job_is_terminated_with_a_reason() -> None:
    client = BatchWithJobs()
    Jobs(client).terminate("job-1", "why")
    assert client.terminated == {"job-1": "why"}


class BatchWithAnArray:
    """ListJobs of a queue with an array, whose children are listed under it only."""

    def get_paginator(self, operation: str) -> BatchWithAnArray:
        assert operation == "list_jobs"
        return self

    def paginate(self, **query: Any) -> list[dict[str, Any]]:
        array = {"jobId": "a", "jobName": "melt-a1", "createdAt": 1_000, "status": "PENDING"}
        if query.get("arrayJobId") == "a":
            status = query["jobStatus"]
            numbers = {"RUNNING": [0], "RUNNABLE": [2], "SUCCEEDED": [1], "FAILED": [3]}
            return [
                {
                    "jobSummaryList": [
                        {
                            **array,
                            "jobId": f"a:{number}",
                            "status": status,
                            "arrayProperties": {"index": number},
                        }
                    ]
                }
                for number in numbers.get(status, [])
            ]
        wanted = query.get("jobStatus", "PENDING") == "PENDING" or "filters" in query
        found = {**array, "arrayProperties": {"size": 4}}
        return [{"jobSummaryList": [found] if wanted else []}]

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        assert len(jobs) <= 100
        return {"jobs": [{"jobId": name, "status": "RUNNING"} for name in jobs if name != "gone"]}


def test_the_children_of_an_array_have_names_of_their_own() -> None:
    live = list(Jobs(BatchWithAnArray(), ("spot",)).live())
    assert [(job.name, job.job_id, job.is_array) for job in live] == [
        ("melt-a1", "a", True),
        ("melt-a1:2", "a:2", False),
        ("melt-a1:0", "a:0", False),
    ]


def test_a_child_is_found_by_its_array_and_its_number() -> None:
    jobs = Jobs(BatchWithAnArray(), ("spot",))
    found = jobs.child("melt-a1", 7)
    assert found is not None
    assert found.job_id == "a:7"
    assert Jobs(BatchWithAnArray()).child("melt-a1", 7) is None
    assert jobs.ended_children("a") == {1, 3}


def test_many_jobs_are_described_a_hundred_at_once() -> None:
    names = [f"a:{number}" for number in range(250)]
    found = Jobs(BatchWithAnArray()).described([*names, "gone"])
    assert list(found) == names


def test_camel_case_becomes_pascal_case_all_the_way_down() -> None:
    assert pascal_case({"aB": [{"cD": 1}, "eF"]}) == {"AB": [{"CD": 1}, "eF"]}


def test_an_emulator_at_an_address_is_spoken_to_in_path_style(
    monkeypatch: pytest.MonkeyPatch, aws: Callable[[str], Any]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    url = aws_client("s3").generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "a b"})
    assert url.startswith("http://127.0.0.1:4566/bucket/a%20b?")
