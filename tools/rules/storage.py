"""House rules for what keeps the decks, the runs and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tools.project import Project, Resource, Template
from tools.rules.rule import ResourceRules

PUBLIC_ACCESS: Final = (
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
)


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


RESOURCES: Final[ResourceRules] = {
    "AWS::S3::Bucket": (bucket,),
    "AWS::DynamoDB::Table": (table,),
}
PROJECT: Final = (bucket_policies,)
