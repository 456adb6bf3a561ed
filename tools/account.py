"""The account that the templates make: its roles, its resources' policies, and who may do what.

Everything is called by its logical id, so that no deployment is needed: the bucket `RunsBucket` is
`arn:aws:s3:::RunsBucket`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from tools.policies import (
    Policy,
    Request,
    Values,
    Verdict,
    decide,
    matches,
    names_service,
    statements,
)
from tools.project import ROOT_STACK, Project, Resource, Template
from tools.resolve import ACCOUNT, Made

REGION: Final = "us-east-1"
"""Of the local cloud, where the calls are recorded."""

STACK: Final = "deckhand"

_HERE: Final = f"{REGION}:{ACCOUNT}"
ARNS: Final[Mapping[str, str]] = {
    "AWS::Batch::ComputeEnvironment": f"arn:aws:batch:{_HERE}:compute-environment/{{}}",
    "AWS::Batch::JobDefinition": f"arn:aws:batch:{_HERE}:job-definition/{{}}:1",
    "AWS::Batch::JobQueue": f"arn:aws:batch:{_HERE}:job-queue/{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:{_HERE}:repository/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{_HERE}:rule/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:{{}}",
}
"""https://docs.aws.amazon.com/service-authorization/latest/reference/"""

_REF_IS_ARN: Final = frozenset(
    {
        "AWS::Batch::ComputeEnvironment",
        "AWS::Batch::JobDefinition",
        "AWS::Batch::JobQueue",
        "AWS::SNS::Topic",
        "AWS::StepFunctions::StateMachine",
    }
)
_ARN_ATTRIBUTES: Final = ("Arn", "TopicArn")

_LAMBDA: Final = f"arn:aws:lambda:{_HERE}:function:"


@dataclass(frozen=True)
class Role:
    """A role with its policies."""

    name: str
    policies: Sequence[Policy]
    managed: Sequence[str]
    """The policies of AWS it has besides; their documents are not here."""

    trust: Policy


@dataclass(frozen=True)
class Account:
    """What one deployment of a project may do, from its templates."""

    project: Project
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _made(self) -> Made:
        return _ByName(self.project, self.parameters)

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """By logical id."""
        return {role.name: self._role(role) for role in self._made.resources("AWS::IAM::Role")}

    @cached_property
    def resource_policies(self) -> Mapping[str, Sequence[Policy]]:
        """What buckets, queues, topics, keys and functions say themselves, by their ARNs."""
        found: dict[str, list[Policy]] = {}
        for arn, policy in self._resource_policies():
            found.setdefault(arn, []).append(policy)
        return found

    def may(
        self,
        who: str,
        action: str,
        resource: str = "*",
        conditions: Mapping[str, Values] | None = None,
        session: Sequence[Policy] | None = None,
    ) -> bool:
        """Whether a role (by its logical id), or a service, may do this.

        *session* are the policies of a session of the role: it may do no more than they say.
        """
        told = {"aws:SecureTransport": "true", "aws:SourceAccount": ACCOUNT, **(conditions or {})}
        request = Request(action, resource, told)
        own = self._policies_of(resource)
        if any(matches(item, request) for item in self._denials(own)):
            return False
        if who not in self.roles:
            return self._lets_in(who, own, request)
        limits = [session] if session is not None else []
        return decide(self.roles[who].policies, request, *limits) is Verdict.ALLOWED

    def _policies_of(self, resource: str) -> Sequence[Policy]:
        """The policy of a bucket is also its objects'."""
        whole = resource.split("/")[0] if resource.startswith("arn:aws:s3:::") else resource
        return self.resource_policies.get(whole, ())

    def _denials(self, policies: Sequence[Policy]) -> Iterator[Policy]:
        """Those for everybody: none of ours names anybody."""
        for item in statements(policies, "Deny"):
            if item.get("Principal") in ("*", {"AWS": "*"}):
                yield item

    def _lets_in(self, service: str, policies: Sequence[Policy], request: Request) -> bool:
        return any(
            names_service(item, service) and matches(item, request)
            for item in statements(policies, "Allow")
        )

    def _role(self, role: Resource) -> Role:
        properties = role.properties
        policies = [item["PolicyDocument"] for item in properties.get("Policies", ())]
        policies += [
            attached.properties["PolicyDocument"]
            for attached in self._made.resources("AWS::IAM::Policy")
            if role.name in attached.properties["Roles"]
        ]
        return Role(
            name=role.name,
            policies=policies,
            managed=[arn.rsplit("/", 1)[-1] for arn in properties.get("ManagedPolicyArns", ())],
            trust=properties["AssumeRolePolicyDocument"],
        )

    def _resource_policies(self) -> Iterator[tuple[str, Policy]]:
        for kind, find in _SUBJECTS.items():
            for item in self._made.resources(kind):
                for arn in find(item.properties):
                    yield arn, item.properties["PolicyDocument"]
        for key in self._made.resources("AWS::KMS::Key"):
            yield ARNS["AWS::KMS::Key"].format(key.name), key.properties["KeyPolicy"]
        for item in self._made.resources("AWS::Lambda::Permission"):
            yield self._permission(item.properties)

    def _permission(self, properties: Template) -> tuple[str, Policy]:
        """What Lambda makes of a permission."""
        name = str(properties["FunctionName"]).removeprefix(_LAMBDA)
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": properties["Principal"]},
            "Action": properties["Action"],
            "Resource": _LAMBDA + name,
        }
        if source := properties.get("SourceArn"):
            statement["Condition"] = {"ArnLike": {"aws:SourceArn": source}}
        return _LAMBDA + name, {"Statement": [statement]}


class _ByName(Made):
    """Stacks whose resources are called by their logical ids, in the ARNs that AWS would give."""

    region = REGION

    @property
    def stack_name(self) -> str:
        if self.stack == ROOT_STACK:
            return STACK
        children = self.project.children.items()
        return next(name for name, child in children if child == self.stack)

    def identity(self, name: str) -> str:
        kind = self.template["Resources"][name]["Type"]
        if kind in _REF_IS_ARN:
            return self._arn(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        return name

    def attribute(self, name: str, attribute: str) -> str:
        kind = self.template["Resources"][name]["Type"]
        if attribute in _ARN_ATTRIBUTES and kind in ARNS:
            return self._arn(name)
        return name if attribute.endswith("Name") else f"{name}.{attribute}"

    def _arn(self, name: str) -> str:
        body = self.template["Resources"][name]
        own = body.get("Properties", {}).get("JobDefinitionName")
        return ARNS[body["Type"]].format(self.value(own) if own else name)


_SUBJECTS: Final[Mapping[str, Callable[[Template], Sequence[str]]]] = {
    "AWS::SQS::QueuePolicy": lambda properties: [
        ARNS["AWS::SQS::Queue"].format(url.rsplit("/", 1)[-1]) for url in properties["Queues"]
    ],
    "AWS::SNS::TopicPolicy": lambda properties: properties["Topics"],
    "AWS::S3::BucketPolicy": lambda properties: [f"arn:aws:s3:::{properties['Bucket']}"],
}
"""The ARNs of what a resource policy is of."""
