"""What an account of AWS lets a stack have, and how full what it keeps has become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters.trouble import AwsError, remedy
from deckhand.domain.kept import BUCKET, IMAGES, TABLE, Holding
from deckhand.domain.stack import Resource
from deckhand.usecases.ports import AccountFacts

SPOT_ROLE: Final = "AWSServiceRoleForEC2Spot"
PAGES_COUNTED: Final = 50
"""Of a thousand versions each; a fuller bucket is measured by CloudWatch, or not to its end."""

STORAGE_TYPES: Final = {
    "StandardStorage": "STANDARD",
    "StandardIAStorage": "STANDARD_IA",
    "IntelligentTieringFAStorage": "INTELLIGENT_TIERING",
    "IntelligentTieringIAStorage": "STANDARD_IA",
    "IntelligentTieringAIAStorage": "GLACIER_IR",
    "GlacierInstantRetrievalStorage": "GLACIER_IR",
    "GlacierStorage": "GLACIER",
    "DeepArchiveStorage": "DEEP_ARCHIVE",
}
"""Dimension of AWS/S3 BucketSizeBytes, and the class that it costs as."""

Connect = Callable[[str], BaseClient]
T = TypeVar("T")


class Account:
    """Asks what can be asked; what an account does not tell is left out, with the reason."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def number(self) -> str:
        """The account's number; raises what boto3 raises where there are no credentials."""
        return str(self._connect("sts").get_caller_identity()["Account"])

    def facts(self) -> AccountFacts:
        left_out: list[str] = []

        def ask(what: str, question: Callable[[], T]) -> T | None:
            try:
                return question()
            except AwsError as error:
                left_out.append(f"{what}: {remedy(error)}")
                return None

        return AccountFacts(
            zones=ask("how many availability zones the region has", self._zones),
            quotas=ask("the quotas of EC2", self._quotas),
            has_spot_role=ask("the service-linked role of EC2 Spot", self._has_spot_role),
            left_out=tuple(left_out),
        )

    def _zones(self) -> int:
        answer = self._connect("ec2").describe_availability_zones(
            Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
        )
        return sum(item["State"] == "available" for item in answer["AvailabilityZones"])

    def _quotas(self) -> dict[str, float]:
        pages = self._connect("service-quotas").get_paginator("list_service_quotas")
        return {
            str(item["QuotaName"]): float(item["Value"])
            for page in pages.paginate(ServiceCode="ec2")
            for item in page["Quotas"]
        }

    def _has_spot_role(self) -> bool:
        try:
            self._connect("iam").get_role(RoleName=SPOT_ROLE)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return False
            raise
        return True


class Holdings:
    """How much lies in buckets, tables and image repositories."""

    def __init__(self, connect: Connect, now: datetime) -> None:
        self._connect = connect
        self._now = now

    def holding(self, resource: Resource) -> Holding | None:
        """None where it is not there any more."""
        measures: Mapping[str, Callable[[str], Holding]] = {
            BUCKET: self._bucket,
            TABLE: self._table,
            IMAGES: self._images,
        }
        measure = measures.get(resource.kind)
        try:
            return measure(resource.physical_id) if measure else Holding(known=False)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code.startswith("NoSuch") or "NotFound" in code or code == "404":
                return None
            return Holding(known=False)

    def _bucket(self, name: str) -> Holding:
        self._connect("s3").head_bucket(Bucket=name)
        classes: Counter[str] = Counter()
        pages = self._connect("s3").get_paginator("list_object_versions")
        items = 0
        for number, page in enumerate(pages.paginate(Bucket=name), start=1):
            for item in page.get("Versions", ()):
                classes[str(item.get("StorageClass", "STANDARD"))] += int(item["Size"])
                items += 1
            if number == PAGES_COUNTED:
                return self._measured_bucket(name) or Holding(classes, items, at_least=True)
        return Holding(classes, items)

    def _measured_bucket(self, name: str) -> Holding | None:
        """What CloudWatch has measured; once a day."""
        client = self._connect("cloudwatch")
        by = {"Name": "BucketName", "Value": name}
        classes: Counter[str] = Counter()
        for kind, storage_class in STORAGE_TYPES.items():
            classes[storage_class] += int(
                _newest(client, self._now, "BucketSizeBytes", [by, _storage_type(kind)])
            )
        items = _newest(
            client, self._now, "NumberOfObjects", [by, _storage_type("AllStorageTypes")]
        )
        return Holding(classes, int(items)) if items else None

    def _table(self, name: str) -> Holding:
        found = self._connect("dynamodb").describe_table(TableName=name)["Table"]
        return Holding({"table": int(found["TableSizeBytes"])}, int(found["ItemCount"]))

    def _images(self, name: str) -> Holding:
        pages = self._connect("ecr").get_paginator("describe_images").paginate(repositoryName=name)
        sizes = [
            int(item.get("imageSizeInBytes", 0)) for page in pages for item in page["imageDetails"]
        ]
        return Holding({"images": sum(sizes)}, len(sizes))


def _storage_type(kind: str) -> dict[str, str]:
    return {"Name": "StorageType", "Value": kind}


def _newest(
    client: BaseClient, now: datetime, metric: str, dimensions: list[dict[str, str]]
) -> float:
    answer: dict[str, Any] = client.get_metric_statistics(
        Namespace="AWS/S3",
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=now - timedelta(days=3),
        EndTime=now,
        Period=86400,
        Statistics=["Average"],
    )
    points = sorted(answer["Datapoints"], key=lambda item: item["Timestamp"])
    return float(points[-1]["Average"]) if points else 0.0
