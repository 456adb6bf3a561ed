"""The policies of the template decide on the local cloud, and what they do not allow fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError

from deckhand.adapters.lent import lent_session
from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.checkpoint import KEEP
from deckhand.domain.run import RunState
from localcloud import calls
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import SOUND, changed
from tools.policies import as_list


@contextmanager
def without(deployed: Deployed, role: str, action: str) -> Iterator[None]:
    """A role that has lost one action, for a while."""
    iam, name = deployed.client("iam"), deployed.resources[role]
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    whole = {
        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in names
    }
    deployed.planted.add(action)
    try:
        for policy, document in whole.items():
            left = [{**item, "Action": _others(item, action)} for item in document["Statement"]]
            less = {**document, "Statement": [item for item in left if item["Action"]]}
            _put(iam, name, policy, less)
        yield
    finally:
        for policy, document in whole.items():
            _put(iam, name, policy, document)


def _put(iam: Any, role: str, name: str, document: Any) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


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


def test_an_event_that_a_function_fails_on_is_sent_on_by_the_function(deployed: Deployed) -> None:
    sqs, letters = deployed.client("sqs"), deployed.resources["EventDeadLetters"]
    name = deployed.resources["RelieveQueue"]

    def sent_on() -> list[Any]:
        answer = sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=1)
        return list(answer.get("Messages", ()))

    with without(deployed, "RelieveQueueRole", "batch:ListJobs"):
        deployed.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        [letter] = wait_for("the event in the dead letters", sent_on)
    sqs.delete_message(QueueUrl=letters, ReceiptHandle=letter["ReceiptHandle"])
    assert "batch:ListJobs" in letter["Body"]


def test_tags_of_an_upload_go_along_with_the_deck(deployed: Deployed) -> None:
    s3, tags = deployed.client("s3"), [{"Key": "grant", "Value": "42"}]

    def tags_of(run_id: str) -> list[dict[str, str]]:
        key = f"{keys.deck(run_id)}in.melt"
        answer = s3.get_object_tagging(Bucket=deployed.runs.name, Key=key)
        return list(answer["TagSet"])

    key = f"{keys.INBOX}tagged/in.melt"
    s3.put_object(Bucket=deployed.inbox.name, Key=key, Body=SOUND, Tagging="grant=42")
    first = deployed.closed("tagged/in.melt")
    assert tags_of(first.run_id) == tags
    deployed.deckhand("rerun", first.run_id)
    runs = [record.run_id for record in deployed.runs_of("tagged/in.melt")]
    [again] = [run_id for run_id in runs if run_id != first.run_id]
    wait_for("the message of the second", lambda: deployed.mails(again))
    assert tags_of(again) == tags


def test_checkpoints_that_no_run_needs_are_deleted_by_the_one_who_may(deployed: Deployed) -> None:
    deployed.put("pruned/run.yaml", b"checkpoint_minutes: 0.003\n")
    deployed.put("pruned/in.long", changed("run", "run 100000"))
    record = deployed.closed("pruned/in.long")

    def kept() -> set[str]:
        sizes = deployed.runs.sizes(keys.checkpoints(record.run_id))
        return {key.split("/")[3] for key in sizes}

    wait_for("three checkpoints", lambda: len(kept()) <= KEEP)
    assert any(
        call.action == "s3:DeleteObject" and f"{record.run_id}/checkpoints/" in call.resource
        for call in _calls(deployed)
    )


def test_one_run_cannot_reach_another(deployed: Deployed) -> None:
    """With all that a deck could find out about its own attempt."""
    deployed.put("other/in.melt", SOUND)
    other = deployed.closed("other/in.melt").run_id
    deployed.put("intruder/in.long", changed("run", "run 50000000"))
    own = deployed.in_state("intruder/in.long", RunState.RUNNING).run_id
    attempt = wait_for("its attempt", lambda: attempt_of(deployed, own))
    proof = {"run_id": own, "attempt": attempt.number, "token": attempt.token}
    lender, asks = deployed.resources["LendCredentials"], deployed.client("lambda")
    deployed.intruders.add(f"{own}-a{attempt.number}")
    session = lent_session(asks, lender, proof)
    s3 = session.client(
        "s3", endpoint_url=deployed.cloud.endpoint, region_name=deployed.cloud.region
    )
    bucket = deployed.runs.name
    stolen = b"of somebody else"

    def is_refused(call: Callable[..., Any], **asked: Any) -> bool:
        try:
            call(Bucket=bucket, **asked)
        except ClientError as error:
            return error.response["Error"]["Code"] == "AccessDenied"
        return False

    assert s3.get_object(Bucket=bucket, Key=keys.run_record(own))["Body"].read()
    assert s3.list_objects_v2(Bucket=bucket, Prefix=keys.run(own))["KeyCount"]
    for key in (keys.run_record(other), keys.result(other, "log.lammps"), keys.drop_record(other)):
        assert is_refused(s3.get_object, Key=key)
        assert is_refused(s3.put_object, Key=key, Body=stolen)
    assert is_refused(s3.list_objects_v2)
    assert is_refused(s3.list_objects_v2, Prefix=keys.run(other))
    assert is_refused(s3.put_object, Key=keys.run_record(own), Body=stolen)
    assert is_refused(s3.put_object, Key=keys.result(own, "log.lammps"), Body=stolen)
    assert is_refused(s3.delete_object, Key=keys.run_record(own))
    with pytest.raises(CredentialRetrievalError, match="No credentials"):
        lent_session(asks, lender, {**proof, "run_id": other}).get_credentials()
    deployed.deckhand("stop", own)
    deployed.closed("intruder/in.long")
    with pytest.raises(CredentialRetrievalError, match="it is over"):
        lent_session(asks, lender, proof).get_credentials()


def attempt_of(deployed: Deployed, run_id: str) -> AttemptRecord | None:
    record = deployed.ledger.run(run_id)
    assert record is not None
    return record.open_attempt


def test_every_kind_of_principal_has_called_under_its_own_name(deployed: Deployed) -> None:
    names = {call.who.partition("/")[0] for call in _calls(deployed)}
    stems = ("AdmitDropRole", "CheckDeckRole", "RunDeckRole", "CloseRunRole", "JobRole", "RunRole")
    for stem in (*stems, "events.amazonaws.com"):
        assert any(stem in who for who in names), stem


def _calls(deployed: Deployed) -> list[calls.Call]:
    return calls.read(deployed.cloud.state / calls.FILE)
