"""What machines cost and have, as AWS or the configuration says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low
from typing import Any, Final, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError

from deckhand.domain.attempt import Market
from deckhand.domain.price import Machine, MachinePrices, PriceKey
from deckhand.usecases.ports import PriceSource

LINUX: Final = "Linux/UNIX"

# No machine of EC2 is as cheap or as dear; what an emulator invents may be.
LEAST: Final = 0.0005
MOST: Final = 10_000.0

MOST_PRICES: Final = 200

QUIET_SECONDS: Final = 300.0
"""How long nothing is asked after AWS could not be reached."""

T = TypeVar("T")
Connect = Callable[[str, str], BaseClient]
"""Connects to a service in a region; an empty one is that of the environment."""


class AwsPrices:
    """Linux machines of EC2, shared tenancy. Connects when it is asked; never raises."""

    def __init__(self, connect: Connect, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clients: dict[tuple[str, str], BaseClient] = {}
        self._clock = clock
        self._quiet_until = 0.0

    def price(self, key: PriceKey, at: datetime) -> float | None:
        if key.market is Market.SPOT:
            return self._answer(lambda: self._spot(key, at))
        return self._answer(lambda: self._on_demand(key))

    def machine(self, instance_type: str) -> Machine | None:
        return self._answer(lambda: self._machine(instance_type))

    def _answer(self, ask: Callable[[], T]) -> T | None:
        """What AWS says; None where it cannot be asked, refuses, or says what is not understood."""
        if self._clock() < self._quiet_until:
            return None
        try:
            return ask()
        except BotoCoreError:
            self._quiet_until = self._clock() + QUIET_SECONDS
            return None
        except Exception:  # a refusal, or nonsense of an emulator: no price is worth a run
            return None

    def _client(self, service: str, region: str = "") -> BaseClient:
        if (service, region) not in self._clients:
            self._clients[service, region] = self._connect(service, region)
        return self._clients[service, region]

    def _spot(self, key: PriceKey, at: datetime) -> float | None:
        """The price in that zone; of a region, the middle one of its zones.

        Begin and end at one time give the price that was in effect then:
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html
        """
        pages = self._client("ec2", key.region).get_paginator("describe_spot_price_history")
        found = pages.paginate(
            InstanceTypes=[key.instance_type],
            ProductDescriptions=[LINUX],
            StartTime=at,
            EndTime=at,
            PaginationConfig={"MaxItems": MOST_PRICES},
            **({"AvailabilityZone": key.zone} if key.is_zone else {}),
        )
        prices = _newest(item for page in found for item in page["SpotPriceHistory"])
        if key.is_zone:
            return prices.get(key.zone)
        return median_low(prices.values()) if prices else None

    def _on_demand(self, key: PriceKey) -> float | None:
        client = self._client("pricing", pricing_region(key.region))
        wanted = {
            "instanceType": key.instance_type,
            "regionCode": key.region,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
        answer = client.get_products(
            ServiceCode="AmazonEC2",
            FormatVersion="aws_v1",
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in wanted.items()
            ],
        )
        prices = [price for text in answer["PriceList"] for price in _hourly(json.loads(text))]
        return max((price for price in prices if LEAST <= price <= MOST), default=None)

    def _machine(self, instance_type: str) -> Machine:
        client = self._client("ec2")
        [found] = client.describe_instance_types(InstanceTypes=[instance_type])["InstanceTypes"]
        gpus = sum(int(gpu["Count"]) for gpu in found.get("GpuInfo", {}).get("Gpus", ()))
        return Machine(gpus=gpus, vcpus=int(found["VCpuInfo"]["DefaultVCpus"]))


@dataclass(frozen=True)
class TablePrices:
    """The machines of a table; another source for those that it does not have."""

    table: Mapping[str, MachinePrices]
    others: PriceSource

    def price(self, key: PriceKey, at: datetime) -> float | None:
        found = self.table.get(key.instance_type)
        known = found.per_hour(key.market) if found else None
        return self.others.price(key, at) if known is None else known

    def machine(self, instance_type: str) -> Machine | None:
        found = self.table.get(instance_type)
        if found is None or found.gpus is None or found.vcpus is None:
            return self.others.machine(instance_type)
        return Machine(gpus=found.gpus, vcpus=found.vcpus)


def pricing_region(region: str) -> str:
    """The nearest of the three regions where prices of all regions are told.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-ppslong.html
    """
    near = {"eu": "eu-central-1", "ap": "ap-south-1"}
    return near.get(region.partition("-")[0], "us-east-1")


def _newest(history: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The last price of every zone."""
    ordered = sorted(history, key=lambda item: item["Timestamp"])
    prices = {str(item["AvailabilityZone"]): float(item["SpotPrice"]) for item in ordered}
    return {zone: price for zone, price in prices.items() if LEAST <= price <= MOST}


def _hourly(product: Mapping[str, Any]) -> Iterator[float]:
    """US dollars for an hour, in the shape of the Price List files.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
    """
    for term in product["terms"]["OnDemand"].values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] == "Hrs" and "USD" in dimension["pricePerUnit"]:
                yield float(dimension["pricePerUnit"]["USD"])
