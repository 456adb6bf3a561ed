"""What every test stands on: an environment without AWS, a clock that stands, moto's AWS."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import settings
from samtranslator.yaml_helper import yaml_parse

# Powertools reads these when a function is imported; the rest keeps a forgotten fake off AWS.
os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_REGION": "us-east-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "deckhand",
        "POWERTOOLS_METRICS_NAMESPACE": "Deckhand",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
)

# No example database in the working tree; a loaded machine is no reason to fail.
settings.register_profile("deckhand", database=None, deadline=None)
settings.load_profile("deckhand")

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

_numbers = count(1)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def aws() -> Iterator[Callable[[str], Any]]:
    """The AWS of moto for the whole session; every test makes resources of its own in it."""
    from moto import mock_aws

    from deckhand.adapters.session import aws_client

    with mock_aws():
        yield aws_client


@pytest.fixture
def make_bucket(aws: Callable[[str], Any]) -> Callable[[], str]:
    """Make an empty, versioned bucket; its name."""

    def make() -> str:
        name = f"bucket-{next(_numbers)}"
        client = aws("s3")
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def ledger_table(aws: Callable[[str], Any]) -> str:
    """Make an empty ledger table; its name."""
    name = f"ledger-{next(_numbers)}"
    path = ROOT / "stacks" / "storage.yaml"
    properties = yaml_parse(path.read_text(encoding="utf-8"))["Resources"]["Ledger"]["Properties"]
    asked = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    aws("dynamodb").create_table(TableName=name, **{key: properties[key] for key in asked})
    return name


@pytest.fixture
def state_machine(aws: Callable[[str], Any]) -> str:
    """Make a state machine that does nothing; its ARN."""
    answer = aws("stepfunctions").create_state_machine(
        name=f"run-deck-{next(_numbers)}",
        definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/run-deck",
    )
    return str(answer["stateMachineArn"])


@pytest.fixture
def intake_queue(aws: Callable[[str], Any]) -> str:
    """Make a queue; its URL."""
    return str(aws("sqs").create_queue(QueueName=f"intake-{next(_numbers)}")["QueueUrl"])


@pytest.fixture
def mailbox(aws: Callable[[str], Any]) -> tuple[str, str]:
    """Make a topic with a queue that hears it; ARN and URL."""
    number = next(_numbers)
    topic = aws("sns").create_topic(Name=f"messages-{number}")["TopicArn"]
    url = aws("sqs").create_queue(QueueName=f"mailbox-{number}")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-2:123456789012:mailbox-{number}"
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(topic), str(url)


@pytest.fixture
def profiles(aws: Callable[[str], Any]) -> str:
    """Make two job queues; the instance profiles of a stack, as its functions are told."""
    number, batch = next(_numbers), aws("batch")
    role = "arn:aws:iam::123456789012:role/batch"
    with suppress(ClientError):
        aws("iam").create_role(RoleName="batch", AssumeRolePolicyDocument="{}")
    machines = batch.create_compute_environment(
        computeEnvironmentName=f"machines-{number}", type="UNMANAGED", serviceRole=role
    )["computeEnvironmentArn"]
    spot, on_demand = (
        batch.create_job_queue(
            jobQueueName=f"{market}-{number}",
            priority=1,
            state="ENABLED",
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": machines}],
        )["jobQueueArn"]
        for market in ("spot", "on-demand")
    )
    queues = {"spot_queues": [spot], "on_demand_queues": [on_demand]}
    return json.dumps({"standard": {**queues, "gpus": 1, "vcpus": 4, "memory_mib": 14336}})
