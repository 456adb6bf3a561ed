"""What an account tells of its limits, and how full things are: moto's AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from deckhand.adapters.account import SPOT_ROLE, Account, Holdings
from deckhand.domain.kept import EMPTY_BUCKET
from deckhand.domain.stack import Resource

Aws = Callable[[str], Any]
_numbers = count(1)


@pytest.fixture
def holdings(aws: Aws) -> Holdings:
    return Holdings(aws, datetime.now(UTC))


@pytest.fixture
def versioned(aws: Aws) -> Iterator[str]:
    """A bucket with two versions of one key, the newer one deleted since."""
    name = f"kept-{next(_numbers)}"
    client = aws("s3")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"123", b"45678"):
        client.put_object(Bucket=name, Key="a", Body=body)
    client.put_object(Bucket=name, Key="cold", Body=b"12", StorageClass="DEEP_ARCHIVE")
    client.delete_object(Bucket=name, Key="a")
    yield name


def of(kind: str, name: str) -> Resource:
    return Resource("S", "L", kind, name)


def test_every_version_in_a_bucket_is_counted(holdings: Holdings, versioned: str) -> None:
    found = holdings.holding(of("AWS::S3::Bucket", versioned))
    assert found is not None
    assert (dict(found.classes), found.items) == ({"STANDARD": 8, "DEEP_ARCHIVE": 2}, 3)


def test_the_command_that_empties_a_bucket_takes_every_version(
    aws: Aws, holdings: Holdings, versioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["-c", versioned, "us-east-2", ""])
    exec(EMPTY_BUCKET, {})  # noqa: S102  as the shell would do with what people are told
    aws("s3").delete_bucket(Bucket=versioned)
    assert holdings.holding(of("AWS::S3::Bucket", versioned)) is None


def test_tables_and_images(aws: Aws, holdings: Holdings, ledger_table: str) -> None:
    name = f"images-{next(_numbers)}"
    client = aws("ecr")
    client.create_repository(repositoryName=name)
    table = holdings.holding(of("AWS::DynamoDB::Table", ledger_table))
    images = holdings.holding(of("AWS::ECR::Repository", name))
    assert table is not None and table.known and images is not None and images.size == 0
    client.delete_repository(repositoryName=name)
    assert holdings.holding(of("AWS::ECR::Repository", name)) is None
    assert holdings.holding(of("AWS::DynamoDB::Table", "not-there")) is None


def test_of_other_things_the_size_is_not_known(holdings: Holdings) -> None:
    found = holdings.holding(of("AWS::KMS::Key", "key"))
    assert found is not None and not found.known


def quotas(*pages: dict[str, float]) -> Any:
    """Service Quotas, which moto does not list, answering in pages."""
    client = boto3.client("service-quotas")
    stubber = Stubber(client)
    for number, page in enumerate(pages, start=1):
        items = [{"QuotaName": name, "Value": value} for name, value in page.items()]
        more = {"NextToken": str(number)} if number < len(pages) else {}
        stubber.add_response("list_service_quotas", {"Quotas": items, **more})
    stubber.activate()
    return client


def connected(aws: Aws, *pages: dict[str, float]) -> Account:
    client = quotas(*pages)
    return Account(lambda name: client if name == "service-quotas" else aws(name))


def test_an_account_tells_its_limits(aws: Aws) -> None:
    account = connected(aws, {"All P5 Spot Instance Requests": 64.0}, {"Other": 1.0})
    assert account.number() == "123456789012"
    facts = account.facts()
    assert facts.zones == 3
    assert facts.quotas == {"All P5 Spot Instance Requests": 64.0, "Other": 1.0}
    assert facts.has_spot_role is False
    assert facts.left_out == ()


class Silent:
    """An account whose holder may look at nothing."""

    def get_role(self, **_: Any) -> Any:
        error = {"Code": "AccessDenied", "Message": "no"}
        raise ClientError({"Error": error}, "GetRole")

    def describe_availability_zones(self, **_: Any) -> Any:
        return self.get_role()

    def get_paginator(self, _: str) -> Any:
        return self.get_role()


def test_what_an_account_does_not_tell_is_left_out_with_the_reason() -> None:
    facts = Account(lambda _: Silent()).facts()
    assert (facts.zones, facts.quotas, facts.has_spot_role) == (None, None, None)
    assert len(facts.left_out) == 3
    assert all("does not allow" in item for item in facts.left_out)


def test_the_spot_role_is_found_once_it_is_there(aws: Aws) -> None:
    # moto would give the service-linked role another name.
    aws("iam").create_role(RoleName=SPOT_ROLE, AssumeRolePolicyDocument="{}")
    assert connected(aws, {}).facts().has_spot_role is True
