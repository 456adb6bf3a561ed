"""What was called on a local cloud, in the names of the templates."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from tools import recording
from tools.recording import Made

STACKS = {
    "deckhand-local": [
        ("AWS::CloudFormation::Stack", "StorageStack", "arn:aws:cloudformation:r:a:stack/dl-S-1/u"),
        ("AWS::IAM::Role", "AdmitDropRole", "deckhand-local-AdmitDropRole-82629801B01FD"),
        ("AWS::Lambda::LayerVersion", "CoreLayer", "arn:aws:lambda:r:a:layer:CoreLayer:1"),
        ("AWS::SQS::Queue", "IntakeQueue", "http://127.0.0.1/123456789012/dl-IntakeQueue-2EF3"),
    ],
    "dl-S-1": [("AWS::S3::Bucket", "RunsBucket", "dl-s-1-runsbucke82957")],
}


class Stacks:
    """The one request that is made of CloudFormation."""

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_stack_resources"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, StackName: str) -> Iterator[dict[str, Any]]:
        names = ("ResourceType", "LogicalResourceId", "PhysicalResourceId")
        items = [dict(zip(names, item, strict=True)) for item in STACKS[StackName]]
        yield {"StackResourceSummaries": items}


def call(action: str, resource: str, **more: Any) -> Any:
    who = "deckhand-local-AdmitDropRole-82629801B01FD/a-session"
    return SimpleNamespace(
        **{"who": who, "action": action, "resource": resource, "conditions": {}, "allowed": True},
        **more,
    )


def test_physical_names_become_those_of_the_templates() -> None:
    queue = "arn:aws:sqs:us-east-1:123456789012:dl-IntakeQueue-2EF3"
    file = "arn:aws:s3:::dl-s-1-runsbucke82957/runs/one-17b00979dab63c17/deck/in.one"
    calls = [call("sqs:SendMessage", queue), call("s3:PutObject", file)]
    assert recording.of(Stacks(), "deckhand-local", calls) == [
        Made("AdmitDropRole", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:IntakeQueue"),
        Made("AdmitDropRole", "s3:PutObject", "arn:aws:s3:::RunsBucket/runs/RUN/deck/FILE"),
    ]


def test_what_is_for_everything_stays_for_everything() -> None:
    [made] = recording.of(Stacks(), "deckhand-local", [call("batch:ListJobs", "*")])
    assert made.resource == "*"


def test_conditions_are_renamed_and_those_of_no_policy_left_out() -> None:
    asked = call("s3:ListBucket", "arn:aws:s3:::dl-s-1-runsbucke82957")
    asked.conditions = {"s3:prefix": "runs/one-1/checkpoints/", "dynamodb:Select": "x"}
    [made] = recording.of(Stacks(), "deckhand-local", [asked])
    assert made.conditions == {"s3:prefix": "runs/RUN/checkpoints/"}


def test_what_was_refused_is_no_call_that_a_role_needs() -> None:
    refused = call("batch:ListJobs", "*")
    refused.allowed = False
    assert recording.of(Stacks(), "deckhand-local", [refused]) == []
