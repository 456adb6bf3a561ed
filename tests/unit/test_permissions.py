"""The recorded calls against the templates: no fault in a role stays unseen."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from deckhand.adapters.lender import Lender
from deckhand.domain.credentials import Scope
from tools import permissions, recording
from tools.account import Account
from tools.permissions import REASONS, findings, grants, refused, unused
from tools.policies import as_list, statements
from tools.project import Project, load
from tools.recording import Made

RUNS = "arn:aws:s3:::RunsBucket/runs"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:IntakeQueue"
RULE = "arn:aws:events:us-east-1:123456789012:rule"


@pytest.fixture(scope="module")
def project() -> Project:
    return load()


@pytest.fixture(scope="module")
def account(project: Project) -> Account:
    return Account(project)


@pytest.fixture(scope="module")
def calls() -> list[Made]:
    return recording.read()


def written(project: Project, role: str) -> list[dict[str, Any]]:
    """The statements of a role as they stand in the templates."""
    found = []
    for resource in project.resources("AWS::IAM::Role", "AWS::IAM::Policy"):
        properties = resource.body["Properties"]
        documents = [item["PolicyDocument"] for item in properties.get("Policies", ())]
        if resource.type == "AWS::IAM::Policy" and {"Ref": role} in properties["Roles"]:
            documents.append(properties["PolicyDocument"])
        elif resource.name != role:
            continue
        found += [item for document in documents for item in document["Statement"]]
    return found


def needed(account: Account, calls: list[Made]) -> Iterator[tuple[str, str]]:
    left = set(unused(account, calls))
    for name, role in account.roles.items():
        for statement in statements(role.policies, "Allow"):
            for grant in set(grants(name, statement)) - left:
                yield name, grant.action


def test_every_recorded_call_is_allowed_and_every_permission_has_its_use(
    account: Account, calls: list[Made]
) -> None:
    assert list(findings(account, calls)) == []


def test_every_action_that_a_role_loses_is_missed(
    project: Project, account: Account, calls: list[Made]
) -> None:
    taken = sorted(set(needed(account, calls)))
    assert len(taken) > 80
    unseen = []
    for role, action in taken:
        spoiled = copy.deepcopy(project)
        for statement in written(spoiled, role):
            left = [item for item in as_list(statement["Action"]) if item != action]
            statement["Action"] = left or ["nothing:Ever"]
        made = [call for call in calls if call.who == role]
        if not refused(Account(spoiled), made):
            unseen.append((role, action))
    assert unseen == []


def test_every_resource_that_is_another_is_missed(
    project: Project, account: Account, calls: list[Made]
) -> None:
    wanted = set(needed(account, calls))
    tried, unseen = 0, []
    for role in sorted({role for role, _ in wanted}):
        made = [call for call in calls if call.who == role]
        for number in range(len(written(project, role))):
            spoiled = copy.deepcopy(project)
            statement = written(spoiled, role)[number]
            if not wanted & {(role, action) for action in as_list(statement["Action"])}:
                continue
            tried += 1
            statement["Resource"] = "arn:aws:s3:::somewhere-else/*"
            if not refused(Account(spoiled), made):
                unseen.append((role, statement["Action"]))
    assert tried > 50
    assert unseen == []


def test_a_condition_that_does_not_hold_is_missed(project: Project, calls: list[Made]) -> None:
    spoiled = copy.deepcopy(project)
    for statement in written(spoiled, "RunRole"):
        if "Condition" in statement:
            statement["Condition"]["StringLike"]["s3:prefix"] = "elsewhere/*"
    assert {call.action for call in refused(Account(spoiled), calls)} == {"s3:ListBucket"}


def test_a_rule_that_the_queue_does_not_name_is_missed(project: Project, calls: list[Made]) -> None:
    spoiled = copy.deepcopy(project)
    policy = next(item for item in spoiled.resources("AWS::SQS::QueuePolicy"))
    statement = policy.body["Properties"]["PolicyDocument"]["Statement"][0]
    statement["Condition"]["ArnEquals"]["aws:SourceArn"] = f"{RULE}/Another"
    assert {call.who for call in refused(Account(spoiled), calls)} == {"events.amazonaws.com"}


def test_a_permission_that_nothing_uses_is_told(project: Project, calls: list[Made]) -> None:
    spoiled = copy.deepcopy(project)
    written(spoiled, "CloseRunRole")[0]["Action"] = ["s3:ListBucket", "s3:ListBucketVersions"]
    [told] = findings(Account(spoiled), calls)
    assert "CloseRunRole: s3:ListBucketVersions on arn:aws:s3:::RunsBucket" in told


def test_a_reason_that_covers_nothing_is_told(
    account: Account, calls: list[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = permissions.Reason("*", "s3:PutBucketPolicy", "*", "somebody had one")
    monkeypatch.setattr(permissions, "REASONS", (*REASONS, idle))
    assert any("somebody had one" in told for told in findings(account, calls))


@pytest.mark.parametrize(
    ("who", "action", "resource", "conditions", "allowed"),
    [
        ("JobRole", "s3:GetObject", f"{RUNS}/a/deck/in.melt", {}, False),
        ("RunRole", "s3:GetObject", f"{RUNS}/a/deck/in.melt", {}, True),
        ("RunRole", "s3:PutObject", f"{RUNS}/a/run.json", {}, False),
        ("RunRole", "s3:PutObject", f"{RUNS}/a/results/log.lammps", {}, False),
        ("RunRole", "s3:DeleteObject", f"{RUNS}/a/checkpoints/1/manifest.json", {}, False),
        ("RunRole", "s3:GetObject", "arn:aws:s3:::InboxBucket/inbox/in.melt", {}, False),
        ("PruneCheckpointsRole", "s3:DeleteObject", f"{RUNS}/a/results/log.lammps", {}, False),
        ("AdmitDropRole", "s3:PutObject", f"{RUNS}/a/drop.json", {}, True),
        (
            *("AdmitDropRole", "s3:PutObject", f"{RUNS}/a/drop.json"),
            *({"aws:SecureTransport": "false"}, False),
        ),
        (
            *("events.amazonaws.com", "sqs:SendMessage", QUEUE),
            *({"aws:SourceArn": f"{RULE}/DeckUploaded"}, True),
        ),
        (
            *("events.amazonaws.com", "sqs:SendMessage", QUEUE),
            *({"aws:SourceArn": f"{RULE}/ReaperDue"}, False),
        ),
        ("lambda.amazonaws.com", "sqs:SendMessage", QUEUE, {}, False),
    ],
)
def test_who_may_do_what(
    account: Account, who: str, action: str, resource: str, conditions: Any, allowed: bool
) -> None:
    assert account.may(who, action, resource, conditions) is allowed


def test_a_session_of_one_run_does_not_reach_another(account: Account) -> None:
    role = "arn:aws:iam::123456789012:role/RunRole"
    session = [Lender(None, role, "RunsBucket").policy(Scope(run_id="one", attempt=2))]

    def may(action: str, resource: str, **conditions: str) -> bool:
        return account.may("RunRole", action, resource, conditions, session=session)

    def may_list(prefix: str) -> bool:
        return may("s3:ListBucket", "arn:aws:s3:::RunsBucket", **{"s3:prefix": prefix})

    for run, allowed in (("one", True), ("two", False), ("on", False), ("one2", False)):
        assert may("s3:GetObject", f"{RUNS}/{run}/deck/in.melt") is allowed
        assert may("s3:PutObject", f"{RUNS}/{run}/attempts/2/status.json") is allowed
        assert may_list(f"runs/{run}/checkpoints/") is allowed
    assert not may("s3:ListBucket", "arn:aws:s3:::RunsBucket")
    assert not may("s3:PutObject", f"{RUNS}/one/attempts/1/status.json")
    assert not may("s3:DeleteObject", f"{RUNS}/one/run.json")


def test_a_role_has_also_the_policies_that_stand_apart(account: Account) -> None:
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:RunDeck"
    assert account.may("CarrySweepRole", "states:StartExecution", machine)
    assert not account.may("CheckDeckRole", "states:StartExecution", machine)
