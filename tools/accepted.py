"""What the scanners find and this project keeps: each check, where, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tools.scan import Accepted

OWNED_KEY: Final = (
    "encrypted at rest with a key that AWS owns; a key of one's own costs a dollar a month and a "
    "fee per request, and keeps out nobody whom IAM does not keep out already"
)

ACCEPTED: Final[Sequence[Accepted]] = (
    # ---- functions ------------------------------------------------------------------------------
    Accepted(
        "CKV_AWS_115",
        "AWS::*::Function.*",
        "reserved concurrency is taken from the rest of the account and, where it is too low, "
        "throttles the functions that close runs; intake is bounded at its event source instead",
    ),
    Accepted(
        "CKV_AWS_116",
        "AWS::*::Function.*",
        "functions called by the state machine or by SQS report their failure there; those that "
        "events call have OnFailure destinations, which checkov does not read, but a test does",
    ),
    Accepted(
        "CKV_AWS_117",
        "AWS::*::Function.*",
        "they call AWS' own APIs over TLS with a role each; inside the VPC the same calls would "
        "need a NAT gateway or interface endpoints, paid while idle, and nothing would be safer",
    ),
    Accepted(
        "CKV_AWS_173",
        "AWS::*::Function.*",
        "the variables are names and numbers, no secrets; " + OWNED_KEY,
    ),
    # ---- what is kept ---------------------------------------------------------------------------
    Accepted(
        "CKV_AWS_27",
        "AWS::SQS::Queue.*",
        "SqsManagedSseEnabled: checkov reads KmsMasterKeyId only",
    ),
    Accepted("CKV_AWS_158", "AWS::Logs::LogGroup.*", OWNED_KEY),
    Accepted(
        "CKV_AWS_33",
        "AWS::KMS::Key.Key",
        "everybody of this account, and only through S3 and DynamoDB, which ask for rights too",
    ),
    Accepted(
        "CKV_AWS_88",
        "AWS::EC2::Instance.Bastion",
        "a bastion is met from outside; there is none unless a parameter asks for it",
    ),
    Accepted("CKV_AWS_136", "AWS::ECR::Repository.Images", OWNED_KEY),
    Accepted(
        "CKV_AWS_18",
        "AWS::S3::Bucket.*Bucket",
        "access logs are delivered by best effort and fill a bucket of their own; who read what is "
        "what CloudTrail's data events tell, where an account turns them on",
    ),
    Accepted(
        "CKV_AWS_21",
        "AWS::S3::Bucket.RunsBucket",
        "a pruned checkpoint must stop costing money, and no job may delete anything",
    ),
    Accepted(
        "CKV_AWS_111",
        "AWS::IAM::Role.MachineRole",
        "the five actions of Session Manager know no resource",
    ),
    # ---- the image ------------------------------------------------------------------------------
    Accepted(
        "CKV_DOCKER_2",
        "container/Dockerfile.*",
        "Batch asks no container for its health; a runner that stalls ends itself",
    ),
    Accepted(
        "CKV_DOCKER_7",
        "container/Dockerfile.FROM",
        "the images are arguments, whose defaults have digests; a test holds them to it",
    ),
    # ---- delivery -------------------------------------------------------------------------------
    Accepted(
        "CKV_AWS_111",
        "AWS::IAM::ManagedPolicy.Boundary",
        "a boundary gives nothing; those of its actions that stand at * know no resource",
    ),
    Accepted(
        "CKV_GHA_7",
        ".github/workflows/deploy.yml",
        "the input is the name of one of four environments; what is built is the commit",
    ),
    Accepted(
        "CKV_GHA_7",
        ".github/workflows/image.yml",
        "the input is the name of one of four environments; what is built is the commit",
    ),
)

NO_SECRETS: Final[Sequence[Accepted]] = (
    Accepted("CKV_SECRET_6", "localcloud/imds.py", "names of HTTP headers"),
    Accepted("CKV_SECRET_6", "tests/unit/lammps/test_dry_run.py", "a word that must not leak"),
)
