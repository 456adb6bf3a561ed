"""`deckhand stack` against a local cloud: one stack from its first check to its last bucket."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from deckhand.adapters.local_cloud import STACK, LocalCloud
from localcloud import lifecycle
from localcloud.environments import Environments
from tools.project import ROOT_STACK, load

PATIENCE_SECONDS = 300.0
RUNS = "runs/kept/results/log.lammps"
ALL = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
NESTED = [
    body
    for body in load().stacks[ROOT_STACK]["Resources"].values()
    if body["Type"] == "AWS::CloudFormation::Stack" and "Condition" not in body
]
"""Those that no parameter asks for."""


@dataclass(frozen=True)
class Said:
    """What a command printed; `text` is all of it with single blanks."""

    code: int
    output: str
    text: str


@dataclass(frozen=True)
class Administrator:
    """Somebody at a shell, with a local cloud in which nothing is deployed."""

    cloud: LocalCloud
    states: Path

    def types(self, *words: str, typed: str = "") -> Said:
        """`deckhand stack …` as it is installed."""
        environment = {**os.environ, "DECKHAND_LOCAL_STATES": str(self.states)}
        done = subprocess.run(
            [Environments().product.with_name("deckhand"), "stack", *words, "--env", "local"],
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        text = " ".join(f"{done.stdout} {done.stderr}".split())
        return Said(done.returncode, done.stdout, text)

    def client(self, service: str) -> Any:
        session = boto3.Session(self.cloud.account, "local", region_name=self.cloud.region)
        return session.client(service, endpoint_url=self.cloud.endpoint)

    def stacks(self) -> list[str]:
        """The stacks there are, those of the SAM CLI left out."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [item["StackName"] for item in found if item["StackName"].startswith("deckhand")]

    def parameter(self, name: str) -> str:
        found = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        values = {item["ParameterKey"]: item["ParameterValue"] for item in found["Parameters"]}
        return str(values[name])


EVERYTHING = {
    "NetworkMode": "endpoints",
    "EndpointZoneCount": "2",
    "StorageSubnets": "yes",
    "Access": "instance-connect",
    "StorageKey": "create",
    "BlockMetadata": "yes",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/lab",
    "MonthlyBudgetDollars": "100",
    "AnomalyDollars": "50",
    "Dashboard": "yes",
    "Compliance": "nist-800-171",
}
"""What a stack has only if it is asked for."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    states = tmp_path_factory.mktemp("states")
    state = states / "cloud"
    process = lifecycle.launch(state, Environments(), "--die-with", str(os.getpid()))
    try:
        yield Administrator(lifecycle.wait_until_ready(state, process), states)
    finally:
        lifecycle.down(state)
        process.wait()


def test_the_life_of_a_stack(lab: Administrator) -> None:
    assert lab.types("validate").code == 0

    # Nothing is made by a dry run, by somebody who says no, or where something is wrong.
    dry = lab.types("create", "--dry-run")
    assert dry.code == 0, dry.text
    assert "of them nested stacks" in dry.text and "nothing was changed" in dry.text
    refused = lab.types("create", typed="n\n")
    assert refused.code == 1
    assert "while nothing runs" in refused.text and f"Create {STACK} in us-east-1" in refused.text
    wrong = lab.types("create", "--yes", "-p", "JobVcpus=99")
    assert wrong.code == 1 and "local cannot be deployed" in wrong.text
    assert lab.stacks() == []

    # What fails says why, and how to go on.
    failed = lab.types("create", "--yes", "-p", "ZoneCount=6")  # there are three
    assert failed.code == 1
    assert "NetworkStack CREATE_FAILED" in failed.text
    assert "stack delete --env local` makes room" in lab.types("create", "--yes").text
    assert "can only be deleted" in lab.types("status").text
    assert lab.types("delete", "--yes").code == 0

    made = lab.types("create", "--yes", "-p", "CheckpointSeconds=7")
    assert made.code == 0, made.text
    assert f"{STACK} is in CREATE_COMPLETE" in made.text
    assert "Push the image" in made.text
    assert len(lab.stacks()) == 1 + len(NESTED)

    status = json.loads(lab.types("status", "--json").output)
    assert {item["status"] for item in (status["state"], *status["nested"])} == {"CREATE_COMPLETE"}
    assert {item["status"] for item in status["queues"]} == {"VALID"}
    assert (status["image_pushed"], status["open_runs"]) == (False, 0)

    outputs = json.loads(lab.types("outputs", "--json").output)
    lab.client("s3").put_object(Bucket=outputs["RunsBucket"], Key=RUNS, Body=b"kept")

    # A changed parameter: first seen, then deployed; what was typed for it before is told too.
    difference = lab.types("diff", "-p", "SpotMaxvCpus=32")
    assert "CheckpointSeconds 7 5" in difference.text
    assert "SpotMaxvCpus 16 32" in difference.text
    updated = lab.types("create", "--yes", "--no-wait", "-p", "SpotMaxvCpus=32")
    assert updated.code == 0, updated.text
    assert "this updates it" in updated.text and "AWS has begun" in updated.text
    waiter = lab.client("cloudformation").get_waiter("stack_update_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert lab.parameter("SpotMaxvCpus") == "32"
    assert "has the parameters and templates of here" in lab.types("diff").text
    # What nobody gives keeps its value.
    assert "up to date" in lab.types("create", "--yes").text
    assert lab.parameter("SpotMaxvCpus") == "32"

    deleted = lab.types("delete", typed=f"{STACK}\n")
    assert deleted.code == 0, deleted.text
    assert f"{STACK} is deleted" in deleted.text
    assert lab.stacks() == []
    assert lab.client("lambda").list_functions()["Functions"] == []
    assert lab.client("batch").describe_job_queues()["jobQueues"] == []
    # The results are there, and the way to be rid of them is told.
    body = lab.client("s3").get_object(Bucket=outputs["RunsBucket"], Key=RUNS)["Body"]
    assert body.read() == b"kept"
    assert outputs["LedgerTable"] in lab.client("dynamodb").list_tables()["TableNames"]
    for name in ("InboxBucket", "RunsBucket"):
        assert f"aws s3api delete-bucket --bucket {outputs[name]}" in deleted.text
    assert lab.types("status").code == 1


def test_all_that_can_be_asked_for_comes_and_goes(lab: Administrator) -> None:
    asked = [word for name, value in EVERYTHING.items() for word in ("-p", f"{name}={value}")]
    lab.client("iam").create_policy(
        PolicyName="lab", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": ALL})
    )
    made = lab.types("create", "--yes", *asked)
    assert made.code == 0, made.text
    status = json.loads(lab.types("status", "--json").output)
    assert {"EndpointsStack", "AccessStack", "ComplianceStack"} <= {
        item["name"] for item in status["nested"]
    }

    less = ("-p", "Compliance=none", "-p", "Access=none", "-p", "NetworkMode=nat")
    changed = lab.types("create", "--yes", *less)
    assert changed.code == 0, changed.text
    status = json.loads(lab.types("status", "--json").output)
    assert len(status["nested"]) == len(NESTED)

    deleted = lab.types("delete", "--yes")
    assert deleted.code == 0, deleted.text
    assert lab.stacks() == []
    assert "schedule-key-deletion" in deleted.text
