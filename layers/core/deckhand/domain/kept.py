"""What stays when a stack is deleted: its size, its price, and how to remove it by hand."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deckhand.domain import list_prices as price
from deckhand.domain.stack import Resource

RETAINING: Final = frozenset({"Retain", "RetainExceptOnCreate"})
BUCKET: Final = "AWS::S3::Bucket"
TABLE: Final = "AWS::DynamoDB::Table"
IMAGES: Final = "AWS::ECR::Repository"
KEY: Final = "AWS::KMS::Key"
GB: Final = 1024**3

EMPTY_BUCKET: Final = (
    "import boto3, sys; boto3.Session(profile_name=sys.argv[3] or None)"
    ".resource('s3', region_name=sys.argv[2]).Bucket(sys.argv[1]).object_versions.delete()"
)
"""Every version too: `aws s3 rm --recursive` leaves those of a versioned bucket."""


@dataclass(frozen=True)
class Holding:
    """How much lies in something: bytes by storage class, and how many objects or images.

    *at_least* where counting was broken off. *known* is False where nobody could tell.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    items: int = 0
    at_least: bool = False
    known: bool = True

    @property
    def size(self) -> int:
        return sum(self.classes.values())


@dataclass(frozen=True)
class Kept:
    """A resource that its template retains."""

    resource: Resource
    holding: Holding

    @property
    def month(self) -> float:
        """US dollars a month for what lies there now."""
        if self.resource.kind == KEY:
            return price.KEY_MONTH
        dearest = price.S3_GB_MONTH["STANDARD"]
        rates = {TABLE: price.TABLE_GB_MONTH, IMAGES: price.IMAGE_GB_MONTH}
        rate = rates.get(self.resource.kind)
        return sum(
            size / GB * (price.S3_GB_MONTH.get(name, dearest) if rate is None else rate)
            for name, size in self.holding.classes.items()
        )


def retained(template: Mapping[str, Any], made: Mapping[str, Resource]) -> list[Resource]:
    """The resources among *made* that CloudFormation leaves when it deletes a stack."""
    return [
        made[name]
        for name, body in (template.get("Resources") or {}).items()
        if body.get("DeletionPolicy") in RETAINING and name in made
    ]


def removal(resource: Resource, region: str, profile: str) -> Iterator[str]:
    """The commands that remove it for ever."""
    name = shlex.quote(resource.physical_id)
    at = f" --region {shlex.quote(region)}" if region else ""
    at += f" --profile {shlex.quote(profile)}" if profile else ""
    if resource.kind == BUCKET:
        arguments = " ".join(shlex.quote(item) for item in (resource.physical_id, region, profile))
        yield f'.venv/bin/python -c "{EMPTY_BUCKET}" {arguments}'
        yield f"aws s3api delete-bucket --bucket {name}{at}"
    elif resource.kind == TABLE:
        unprotect = "--no-deletion-protection-enabled"
        yield f"aws dynamodb update-table --table-name {name} {unprotect}{at}"
        yield f"aws dynamodb delete-table --table-name {name}{at}"
    elif resource.kind == IMAGES:
        yield f"aws ecr delete-repository --force --repository-name {name}{at}"
    elif resource.kind == KEY:
        yield f"aws kms schedule-key-deletion --key-id {name}{at}"
    elif resource.kind == "AWS::Logs::LogGroup":
        yield f"aws logs delete-log-group --log-group-name {name}{at}"
    else:
        yield f"# {resource.kind} {resource.physical_id}: in the console"
