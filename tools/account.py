"""The account that the templates make: its roles, its resources' policies, and who may do what.

Everything is called by its logical id, so that no deployment is needed: the bucket `RunsBucket` is
`arn:aws:s3:::RunsBucket`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

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
from tools.project import ROOT_STACK, Project, Template

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
STACK: Final = "deckhand"

_HERE: Final = f"{REGION}:{ACCOUNT}"
_PSEUDO: Final[Mapping[str, Any]] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
ARNS: Final[Mapping[str, str]] = {
    "AWS::Batch::ComputeEnvironment": f"arn:aws:batch:{_HERE}:compute-environment/{{}}",
    "AWS::Batch::JobDefinition": f"arn:aws:batch:{_HERE}:job-definition/{{}}:1",
    "AWS::Batch::JobQueue": f"arn:aws:batch:{_HERE}:job-queue/{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:{_HERE}:repository/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{_HERE}:rule/{{}}",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{{}}",
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
        "AWS::IAM::ManagedPolicy",
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
    boundary: Sequence[Policy] | None
    managed: Sequence[str]
    """The policies of AWS it has besides; their documents are not here."""

    trust: Policy


@dataclass(frozen=True)
class Account:
    """What one deployment of a project may do, from its templates."""

    project: Project
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """By logical id."""
        found = {
            name: self._role(stack, name, body)
            for stack, name, body in self._resources("AWS::IAM::Role")
        }
        return found

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
        role = self.roles[who]
        limits = [limit for limit in (role.boundary, session) if limit is not None]
        return decide(role.policies, request, *limits) is Verdict.ALLOWED

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

    def _role(self, stack: str, name: str, body: Template) -> Role:
        properties = self.resolve(stack, body.get("Properties", {}))
        policies = [item["PolicyDocument"] for item in properties.get("Policies", ())]
        for other, _, attached in self._resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            details = self.resolve(other, attached["Properties"])
            if name in details.get("Roles", ()):
                policies.append(details["PolicyDocument"])
        managed = [str(arn).rsplit("/", 1)[-1] for arn in properties.get("ManagedPolicyArns", ())]
        boundary = properties.get("PermissionsBoundary")
        return Role(
            name=name,
            policies=policies,
            boundary=None if not boundary else self._managed_document(str(boundary)),
            managed=managed,
            trust=properties["AssumeRolePolicyDocument"],
        )

    def _managed_document(self, arn: str) -> Sequence[Policy]:
        """A boundary of this project; of one that is given by its ARN nothing is known."""
        for stack, name, body in self._resources("AWS::IAM::ManagedPolicy"):
            if arn == ARNS["AWS::IAM::ManagedPolicy"].format(name):
                return [self.resolve(stack, body["Properties"]["PolicyDocument"])]
        raise LookupError(f"The boundary {arn} is not in the templates.")

    def _resource_policies(self) -> Iterator[tuple[str, Policy]]:
        for stack, _, body in self._resources("AWS::SQS::QueuePolicy"):
            properties = self.resolve(stack, body["Properties"])
            for url in properties["Queues"]:
                name = url.rsplit("/", 1)[-1]
                yield ARNS["AWS::SQS::Queue"].format(name), properties["PolicyDocument"]
        for stack, _, body in self._resources("AWS::SNS::TopicPolicy"):
            properties = self.resolve(stack, body["Properties"])
            yield from ((arn, properties["PolicyDocument"]) for arn in properties["Topics"])
        for stack, _, body in self._resources("AWS::S3::BucketPolicy"):
            properties = self.resolve(stack, body["Properties"])
            yield f"arn:aws:s3:::{properties['Bucket']}", properties["PolicyDocument"]
        for stack, name, body in self._resources("AWS::KMS::Key"):
            yield (
                ARNS["AWS::KMS::Key"].format(name),
                self.resolve(stack, body["Properties"]["KeyPolicy"]),
            )
        for stack, _, body in self._resources("AWS::Lambda::Permission"):
            yield self._permission(self.resolve(stack, body["Properties"]))

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

    def _resources(self, *types: str) -> Iterator[tuple[str, str, Template]]:
        for stack, template in self.project.stacks.items():
            for name, body in template["Resources"].items():
                if body["Type"] in types and self._is_made(stack, body):
                    yield stack, name, body

    def _is_made(self, stack: str, body: Template) -> bool:
        return "Condition" not in body or self._condition(stack, body["Condition"])

    # ---- intrinsic functions --------------------------------------------------------------------

    def resolve(self, stack: str, value: Any) -> Any:
        """*value* of a stack's template without intrinsic functions."""
        if isinstance(value, list):
            items = [self.resolve(stack, item) for item in value]
            return [item for item in items if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (found := next(iter(value))) in _FUNCTIONS:
            return getattr(self, _FUNCTIONS[found])(stack, value[found])
        resolved = {key: self.resolve(stack, item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None}

    def _ref(self, stack: str, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name == "AWS::StackName":
            return STACK if stack == ROOT_STACK else self._parent_resource(stack)
        template = self.project.stacks[stack]
        if name in template.get("Parameters", {}):
            return self._parameter(stack, name)
        kind = template["Resources"][name]["Type"]
        if kind in _REF_IS_ARN:
            return self._arn(stack, name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        return name

    def _get_attribute(self, stack: str, value: Any) -> Any:
        name, attribute = value.split(".", 1) if isinstance(value, str) else value
        body = self.project.stacks[stack]["Resources"][name]
        if attribute.startswith("Outputs."):
            child = self.project.children[name]
            output = attribute.removeprefix("Outputs.")
            return self.resolve(child, self.project.stacks[child]["Outputs"][output]["Value"])
        if attribute in _ARN_ATTRIBUTES and body["Type"] in ARNS:
            return self._arn(stack, name)
        return name if attribute.endswith("Name") else f"{name}.{attribute}"

    def _arn(self, stack: str, name: str) -> str:
        body = self.project.stacks[stack]["Resources"][name]
        own = body.get("Properties", {}).get("JobDefinitionName")
        return ARNS[body["Type"]].format(self.resolve(stack, own) if own else name)

    def _parameter(self, stack: str, name: str) -> Any:
        declared = self.project.stacks[stack]["Parameters"][name]
        if stack == ROOT_STACK:
            value = self.parameters.get(name, declared.get("Default", ""))
        else:
            made = self.project.stacks[ROOT_STACK]["Resources"][self._parent_resource(stack)]
            given = made["Properties"].get("Parameters", {})
            if name not in given:
                value = declared.get("Default", "")
            else:
                value = self.resolve(ROOT_STACK, given[name])
        is_list = declared["Type"] == "CommaDelimitedList" or declared["Type"].startswith("List<")
        return str(value).split(",") if is_list and isinstance(value, str) else value

    def _parent_resource(self, stack: str) -> str:
        return next(name for name, child in self.project.children.items() if child == stack)

    def _substitute(self, stack: str, value: Any) -> str:
        text, own = value if isinstance(value, list) else (value, {})

        def put_in(found: re.Match[str]) -> str:
            name = found["name"]
            if name in own:
                return str(self.resolve(stack, own[name]))
            if "." in name:
                return str(self._get_attribute(stack, name))
            return str(self._ref(stack, name))

        # ${!Literal} stays for IAM: a policy variable.
        filled = re.sub(r"\$\{(?P<name>[^!}][^}]*)\}", put_in, text)
        return filled.replace("${!", "${")

    def _join(self, stack: str, value: Any) -> str:
        return str(value[0]).join(str(item) for item in self.resolve(stack, value[1]))

    def _select(self, stack: str, value: Any) -> Any:
        return self.resolve(stack, value[1])[int(self.resolve(stack, value[0]))]

    def _split(self, stack: str, value: Any) -> list[str]:
        return str(self.resolve(stack, value[1])).split(value[0])

    def _if(self, stack: str, value: Any) -> Any:
        return self.resolve(stack, value[1] if self._condition(stack, value[0]) else value[2])

    def _opaque(self, _: str, value: Any) -> str:
        """Nothing that a policy could depend on."""
        return json.dumps(value)

    def _condition(self, stack: str, value: Any) -> bool:
        if isinstance(value, str):
            return self._condition(stack, self.project.stacks[stack]["Conditions"][value])
        [(function, arguments)] = value.items()
        match function:
            case "Condition":
                return self._condition(stack, arguments)
            case "Fn::Not":
                return not self._condition(stack, arguments[0])
            case "Fn::And":
                return all(self._condition(stack, item) for item in arguments)
            case "Fn::Or":
                return any(self._condition(stack, item) for item in arguments)
            case "Fn::Equals":
                one, other = (self.resolve(stack, item) for item in arguments)
                return str(one) == str(other)
        raise LookupError(f"Nobody knows what {function} is in a condition.")


_FUNCTIONS: Final[Mapping[str, str]] = {
    "Ref": "_ref",
    "Fn::GetAtt": "_get_attribute",
    "Fn::Sub": "_substitute",
    "Fn::Join": "_join",
    "Fn::If": "_if",
    "Fn::Select": "_select",
    "Fn::Split": "_split",
    "Fn::Base64": "_opaque",
    "Fn::Cidr": "_opaque",
    "Fn::FindInMap": "_opaque",
    "Fn::GetAZs": "_opaque",
    "Fn::ImportValue": "_opaque",
}
