"""House rules for Batch and its machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tools.project import ROOT_STACK, Project, Resource, Template
from tools.rules.rule import ResourceRules, enum, literals

GPU_IMAGE: Final = "ECS_AL2023_NVIDIA"
IMAGE_TYPES: Final = frozenset({"ECS_AL2023", GPU_IMAGE})
LONGEST_UPDATE_MINUTES: Final = 7200
CONTAINER_NEEDS: Final = ("JobRoleArn", "ExecutionRoleArn", "LogConfiguration")


def compute_environment(properties: Template, _: Resource) -> Iterator[str]:
    if properties.get("ReplaceComputeEnvironment") is not False:
        yield "an update would replace it and end every attempt (ReplaceComputeEnvironment)"
    update = properties.get("UpdatePolicy", {})
    if update.get("JobExecutionTimeoutMinutes") != LONGEST_UPDATE_MINUTES:
        yield f"an update may end attempts before {LONGEST_UPDATE_MINUTES} minutes"
    if update.get("TerminateJobsOnUpdate") is not False:
        yield "an update would terminate attempts"
    machines = properties["ComputeResources"]
    if machines.get("MinvCpus") != 0:
        yield "does not scale to nothing"
    if "Tags" in machines or "ComputeEnvironmentName" in properties:
        yield "has a create-only property, so an update would have to replace it"


def machine_image(properties: Template, _: Resource) -> Iterator[str]:
    for configuration in properties["ComputeResources"].get("Ec2Configuration", [{}]):
        for image_type in literals(configuration.get("ImageType", "")):
            if image_type not in IMAGE_TYPES:
                yield f"image type {image_type}"


def allocation(project: Project) -> Iterator[str]:
    """Every allocation strategy that a parameter allows is one that its machines can be had by."""
    parameters = project.stacks[ROOT_STACK]["Parameters"]
    for environment in project.resources("AWS::Batch::ComputeEnvironment"):
        machines = environment.properties["ComputeResources"]
        given = machines.get("AllocationStrategy", "")
        named = parameters[given["Ref"]]["AllowedValues"] if isinstance(given, dict) else [given]
        for strategy in named:
            if strategy not in enum("batch", "CRAllocationStrategy"):
                yield f"{environment}: no such allocation strategy: {strategy!r}"
            if strategy.startswith("SPOT_") != (machines["Type"] == "SPOT"):
                yield f"{environment}: {strategy} does not go with {machines['Type']}"


def job_queue(properties: Template, _: Resource) -> Iterator[str]:
    if "SchedulingPolicyArn" not in properties:
        yield "has no scheduling policy, and can never get one"
    for action in properties.get("JobStateTimeLimitActions", ()):
        if action["Action"] != "CANCEL" or action["State"] != "RUNNABLE":
            yield "a time limit that AWS does not have"


def job_container(properties: Template, _: Resource) -> Iterator[str]:
    container = properties["ContainerProperties"]
    if container.get("Privileged"):
        yield "privileged"
    if container.get("ReadonlyRootFilesystem") is not True:
        yield "the root file system can be written"
    if re.match(r"(root|0)?(:|$)", str(container.get("User", ""))):
        yield "runs as root"
    yield from (f"no {name}" for name in CONTAINER_NEEDS if name not in container)


def job_definition(properties: Template, _: Resource) -> Iterator[str]:
    if properties.get("RetryStrategy", {}).get("Attempts") != 1:
        yield "Batch would retry by itself, without a plan"
    if not properties.get("ResourceRetentionPolicy", {}).get("SkipDeregisterOnUpdate"):
        yield "an update would take the revision from under running executions"
    if "SchedulingPriority" not in properties:
        yield "has no scheduling priority, which a fair-share queue asks for"


def launch_template(properties: Template, _: Resource) -> Iterator[str]:
    machine = properties["LaunchTemplateData"]
    if machine.get("MetadataOptions", {}).get("HttpTokens") != "required":
        yield "IMDSv1 is on"
    for device in machine.get("BlockDeviceMappings", ()):
        if device["Ebs"].get("Encrypted") is not True:
            yield f"volume {device['DeviceName']} is not encrypted"
        if device["Ebs"].get("VolumeType") != "gp3":
            yield f"volume {device['DeviceName']} is not gp3"
    user_data = "".join(literals(machine.get("UserData", {}).get("Fn::Base64", "")))
    if not user_data.startswith("MIME-Version: 1.0\nContent-Type: multipart/mixed;"):
        yield "user data is not MIME multi-part, Batch would refuse it"
    for setting in ("ECS_ENABLE_SPOT_INSTANCE_DRAINING=true", "ECS_CONTAINER_STOP_TIMEOUT="):
        if setting not in user_data:
            yield f"user data does not set {setting}"


def spot_capacity(project: Project) -> Iterator[str]:
    """The spot queue hands a job back when there is no machine; nothing else would."""
    for spot_queue in project.resources("AWS::Batch::JobQueue"):
        reasons = {
            action["Reason"] for action in spot_queue.properties.get("JobStateTimeLimitActions", ())
        }
        if spot_queue.name == "SpotQueue" and not any(r.startswith("CAPACITY:") for r in reasons):
            yield f"{spot_queue}: a job without a machine would wait for ever"
    share = '"ShareIdentifier"'
    submits = project.machine_text.count("batch:submitJob")
    if project.machine_text.count(share) < submits:
        yield "a job without ShareIdentifier is refused by a fair-share queue"


RESOURCES: Final[ResourceRules] = {
    "AWS::Batch::ComputeEnvironment": (compute_environment, machine_image),
    "AWS::Batch::JobQueue": (job_queue,),
    "AWS::Batch::JobDefinition": (job_definition, job_container),
    "AWS::EC2::LaunchTemplate": (launch_template,),
}
PROJECT: Final = (allocation, spot_capacity)
