"""House rules for the templates: what AWS would only refuse, or silently do wrong, at run time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import botocore.session

from tools import asl, iam
from tools.project import ROOT_STACK, Project, Resource, Template, walk

GPU_IMAGE: Final = "ECS_AL2023_NVIDIA"
IMAGE_TYPES: Final = frozenset({"ECS_AL2023", GPU_IMAGE})
LONGEST_UPDATE_MINUTES: Final = 7200
CONTAINER_NEEDS: Final = ("JobRoleArn", "ExecutionRoleArn", "LogConfiguration")
PUBLIC_ACCESS: Final = (
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
)
VISIBILITY_FACTOR: Final = 6
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


def findings(project: Project) -> list[str]:
    """Everything wrong with the project, one sentence each."""
    found: list[str] = []
    for type_name, rules in RESOURCE_RULES.items():
        for resource in project.resources(type_name):
            for rule in rules:
                found += [f"{resource}: {text}" for text in rule(resource.properties, resource)]
    for project_rule in (
        nested_stacks,
        bucket_policies,
        intake_queue,
        instance_types,
        spot_capacity,
        dead_letters,
        asl.findings,
        iam.findings,
    ):
        found += project_rule(project)
    return found


@cache
def _enum(service: str, shape: str) -> frozenset[str]:
    model = botocore.session.get_session().get_service_model(service)
    return frozenset(model.shape_for(shape).enum)


# ---- one resource -------------------------------------------------------------------------------


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
    yield from _allocation(machines)


def _allocation(machines: Template) -> Iterator[str]:
    strategy = machines.get("AllocationStrategy", "")
    if strategy not in _enum("batch", "CRAllocationStrategy"):
        yield f"no such allocation strategy: {strategy!r}"
    if strategy.startswith("SPOT_") != (machines["Type"] == "SPOT"):
        yield f"{strategy} does not go with {machines['Type']}"
    for configuration in machines.get("Ec2Configuration", [{}]):
        for image_type in _strings(configuration.get("ImageType")):
            if image_type not in IMAGE_TYPES:
                yield f"image type {image_type}"


def _strings(value: Any) -> Iterator[str]:
    """Literal values of a property that may be an Fn::If."""
    if isinstance(value, dict) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            yield from _strings(branch)
    elif isinstance(value, str):
        yield value
    else:
        yield repr(value)


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
    user_data = machine.get("UserData", {}).get("Fn::Base64", "")
    if not user_data.startswith("MIME-Version: 1.0\nContent-Type: multipart/mixed;"):
        yield "user data is not MIME multi-part, Batch would refuse it"
    for setting in ("ECS_ENABLE_SPOT_INSTANCE_DRAINING=true", "ECS_CONTAINER_STOP_TIMEOUT="):
        if setting not in user_data:
            yield f"user data does not set {setting}"


def security_group(properties: Template, _: Resource) -> Iterator[str]:
    if properties.get("SecurityGroupIngress"):
        yield "lets somebody in"
    if not properties.get("SecurityGroupEgress"):
        yield "no egress is named, so everything may leave"


def bucket(properties: Template, resource: Resource) -> Iterator[str]:
    yield from _kept(resource)
    if "BucketEncryption" not in properties:
        yield "no encryption is set"
    access = properties.get("PublicAccessBlockConfiguration", {})
    yield from (f"{name} is off" for name in PUBLIC_ACCESS if access.get(name) is not True)
    notifications = properties.get("NotificationConfiguration", {})
    if not notifications.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
        yield "tells EventBridge nothing"
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", ())
    if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
        yield "abandoned uploads are paid for ever"


def table(properties: Template, resource: Resource) -> Iterator[str]:
    yield from _kept(resource)
    if properties.get("BillingMode") != "PAY_PER_REQUEST":
        yield "costs money while idle"
    recovery = properties.get("PointInTimeRecoverySpecification", {})
    if recovery.get("PointInTimeRecoveryEnabled") is not True:
        yield "no point-in-time recovery"


def _kept(resource: Resource) -> Iterator[str]:
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.body.get(name) != "Retain":
            yield f"{name} is not Retain"


def queue(properties: Template, _: Resource) -> Iterator[str]:
    if not properties.get("SqsManagedSseEnabled"):
        yield "not encrypted"


def topic(properties: Template, _: Resource) -> Iterator[str]:
    if "KmsMasterKeyId" not in properties:
        yield "not encrypted"


def function(properties: Template, _: Resource) -> Iterator[str]:
    if "LogGroup" not in properties.get("LoggingConfig", {}):
        yield "no log group of its own, so its log is kept for ever"
    if properties.get("Runtime") not in _enum("lambda", "Runtime"):
        yield f"no such runtime: {properties.get('Runtime')}"
    if properties.get("TracingConfig", {}).get("Mode") != "Active":
        yield "not traced"


def log_group(properties: Template, _: Resource) -> Iterator[str]:
    if "RetentionInDays" not in properties:
        yield "kept for ever"


def event_rule(properties: Template, _: Resource) -> Iterator[str]:
    for target in properties["Targets"]:
        if "DeadLetterConfig" not in target:
            yield "an event that cannot be delivered would be lost"
        if "RetryPolicy" not in target:
            yield "no retry policy"
    if "ScheduleExpression" not in properties:
        yield from _pattern(properties.get("EventPattern"), "EventPattern")


def _pattern(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pattern(inner, f"{where}.{key}")
    elif not isinstance(value, list):
        yield f"{where} must be a list"


def state_machine(properties: Template, _: Resource) -> Iterator[str]:
    if "LoggingConfiguration" not in properties:
        yield "keeps no log"
    if not properties.get("TracingConfiguration", {}).get("Enabled"):
        yield "not traced"


Rule = Callable[[Template, Resource], Iterator[str]]
RESOURCE_RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "AWS::Batch::ComputeEnvironment": (compute_environment,),
    "AWS::Batch::JobQueue": (job_queue,),
    "AWS::Batch::JobDefinition": (job_definition, job_container),
    "AWS::EC2::LaunchTemplate": (launch_template,),
    "AWS::EC2::SecurityGroup": (security_group,),
    "AWS::S3::Bucket": (bucket,),
    "AWS::DynamoDB::Table": (table,),
    "AWS::SQS::Queue": (queue,),
    "AWS::SNS::Topic": (topic,),
    "AWS::Lambda::Function": (function,),
    "AWS::Logs::LogGroup": (log_group,),
    "AWS::Events::Rule": (event_rule,),
    "AWS::StepFunctions::StateMachine": (state_machine,),
}


# ---- several resources --------------------------------------------------------------------------


def nested_stacks(project: Project) -> Iterator[str]:
    """Parameters given to a nested stack are the ones it takes; outputs read are ones it has."""
    root = project.stacks[ROOT_STACK]
    for name, child_name in project.children.items():
        child = project.stacks[child_name]
        given = set(root["Resources"][name]["Properties"].get("Parameters", {}))
        known = child.get("Parameters", {})
        required = {key for key, parameter in known.items() if "Default" not in parameter}
        unknown = sorted(given - set(known))
        yield from (f"{name}: {child_name} has no parameter {key}" for key in unknown)
        yield from (f"{name}: parameter {key} is missing" for key in sorted(required - given))
        read = set(re.findall(rf'"{name}", "Outputs\.(\w+)"', json.dumps(root)))
        read |= set(re.findall(rf'"{name}\.Outputs\.(\w+)"', json.dumps(root)))
        for key in sorted(read - set(child.get("Outputs", {}))):
            yield f"{name}: {child_name} has no output {key}"


def bucket_policies(project: Project) -> Iterator[str]:
    """Every bucket refuses requests that are not encrypted on the way."""
    protected = set()
    for policy in project.resources("AWS::S3::BucketPolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            test = statement.get("Condition", {}).get("Bool", {})
            if statement["Effect"] == "Deny" and test.get("aws:SecureTransport") == "false":
                protected.add((policy.stack, policy.properties["Bucket"]["Ref"]))
    for resource in project.resources("AWS::S3::Bucket"):
        if (resource.stack, resource.name) not in protected:
            yield f"{resource}: takes requests without TLS"


def intake_queue(project: Project) -> Iterator[str]:
    """A message must stay hidden while its function, and its retries, still work on it."""
    resources = project.stacks[ROOT_STACK]["Resources"]
    for mapping in project.resources("AWS::Lambda::EventSourceMapping"):
        source = resources[mapping.properties["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        worker = resources[mapping.properties["FunctionName"]["Ref"]]["Properties"]
        least = VISIBILITY_FACTOR * worker["Timeout"]
        if source.get("VisibilityTimeout", 30) < least:
            yield f"{mapping}: messages come back before {least} s"
        if "RedrivePolicy" not in source:
            yield f"{mapping}: a message that cannot be read comes back for ever"
        if "ReportBatchItemFailures" not in mapping.properties.get("FunctionResponseTypes", ()):
            yield f"{mapping}: one bad message repeats its whole batch"


def instance_types(project: Project) -> Iterator[str]:
    """Instance types, by default and in every environment of samconfig.toml, are ones EC2 has."""
    parameters = project.stacks[ROOT_STACK]["Parameters"]
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in parameters.items()
        if "Default" in parameter
    }
    for place, values in {"template.yaml": defaults, **project.parameter_sets}.items():
        unknown = sorted(set(values) - set(parameters))
        yield from (f"{place}: no parameter {name}" for name in unknown)
        for name in ("SpotInstanceTypes", "OnDemandInstanceTypes"):
            for instance_type in filter(None, values.get(name, "").split(",")):
                if "." in instance_type and instance_type not in _enum("ec2", "InstanceType"):
                    yield f"{place}: no such instance type: {instance_type}"


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


def dead_letters(project: Project) -> Iterator[str]:
    """Every dead-letter queue has an alarm: what lies there is a run somebody waits for."""
    watched = {
        value["Fn::GetAtt"][0]
        for alarm in project.resources("AWS::CloudWatch::Alarm")
        for _, value in walk(alarm.properties.get("Dimensions", ()))
        if isinstance(value, dict) and "Fn::GetAtt" in value
    }
    for resource in project.resources("AWS::SQS::Queue"):
        if resource.name.endswith("DeadLetters") and resource.name not in watched:
            yield f"{resource}: nobody would notice a letter in it"
