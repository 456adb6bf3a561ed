"""House rules for permissions: who may do what, and on which resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tools.project import Project, Resource, Template
from tools.rules.rule import ResourceRules

ANY_RESOURCE: Final = frozenset(
    {
        "batch:DescribeJobs",
        "batch:ListJobs",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSpotPriceHistory",
        "ecr:GetAuthorizationToken",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "pricing:GetProducts",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
)
"""Actions for which AWS knows no resource (the Service Authorization Reference has no type)."""

MANAGED: Final = frozenset(
    {
        "AWSLambdaBasicExecutionRole",
        "AWSXrayWriteOnlyAccess",
        "AmazonEC2ContainerServiceforEC2Role",
    }
)
SYNC_JOB: Final = frozenset(
    {
        "batch:SubmitJob",
        "batch:TagResource",
        "batch:DescribeJobs",
        "batch:TerminateJob",
        "events:PutRule",
        "events:PutTargets",
        "events:DescribeRule",
    }
)
ASKS_FOR_CREDENTIALS: Final = frozenset({"lambda:InvokeFunction"})
DATA_SERVICES: Final = ("s3:", "dynamodb:", "sns:", "sqs:", "states:", "batch:")


def findings(project: Project) -> Iterator[str]:
    """Everything wrong with the roles, one sentence each."""
    for role in project.resources("AWS::IAM::Role"):
        if "PermissionsBoundary" not in role.properties:
            yield f"{role}: takes no permissions boundary, which some accounts demand"
        yield from _managed_findings(role)
        for statement in statements(role):
            yield from _statement_findings(role, statement)
    for policy in project.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            yield from _statement_findings(policy, statement)
    yield from _machine_findings(project)
    yield from _job_findings(project)


def statements(role: Resource) -> Iterator[Template]:
    for policy in role.properties.get("Policies", ()):
        yield from policy["PolicyDocument"]["Statement"]


def actions(role: Resource) -> set[str]:
    return {
        action
        for statement in statements(role)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _managed_findings(role: Resource) -> Iterator[str]:
    for policy in role.properties.get("ManagedPolicyArns", ()):
        name = json.dumps(policy).rstrip('"}').rsplit("/", 1)[-1]
        if name not in MANAGED:
            yield f"{role}: managed policy {name} is not among the accepted ones"


def _statement_findings(role: Resource, statement: Template) -> Iterator[str]:
    if statement["Effect"] != "Allow":
        return
    if "NotAction" in statement or "NotResource" in statement:
        yield f"{role}: a permission by exclusion"
        return
    named = as_list(statement["Action"])
    yield from (f"{role}: wildcard action {action}" for action in named if "*" in action)
    if "*" in as_list(statement["Resource"]):
        for action in named:
            if action not in ANY_RESOURCE:
                yield f"{role}: {action} on every resource"


def _machine_findings(project: Project) -> Iterator[str]:
    allowed = {
        action
        for role in project.resources("AWS::IAM::Role")
        if role.name == "RunDeckRole"
        for action in actions(role)
    }
    if "submitJob.sync" in project.machine_text:
        # Without the rule and the polling an execution can hang for ever on a lost event.
        yield from (f"RunDeckRole: .sync needs {name}" for name in sorted(SYNC_JOB - allowed))


def _job_findings(project: Project) -> Iterator[str]:
    for role in project.resources("AWS::IAM::Role"):
        if role.name == "JobRole":
            yield from (
                f"{role}: a deck could use {action}, whatever run it is of"
                for action in sorted(actions(role) - ASKS_FOR_CREDENTIALS)
            )
        if role.name == "RunRole":
            yield from (
                f"{role}: a deck could destroy or escape with {action}"
                for action in sorted(actions(role))
                if "Delete" in action or not action.startswith("s3:")
            )
        if role.name == "MachineRole":
            yield from (
                f"{role}: a deck could use the machine's {action}"
                for action in sorted(actions(role))
                if action.startswith(DATA_SERVICES)
            )


RESOURCES: Final[ResourceRules] = {}
PROJECT: Final = (findings,)
