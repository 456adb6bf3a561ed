"""Faults of permissions."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, allow, exclude, forbid, put

ROLE_ARN = "arn:aws:s3:::bucket/*"
FAULTS: Faults = {
    "role without boundary": (
        put("compute", "MachineRole", "PermissionsBoundary", None),
        "takes no permissions boundary",
    ),
    "wildcard action": (
        allow("CloseRunRole", "template", "s3:*", ROLE_ARN),
        "wildcard action s3:*",
    ),
    "wildcard resource": (
        allow("PlanAttemptRole", "template", "s3:GetObject", "*"),
        "on every resource",
    ),
    "job reads": (allow("JobRole", "compute", "s3:GetObject", ROLE_ARN), "whatever run it is of"),
    "run deletes": (allow("RunRole", "template", "s3:DeleteObject", ROLE_ARN), "could destroy"),
    "run sends": (
        allow("RunRole", "template", "sns:Publish", ROLE_ARN),
        "could destroy or escape",
    ),
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
    "all but one action": (exclude("CloseRunRole", "template", "s3:DeleteBucket"), "by exclusion"),
}
