"""CloudFormation types that MiniStack cannot make: Batch for real, bystanders on paper."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import batch as ministack_batch
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

from localcloud.patches import batch as batch_api
from localcloud.patches import private
from localcloud.patches.casing import camel

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]

LONGEST_NAME = 128
RETAINING = frozenset({"Retain", "RetainExceptOnCreate"})
BYSTANDERS = frozenset(
    {
        "AWS::Budgets::Budget",
        "AWS::CE::AnomalyMonitor",
        "AWS::CE::AnomalySubscription",
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::Instance",
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


def install() -> None:
    handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    ours = {
        "AWS::Batch::ComputeEnvironment": _handler(_make_environment, _drop_environment),
        "AWS::Batch::JobQueue": _handler(_make_queue, _drop_queue),
        "AWS::Batch::JobDefinition": _handler(_make_definition, _drop_definition),
        "AWS::Batch::SchedulingPolicy": _handler(_make_policy, _drop_nothing),
        **{kind: _handler(_make_bystander, _drop_nothing) for kind in BYSTANDERS},
    }
    assert not set(ours) & set(handlers), f"MiniStack can make {set(ours) & set(handlers)} itself"
    handlers |= ours
    _tell_block_of_network(handlers["AWS::EC2::VPC"])
    _count_lookers(handlers["AWS::Lambda::EventSourceMapping"])
    _remember_attributes()
    _keep_what_is_retained(handlers["AWS::CloudFormation::Stack"])
    _leave_no_failed_stack(handlers["AWS::CloudFormation::Stack"])


def _keep_what_is_retained(handler: dict[str, Any]) -> None:
    """Let a nested stack that is deleted leave what its template retains, as a root stack does.

    MiniStack would delete it, a bucket with all that lies in it.
    """
    delete: Callable[[str, Properties], None] = handler["delete"]
    lookup = private(provisioners, "_nested_stack_lookup_name", "physical_id_or_arn")

    def delete_but_keep(physical_id: str, properties: Properties) -> None:
        stack = cloudformation._stacks.get(lookup(physical_id), {})
        made: dict[str, Any] = stack.get("_resources", {})
        for name, body in stack.get("_template", {}).get("Resources", {}).items():
            if body.get("DeletionPolicy") in RETAINING:
                made.pop(name, None)
        delete(physical_id, properties)

    handler["delete"] = delete_but_keep


def _leave_no_failed_stack(handler: dict[str, Any]) -> None:
    """Let a nested stack that could not be made go with its parent, as a rollback of AWS does."""
    create: Callable[[str, Properties, str], Made] = handler["create"]
    delete: Callable[[str, Properties], None] = handler["delete"]

    def create_or_leave_nothing(logical_id: str, properties: Properties, stack: str) -> Made:
        try:
            return create(logical_id, properties, stack)
        except Exception:
            for name, child in list(cloudformation._stacks.items()):
                is_it = name.startswith(f"{stack}-{logical_id}-")
                if is_it and not child["StackStatus"].endswith("_COMPLETE"):
                    delete(name, properties)
            raise

    handler["create"] = create_or_leave_nothing


def _remember_attributes() -> None:
    """Let what does not change in a nested stack keep its attributes when the stack is updated.

    MiniStack forgets them there, and the next `!GetAtt` fails.
    """
    known: dict[tuple[str, str], dict[str, Any]] = {}
    provision = private(
        provisioners, "_provision_resource", "resource_type", "logical_id", "props", "stack_name"
    )
    update = private(
        provisioners,
        "_update_resource",
        *("resource_type", "physical_id", "old_props", "new_props", "stack_name"),
        *("logical_id", "old_attrs"),
    )

    def provision_and_remember(
        resource_type: str, logical_id: str, props: Properties, stack_name: str
    ) -> Made:
        physical_id, attributes = provision(resource_type, logical_id, props, stack_name)
        known[resource_type, physical_id] = attributes
        return physical_id, attributes

    def update_from_memory(
        resource_type: str,
        physical_id: str,
        old_props: Properties,
        new_props: Properties,
        stack_name: str,
        logical_id: str | None = None,
        old_attrs: dict[str, Any] | None = None,
    ) -> Made:
        before = old_attrs or known.get((resource_type, physical_id))
        names = (stack_name, logical_id)
        new_id, after = update(resource_type, physical_id, old_props, new_props, *names, before)
        known[resource_type, new_id] = after
        return new_id, after

    provisioners._provision_resource = provision_and_remember
    provisioners._update_resource = update_from_memory


def _tell_block_of_network(handler: dict[str, Any]) -> None:
    """Let `!GetAtt Vpc.CidrBlock` work, which templates divide into subnets."""
    create: Callable[[str, Properties, str], Made] = handler["create"]

    def create_and_tell(logical_id: str, properties: Properties, stack: str) -> Made:
        vpc_id, attributes = create(logical_id, properties, stack)
        return vpc_id, {**attributes, "CidrBlock": properties["CidrBlock"]}

    handler["create"] = create_and_tell


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


def _make_bystander(logical_id: str, properties: Properties, stack: str) -> Made:
    name = f"{stack}-{logical_id}-{uuid.uuid4().hex[:8]}"
    return name, {"Arn": f"arn:aws:localcloud:::{name}", "Id": name}


def _drop_nothing(physical_id: str, properties: Properties) -> None:
    """Nothing was made."""


def _created(response: tuple[int, dict[str, str], bytes], key: str) -> str:
    status, _, body = response
    answer: dict[str, str] = json.loads(body)
    if status != 200:
        raise ValueError(answer.get("message", "Batch refused the request"))
    return answer[key]
