"""CloudFormation types that MiniStack cannot make: Batch for real, bystanders on paper."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import batch as ministack_batch
from ministack.services import ssm
from ministack.services.cloudformation import provisioners

from localcloud.patches import batch as batch_api
from localcloud.patches import nested_stacks
from localcloud.patches.casing import camel

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]

LONGEST_NAME = 128
BYSTANDERS = frozenset(
    {
        "AWS::Budgets::Budget",
        "AWS::CE::AnomalyMonitor",
        "AWS::CE::AnomalySubscription",
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::Config::ConfigRule",
        "AWS::Config::ConfigurationRecorder",
        "AWS::Config::DeliveryChannel",
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::Instance",
        "AWS::EC2::InstanceConnectEndpoint",
        "AWS::EC2::NatGateway",
        "AWS::EC2::NetworkAcl",
        "AWS::EC2::NetworkAclEntry",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SubnetNetworkAclAssociation",
        "AWS::IAM::ServiceLinkedRole",
        "AWS::Lambda::CodeSigningConfig",
        "AWS::Logs::QueryDefinition",
        "AWS::ResourceGroups::Group",
        "AWS::SNS::TopicInlinePolicy",
        "AWS::ServiceCatalogAppRegistry::Application",
        "AWS::XRay::Group",
    }
)
"""Types that have no effect on a laptop: accepted and remembered by the stack, nothing is made."""

BYSTANDERS_SAY = {
    "AWS::EC2::EIP": ("AllocationId", "PublicIp"),
    "AWS::EC2::NatGateway": ("NatGatewayId",),
}
"""Attributes that templates read of them, beside those that all have."""

IMAGES = {
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64": "ami-0a1b2c3d4e5f60718",
}
"""Public parameters that templates read, which AWS has and MiniStack lacks."""


def install() -> None:
    handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    ours = {
        "AWS::Batch::ComputeEnvironment": _handler(_make_environment, _drop_environment),
        "AWS::Batch::JobQueue": _handler(_make_queue, _drop_queue),
        "AWS::Batch::JobDefinition": _handler(_make_definition, _drop_definition),
        "AWS::Batch::SchedulingPolicy": _handler(_make_policy, _drop_nothing),
        **{kind: _handler(_make_bystander(kind), _drop_nothing) for kind in BYSTANDERS},
    }
    assert not set(ours) & set(handlers), f"MiniStack can make {set(ours) & set(handlers)} itself"
    handlers |= ours
    ssm._PUBLIC_AMI_PARAMETERS.update(IMAGES)
    _tell_block_of_network(handlers["AWS::EC2::VPC"])
    _count_lookers(handlers["AWS::Lambda::EventSourceMapping"])
    _accept_mathematics(handlers["AWS::CloudWatch::Alarm"])
    nested_stacks.install(handlers["AWS::CloudFormation::Stack"])


def _tell_block_of_network(handler: dict[str, Any]) -> None:
    """Let `!GetAtt Vpc.CidrBlock` work, which templates divide into subnets."""
    create: Callable[[str, Properties, str], Made] = handler["create"]

    def create_and_tell(logical_id: str, properties: Properties, stack: str) -> Made:
        vpc_id, attributes = create(logical_id, properties, stack)
        return vpc_id, {**attributes, "CidrBlock": properties["CidrBlock"]}

    handler["create"] = create_and_tell


def _accept_mathematics(handler: dict[str, Any]) -> None:
    """Let an alarm that reckons with several metrics be a bystander: MiniStack refuses it."""
    create: Callable[[str, Properties, str], Made] = handler["create"]
    update: Callable[..., Made] = handler["update"]
    delete: Callable[[str, Properties], None] = handler["delete"]
    accept = _make_bystander("AWS::CloudWatch::Alarm")

    def create_or_accept(logical_id: str, properties: Properties, stack: str) -> Made:
        make = accept if "Metrics" in properties else create
        return make(logical_id, properties, stack)

    def update_or_accept(
        name: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Made:
        if "Metrics" in old or "Metrics" in new:
            delete_or_forget(name, old)
            return create_or_accept(logical_id, new, stack)
        return update(name, old, new, stack, logical_id)

    def delete_or_forget(name: str, properties: Properties) -> None:
        if "Metrics" not in properties:
            delete(name, properties)

    handler |= {
        "create": create_or_accept,
        "update": update_or_accept,
        "delete": delete_or_forget,
    }


def _count_lookers(handler: dict[str, Any]) -> None:
    """Let a parameter say how many functions a queue keeps busy: parameters are text."""
    for name in ("create", "update"):
        handler[name] = _with_numbers(handler[name])


def _with_numbers(function: Callable[..., Made]) -> Callable[..., Made]:
    def call(*given: Any) -> Made:
        return function(*(_numbered(item) for item in given))

    return call


def _numbered(given: Any) -> Any:
    if not isinstance(given, dict) or "ScalingConfig" not in given:
        return given
    return {**given, "ScalingConfig": {k: int(v) for k, v in given["ScalingConfig"].items()}}


def _handler(
    make: Callable[[str, Properties, str], Made], drop: Callable[[str, Properties], None]
) -> dict[str, Any]:
    def update(old_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Made:
        drop(old_id, old)
        return make(logical_id, new, stack)

    return {"create": make, "delete": drop, "update": update, "update_with_logical_id": True}


def _named(properties: Properties, key: str, logical_id: str, stack: str) -> dict[str, Any]:
    named: dict[str, Any] = camel(dict(properties))
    named.setdefault(key, f"{stack}-{logical_id}"[:LONGEST_NAME])
    return named


def _make_environment(logical_id: str, properties: Properties, stack: str) -> Made:
    request = _named(properties, "computeEnvironmentName", logical_id, stack)
    arn = _created(ministack_batch._create_compute_environment(request), "computeEnvironmentArn")
    return arn, {"ComputeEnvironmentArn": arn}


def _drop_environment(arn: str, properties: Properties) -> None:
    ministack_batch._compute_envs.pop(arn.rsplit("/", 1)[-1], None)


def _make_queue(logical_id: str, properties: Properties, stack: str) -> Made:
    request = _named(properties, "jobQueueName", logical_id, stack)
    arn = _created(ministack_batch._create_job_queue(request), "jobQueueArn")
    queue = ministack_batch._job_queues[request["jobQueueName"]]
    queue.update({k: v for k, v in request.items() if k not in queue})
    return arn, {"JobQueueArn": arn}


def _drop_queue(arn: str, properties: Properties) -> None:
    ministack_batch._job_queues.pop(arn.rsplit("/", 1)[-1], None)


def _make_definition(logical_id: str, properties: Properties, stack: str) -> Made:
    request = _named(properties, "jobDefinitionName", logical_id, stack)
    arn = batch_api.register(request)["jobDefinitionArn"]
    return arn, {"JobDefinitionArn": arn}


def _drop_definition(arn: str, properties: Properties) -> None:
    batch_api.deregister(arn)


def _make_policy(logical_id: str, properties: Properties, stack: str) -> Made:
    name = _named(properties, "name", logical_id, stack)["name"]
    arn = ministack_batch._jq_arn(name).replace(":job-queue/", ":scheduling-policy/")
    return arn, {"Arn": arn}


def _make_bystander(kind: str) -> Callable[[str, Properties, str], Made]:
    def make(logical_id: str, properties: Properties, stack: str) -> Made:
        name = f"{stack}-{logical_id}-{uuid.uuid4().hex[:8]}"
        said = dict.fromkeys(BYSTANDERS_SAY.get(kind, ()), name)
        return name, {"Arn": f"arn:aws:localcloud:::{name}", "Id": name, **said}

    return make


def _drop_nothing(physical_id: str, properties: Properties) -> None:
    """Nothing was made."""


def _created(response: tuple[int, dict[str, str], bytes], key: str) -> str:
    status, _, body = response
    answer: dict[str, str] = json.loads(body)
    if status != 200:
        raise ValueError(answer.get("message", "Batch refused the request"))
    return answer[key]
