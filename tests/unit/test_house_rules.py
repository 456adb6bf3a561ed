"""Each gate is shown the fault it is there for; a gate that cannot fail guards nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tools import house_rules
from tools.project import Project, load

Damage = Callable[[Project], None]


@pytest.fixture(scope="module")
def sound() -> Project:
    return load()


RETRY = "Retry/0"


def properties(project: Project, stack: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = project.stacks[stack]["Resources"][name]["Properties"]
    return found


def put(stack: str, name: str, path: str, value: Any) -> Damage:
    """Set a property of a resource; None removes it."""

    def damage(project: Project) -> None:
        change(properties(project, stack, name), path, value)

    return damage


def change(target: Any, path: str, value: Any) -> None:
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    for key in parents:
        target = target[key]
    if value is None:
        del target[last]
    else:
        target[last] = value


def state(name: str, path: str, value: Any) -> Damage:
    """Set a field of a state; None removes it."""

    def damage(project: Project) -> None:
        machine = project.machine
        change(machine["States"][name], path, value)
        project.machine_text = json.dumps(machine)

    return damage


def replace(old: str, new: str) -> Damage:
    """Change the text of the state machine."""

    def damage(project: Project) -> None:
        assert old in project.machine_text
        project.machine_text = project.machine_text.replace(old, new)

    return damage


def body(stack: str, name: str, key: str, value: Any) -> Damage:
    def damage(project: Project) -> None:
        project.stacks[stack]["Resources"][name][key] = value

    return damage


def without(stack: str, name: str) -> Damage:
    def damage(project: Project) -> None:
        del project.stacks[stack]["Resources"][name]

    return damage


def allow(role: str, stack: str, action: str, resource: Any) -> Damage:
    def damage(project: Project) -> None:
        policies = properties(project, stack, role)["Policies"]
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policies[0]["PolicyDocument"]["Statement"].append(statement)

    return damage


def forbid(action: str) -> Damage:
    """Take an action from the state machine's role."""

    def damage(project: Project) -> None:
        role = json.dumps(project.stacks["template"]["Resources"]["RunDeckRole"])
        project.stacks["template"]["Resources"]["RunDeckRole"] = json.loads(
            role.replace(f'"{action}"', '"events:ListRules"')
        )

    return damage


def environment(name: str, value: str) -> Damage:
    def damage(project: Project) -> None:
        project.parameter_sets["prod"][name] = value

    return damage


ROLE_ARN = "arn:aws:s3:::bucket/*"
FAULTS: dict[str, tuple[Damage, str]] = {
    # compute
    "strategy misspelt": (
        put(
            "compute", "SpotMachines", "ComputeResources/AllocationStrategy", "SPOT_PRICE_OPTIMISED"
        ),
        "no such allocation strategy",
    ),
    "spot strategy on demand": (
        put(
            "compute",
            "OnDemandMachines",
            "ComputeResources/AllocationStrategy",
            "SPOT_CAPACITY_OPTIMIZED",
        ),
        "does not go with EC2",
    ),
    "always a machine": (
        put("compute", "SpotMachines", "ComputeResources/MinvCpus", 4),
        "scale to nothing",
    ),
    "replaced on update": (
        put("compute", "SpotMachines", "ReplaceComputeEnvironment", None),
        "replace it and end every attempt",
    ),
    "30 minutes on update": (
        put("compute", "OnDemandMachines", "UpdatePolicy", {}),
        "before 7200 minutes",
    ),
    "old image type": (
        put(
            "compute",
            "SpotMachines",
            "ComputeResources/Ec2Configuration/0/ImageType",
            "ECS_AL2_NVIDIA",
        ),
        "image type ECS_AL2_NVIDIA",
    ),
    "no such machine": (environment("SpotInstanceTypes", "p4d.25xlarge"), "p4d.25xlarge"),
    "no such parameter": (environment("SpotPrice", "1"), "no parameter SpotPrice"),
    "fifo queue": (
        put("compute", "SpotQueue", "SchedulingPolicyArn", None),
        "no scheduling policy",
    ),
    "waits for ever": (
        put("compute", "SpotQueue", "JobStateTimeLimitActions", []),
        "wait for ever",
    ),
    "privileged job": (
        put("compute", "AttemptJob", "ContainerProperties/Privileged", True),
        "privileged",
    ),
    "root job": (put("compute", "AttemptJob", "ContainerProperties/User", "0:0"), "runs as root"),
    "writable job": (
        put("compute", "AttemptJob", "ContainerProperties/ReadonlyRootFilesystem", None),
        "can be written",
    ),
    "batch retries": (put("compute", "AttemptJob", "RetryStrategy/Attempts", 3), "without a plan"),
    "revision deregistered": (
        put("compute", "AttemptJob", "ResourceRetentionPolicy", None),
        "from under running executions",
    ),
    "imds v1": (
        put(
            "compute",
            "MachineTemplate",
            "LaunchTemplateData/MetadataOptions/HttpTokens",
            "optional",
        ),
        "IMDSv1",
    ),
    "plain volume": (
        put(
            "compute",
            "MachineTemplate",
            "LaunchTemplateData/BlockDeviceMappings/0/Ebs/Encrypted",
            None,
        ),
        "not encrypted",
    ),
    "user data not mime": (
        put("compute", "MachineTemplate", "LaunchTemplateData/UserData/Fn::Base64", "#!/bin/bash"),
        "MIME",
    ),
    # network
    "ssh open": (
        put("network", "MachineSecurityGroup", "SecurityGroupIngress", [{"CidrIp": "0.0.0.0/0"}]),
        "lets somebody in",
    ),
    # storage
    "bucket plain": (put("storage", "RunsBucket", "BucketEncryption", None), "no encryption"),
    "bucket public": (
        put("storage", "InboxBucket", "PublicAccessBlockConfiguration/BlockPublicPolicy", False),
        "BlockPublicPolicy is off",
    ),
    "bucket without tls": (without("storage", "RunsBucketPolicy"), "without TLS"),
    "bucket deleted": (body("storage", "RunsBucket", "DeletionPolicy", "Delete"), "not Retain"),
    "bucket silent": (
        put("storage", "InboxBucket", "NotificationConfiguration", {}),
        "tells EventBridge nothing",
    ),
    "uploads abandoned": (
        put("storage", "RunsBucket", "LifecycleConfiguration", None),
        "paid for ever",
    ),
    "ledger not recoverable": (
        put("storage", "Ledger", "PointInTimeRecoverySpecification", None),
        "point-in-time",
    ),
    # messages and queues
    "topic plain": (put("notices", "Messages", "KmsMasterKeyId", None), "not encrypted"),
    "event lost": (
        put("template", "DeckUploaded", "Targets/0/DeadLetterConfig", None),
        "would be lost",
    ),
    "pattern not a list": (
        put("template", "DeckUploaded", "EventPattern/source", "aws.s3"),
        "source must be a list",
    ),
    "message comes back early": (
        put("template", "IntakeQueue", "VisibilityTimeout", 60),
        "before 360 s",
    ),
    "message comes back for ever": (
        put("template", "IntakeQueue", "RedrivePolicy", None),
        "comes back for ever",
    ),
    "whole batch repeated": (
        put("template", "AdmitDropUploads", "FunctionResponseTypes", []),
        "repeats its whole batch",
    ),
    "letters unnoticed": (without("template", "EventDeadLettersAlarm"), "nobody would notice"),
    # functions
    "implicit log group": (put("template", "CheckDeck", "LoggingConfig", None), "no log group"),
    "log kept": (put("template", "CheckDeckLogs", "RetentionInDays", None), "kept for ever"),
    "runtime misspelt": (put("template", "CheckDeck", "Runtime", "python3.31"), "no such runtime"),
    # nested stacks
    "parameter missing": (
        put("template", "ComputeStack", "Parameters/JobVcpus", None),
        "parameter JobVcpus is missing",
    ),
    "parameter unknown": (
        put("template", "ComputeStack", "Parameters/JobCpus", "1"),
        "no parameter JobCpus",
    ),
    "output unknown": (
        put(
            "template",
            "RunDeck",
            "DefinitionSubstitutions/SpotQueueArn",
            {"Fn::GetAtt": ["ComputeStack", "Outputs.Spot"]},
        ),
        "no output Spot",
    ),
    # permissions
    "wildcard action": (
        allow("CloseRunRole", "template", "s3:*", ROLE_ARN),
        "wildcard action s3:*",
    ),
    "wildcard resource": (
        allow("PlanAttemptRole", "template", "s3:GetObject", "*"),
        "on every resource",
    ),
    "job deletes": (allow("JobRole", "compute", "s3:DeleteObject", ROLE_ARN), "could destroy"),
    "job sends": (allow("JobRole", "compute", "sns:Publish", ROLE_ARN), "could destroy or escape"),
    "machine reads": (
        allow("MachineRole", "compute", "s3:GetObject", ROLE_ARN),
        "use the machine's",
    ),
    "broad managed policy": (
        put(
            "template",
            "CloseRunRole",
            "ManagedPolicyArns/0",
            "arn:aws:iam::aws:policy/AmazonS3FullAccess",
        ),
        "AmazonS3FullAccess",
    ),
    "sync without rule": (forbid("events:PutRule"), ".sync needs events:PutRule"),
    "sync without poll": (forbid("batch:DescribeJobs"), ".sync needs batch:DescribeJobs"),
    # state machine
    "next dangling": (state("JudgeAttempt", "Next", "AttemptJuged"), "no such state: AttemptJuged"),
    "state unreachable": (
        state("CheckDeck", "Next", "CloseRun"),
        "WaitForFiles: cannot be reached",
    ),
    "loop without end": (state("CloseRun", "Next", "CheckDeck"), "Completed: cannot be reached"),
    "task without timeout": (state("PlanAttempt", "TimeoutSeconds", None), "TimeoutSeconds"),
    "task without retry": (state("JudgeAttempt", "Retry", None), "no Retry"),
    "task without catch": (state("CloseRun", "Catch", None), "no Catch"),
    "retry of everything": (
        state("RunAttempt", f"{RETRY}/ErrorEquals", ["States.ALL"]),
        "must name",
    ),
    "retry in step": (state("RunAttempt", f"{RETRY}/JitterStrategy", None), "full jitter"),
    "retry without limit": (
        state("RunAttempt", f"{RETRY}/MaxDelaySeconds", None),
        "MaxDelaySeconds",
    ),
    "state gives up first": (
        state("CloseRun", "TimeoutSeconds", 300),
        "waits 300 s for a function of 840 s",
    ),
    "attempt outlives state": (
        state("RunAttempt", "TimeoutSeconds", 3600),
        "for an attempt of 604800 s",
    ),
    "service misspelt": (replace("sns:publish", "sns:publishh"), "no such integration"),
    "argument misspelt": (replace('"JobName"', '"JobNam"'), "unknown argument JobNam"),
    "nested argument misspelt": (
        replace('"Environment"', '"Environments"'),
        "unknown argument Environments",
    ),
    "argument missing": (
        state("RunAttempt", "Arguments/JobQueue", None),
        "missing argument JobQueue",
    ),
    "no share": (state("RunAttempt", "Arguments/ShareIdentifier", None), "ShareIdentifier"),
    "substitution unknown": (
        replace("${CloseRunArn}", "${CloserunArn}"),
        "CloserunArn is not given",
    ),
    "substitution unused": (replace("${CloseRunArn}", "arn"), "CloseRunArn is not used"),
    "variable unassigned": (
        replace("$states.context.Execution.Id", "$execution"),
        "$execution is never",
    ),
    "not jsonata": (
        state("DeckChecked", "Choices/0/Condition", "{% $states.input.x = %}"),
        "not JSONata",
    ),
    "jsonpath": (state("PlanAttempt", "ResultPath", "$.plan"), "is JSONPath"),
    "subject unbounded": (
        state("TellOperator", "Arguments/Subject", "{% $states.input.reason %}"),
        "not cut to 99",
    ),
    "subject too long": (state("TellOperator", "Arguments/Subject", "x" * 101), "101 characters"),
}


def test_the_project_keeps_its_rules(sound: Project) -> None:
    assert house_rules.findings(sound) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(sound: Project, fault: str) -> None:
    damage, expected = FAULTS[fault]
    project = deepcopy(sound)
    damage(project)
    found = house_rules.findings(project)
    assert any(expected in text for text in found), found
