"""What stays of a stack: its price, and the commands that remove it."""

from __future__ import annotations

import pytest

from deckhand.domain.kept import GB, Holding, Kept, removal, retained
from deckhand.domain.stack import Resource


def resource(kind: str, name: str = "a-name") -> Resource:
    return Resource("StorageStack", "Logical", kind, name)


@pytest.mark.parametrize(
    ("kind", "classes", "month"),
    [
        ("AWS::S3::Bucket", {"STANDARD": 1000 * GB}, 23.0),
        ("AWS::S3::Bucket", {"STANDARD": 100 * GB, "DEEP_ARCHIVE": 1000 * GB}, 3.29),
        # A class that we know no price of costs as the dearest.
        ("AWS::S3::Bucket", {"NEW_CLASS": 1000 * GB}, 23.0),
        ("AWS::DynamoDB::Table", {"table": 4 * GB}, 1.0),
        ("AWS::ECR::Repository", {"images": 20 * GB}, 2.0),
        ("AWS::KMS::Key", {}, 1.0),
        ("AWS::EC2::Vpc", {}, 0.0),
    ],
)
def test_what_it_costs_a_month(kind: str, classes: dict[str, int], month: float) -> None:
    assert Kept(resource(kind), Holding(classes)).month == pytest.approx(month)


def test_only_what_the_template_retains_stays() -> None:
    bodies = {
        "Keep": {"DeletionPolicy": "Retain"},
        "Late": {"DeletionPolicy": "RetainExceptOnCreate"},
        "Drop": {"DeletionPolicy": "Delete"},
        "Plain": {},
        "Never": {"DeletionPolicy": "Retain"},
    }
    made = {name: resource("x", name) for name in ("Keep", "Late", "Drop", "Plain")}
    assert retained({"Resources": bodies}, made) == [made["Keep"], made["Late"]]


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("AWS::S3::Bucket", "aws s3api delete-bucket --bucket a-name"),
        ("AWS::DynamoDB::Table", "aws dynamodb delete-table --table-name a-name"),
        ("AWS::ECR::Repository", "aws ecr delete-repository --force --repository-name a-name"),
        ("AWS::KMS::Key", "aws kms schedule-key-deletion --key-id a-name"),
    ],
)
def test_how_it_is_removed(kind: str, command: str) -> None:
    *_, last = removal(resource(kind), "us-east-2", "a lab")
    assert last == f"{command} --region us-east-2 --profile 'a lab'"
