"""The policies of the template decide on the local cloud, and what they do not allow fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deckhand.domain.run import RunState
from localcloud import calls
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import SOUND
from tools.policies import as_list


@contextmanager
def without(deployed: Deployed, role: str, action: str) -> Iterator[None]:
    """A role that has lost one action, for a while."""
    iam, name = deployed.client("iam"), deployed.resources[role]
    [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    left = [{**item, "Action": _others(item, action)} for item in whole["Statement"]]
    less = {**whole, "Statement": [item for item in left if item["Action"]]}
    deployed.planted.add(action)
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(whole))


def _others(statement: dict[str, Any], action: str) -> list[str]:
    return [item for item in as_list(statement["Action"]) if item != action]


@pytest.mark.parametrize(
    ("function", "action"),
    [
        ("ReapRuns", "dynamodb:Query"),
        ("SurveyInbox", "s3:ListBucketVersions"),
        ("RelieveQueue", "batch:ListJobs"),
    ],
)
def test_a_function_without_a_permission_is_refused_by_name(
    deployed: Deployed, function: str, action: str
) -> None:
    client, name = deployed.client("lambda"), deployed.resources[function]
    with without(deployed, f"{function}Role", action):
        refused = client.invoke(FunctionName=name, Payload=b"{}")
    said = json.loads(refused["Payload"].read())
    assert refused.get("FunctionError")
    assert f"{function}Role" in said["errorMessage"]
    assert f"not authorized to perform: {action}" in said["errorMessage"]
    deployed.invoke(function)


def test_an_event_that_the_queue_does_not_let_in_is_lost_and_the_survey_finds_the_drop(
    deployed: Deployed,
) -> None:
    sqs, url = deployed.client("sqs"), deployed.resources["IntakeQueue"]
    whole = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    other = whole["Policy"].replace("DeckUploaded", "SomethingElse")
    deployed.planted.add("sqs:SendMessage")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": other})
    deployed.put("not let in/in.melt", SOUND)
    sqs.set_queue_attributes(QueueUrl=url, Attributes=whole)
    assert deployed.is_quiet()

    def surveyed() -> bool:
        deployed.survey()
        return bool(deployed.runs_of("not let in/in.melt"))

    wait_for("the survey to find it", surveyed)
    assert deployed.closed("not let in/in.melt").state is RunState.COMPLETED


def test_whom_run_yaml_names_is_subscribed_and_told(deployed: Deployed) -> None:
    deployed.put("told/run.yaml", b"notify: [grace@example.org]\n")
    deployed.put("told/in.melt", SOUND)
    record = deployed.closed("told/in.melt")
    told = {mail["To"] for mail in deployed.mails(record.run_id)}
    assert "grace@example.org" in told


def test_every_kind_of_principal_has_called_under_its_own_name(deployed: Deployed) -> None:
    names = {call.who.partition("/")[0] for call in _calls(deployed)}
    stems = ("AdmitDropRole", "CheckDeckRole", "RunDeckRole", "CloseRunRole", "JobRole")
    for stem in (*stems, "events.amazonaws.com"):
        assert any(stem in who for who in names), stem


def _calls(deployed: Deployed) -> list[calls.Call]:
    return calls.read(deployed.cloud.state / calls.FILE)
