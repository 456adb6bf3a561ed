"""The guard rails and the compliance stack alone: made, changed, deleted, audit records kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from localcloud import lifecycle
from localcloud.environments import ROOT, Environments
from tools.project import load

GUARD_RAILS = {
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:messages",
    "MonthlyBudgetDollars": "500",
    "AnomalyDollars": "50",
    "AnomalyMonitorArn": "",
    "Dashboard": "yes",
    "Namespace": "Deckhand/alone",
    "RunFunctions": "check,plan,judge,close,carry",
    "ReapRuns": "reap",
    "IntakeQueue": "intake",
    "IntakeDeadLetters": "intake-letters",
    "EventDeadLetters": "event-letters",
}
COMPLIANCE = {
    "InboxBucketArn": "arn:aws:s3:::inbox",
    "RunsBucketArn": "arn:aws:s3:::runs",
    "SteerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:steer",
}


def template(name: str) -> str:
    return (ROOT / "stacks" / f"{name}.yaml").read_text(encoding="utf-8")


class Bare:
    """A local cloud without Deckhand, by the API of CloudFormation."""

    def __init__(self, session: boto3.Session, endpoint: str) -> None:
        self._session, self._endpoint = session, endpoint
        self._stacks = self.client("cloudformation")

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)

    def create(self, name: str, parameters: Mapping[str, str]) -> None:
        self._stacks.create_stack(StackName=name, **self._given(name, parameters))
        assert self.status(name) == "CREATE_COMPLETE", self._why(name)

    def update(self, name: str, parameters: Mapping[str, str]) -> None:
        self._stacks.update_stack(StackName=name, **self._given(name, parameters))
        assert self.status(name) == "UPDATE_COMPLETE", self._why(name)

    def delete(self, name: str) -> None:
        stack_id = self._stacks.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self._stacks.delete_stack(StackName=name)
        waiter = self._stacks.get_waiter("stack_delete_complete")
        waiter.wait(StackName=stack_id, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def status(self, name: str) -> str:
        while True:
            stack = self._stacks.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return str(stack["StackStatus"])

    def resources(self, name: str) -> dict[str, str]:
        """Physical ids by logical ones."""
        pages = self._stacks.get_paginator("list_stack_resources").paginate(StackName=name)
        return {
            item["LogicalResourceId"]: item["PhysicalResourceId"]
            for page in pages
            for item in page["StackResourceSummaries"]
        }

    def _why(self, name: str) -> list[str]:
        events = self._stacks.describe_stack_events(StackName=name)["StackEvents"]
        return [item["ResourceStatusReason"] for item in events if item.get("ResourceStatusReason")]

    def _given(self, name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        return {
            "TemplateBody": template(name),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        }


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    state = tmp_path_factory.mktemp("bare")
    process = lifecycle.launch(state, Environments())
    cloud = lifecycle.wait_until_ready(state, process)
    session = boto3.Session(cloud.account, "local", region_name=cloud.region)
    try:
        yield Bare(session, cloud.endpoint)
    finally:
        lifecycle.down(state)
        process.wait()


def test_guard_rails_come_change_and_go(bare: Bare) -> None:
    watch = bare.client("cloudwatch")
    bare.create("guardrails", GUARD_RAILS)
    made = bare.resources("guardrails")
    assert made.keys() == load().stacks["guardrails"]["Resources"].keys()
    alarms = watch.describe_alarms()["MetricAlarms"]
    # One reckons with several metrics, which the local cloud only accepts.
    assert {alarm["AlarmName"] for alarm in alarms} == {
        made[name] for name in made if name.endswith("Alarm") and name != "FunctionErrorsAlarm"
    }
    assert all(alarm["AlarmActions"] == [GUARD_RAILS["TopicArn"]] for alarm in alarms)
    board = watch.get_dashboard(DashboardName=made["Overview"])["DashboardBody"]
    assert "Deckhand/alone" in json.dumps(json.loads(board))

    options = {"MonthlyBudgetDollars": "0", "AnomalyDollars": "0", "Dashboard": "no"}
    bare.update("guardrails", {**GUARD_RAILS, **options})
    left = bare.resources("guardrails")
    assert left == {name: made[name] for name in made if name.endswith("Alarm")}
    monitor = {"AnomalyDollars": "80", "AnomalyMonitorArn": "arn:aws:ce::123456789012:m/services"}
    bare.update("guardrails", {**GUARD_RAILS, **options, **monitor})
    assert bare.resources("guardrails").keys() - left.keys() == {"AnomalyAlert"}

    bare.delete("guardrails")
    assert watch.describe_alarms()["MetricAlarms"] == []


def test_audit_records_come_change_and_stay(bare: Bare) -> None:
    s3 = bare.client("s3")
    bare.create("compliance", COMPLIANCE)
    made = bare.resources("compliance")
    assert made.keys() == load().stacks["compliance"]["Resources"].keys()
    bucket = made["AuditBucket"]
    s3.put_object(Bucket=bucket, Key="AWSLogs/record", Body=b"who did what")
    days = {"AuditDays": "1000", "ConfigRecorder": "existing", "TrailEvents": "data"}
    bare.update("compliance", {**COMPLIANCE, **days})
    left = bare.resources("compliance")
    assert made.keys() - left.keys() == {"Recorder", "Channel"}
    assert left["AuditBucket"] == bucket

    bare.delete("compliance")
    kept = s3.get_object(Bucket=bucket, Key="AWSLogs/record")["Body"].read()
    assert kept == b"who did what"
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert {"TlsOnly", "NobodyDeletes"} <= {item["Sid"] for item in policy["Statement"]}


def test_audit_records_outlive_the_stack_that_their_stack_is_nested_in(bare: Bare) -> None:
    s3, stacks = bare.client("s3"), bare.client("cloudformation")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="compliance", Body=template("compliance").encode())
    url = f"{s3.meta.endpoint_url}/templates/compliance"
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, "Parameters": COMPLIANCE},
    }
    body = json.dumps({"Resources": {"Compliance": nested}})
    stacks.create_stack(StackName="around", TemplateBody=body)
    assert bare.status("around") == "CREATE_COMPLETE"
    bucket = bare.resources(bare.resources("around")["Compliance"])["AuditBucket"]
    bare.delete("around")
    assert bucket in {item["Name"] for item in s3.list_buckets()["Buckets"]}
