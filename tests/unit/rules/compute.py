"""Faults of Batch and its machines."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, parameter, put

MACHINES = "ComputeResources"
FAULTS: Faults = {
    "strategy misspelt": (
        put("compute", "SpotMachines", f"{MACHINES}/AllocationStrategy", "SPOT_PRICE_OPTIMISED"),
        "no such allocation strategy",
    ),
    "strategy that a parameter misspells": (
        parameter("SpotAllocationStrategy", "AllowedValues", ["SPOT_PRICE_OPTIMISED"]),
        "no such allocation strategy",
    ),
    "spot strategy on demand": (
        parameter("OnDemandAllocationStrategy", "AllowedValues", ["SPOT_CAPACITY_OPTIMIZED"]),
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
    "environment named": (
        put("compute", "SpotMachines", "ComputeEnvironmentName", "spot"),
        "create-only property",
    ),
    "time limit while running": (
        put("compute", "SpotQueue", "JobStateTimeLimitActions/0/State", "RUNNING"),
        "that AWS does not have",
    ),
    "no priority": (
        put("compute", "AttemptJob", "SchedulingPriority", None),
        "no scheduling priority",
    ),
    "slow volume": (
        put(
            "compute",
            "MachineTemplate",
            "LaunchTemplateData/BlockDeviceMappings/0/Ebs/VolumeType",
            "gp2",
        ),
        "is not gp3",
    ),
}
