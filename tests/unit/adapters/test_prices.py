"""What AWS says of prices and machines, in its own shapes, and what it says when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.stub import ANY, Stubber

from deckhand.adapters.prices import QUIET_SECONDS, AwsPrices, TablePrices, pricing_region
from deckhand.adapters.session import hasty_client
from deckhand.domain.attempt import Market
from deckhand.domain.price import Machine, MachinePrices, PriceKey
from tests.conftest import NOW
from tests.fakes import FakePrices

ZONE = PriceKey("p4d.24xlarge", Market.SPOT, "us-east-2a")
REGION = ZONE.in_region()
ON_DEMAND = ZONE.on(Market.ON_DEMAND)


class Aws:
    """Stubbed clients, made when they are asked for."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, str]] = []
        self.stubs = {name: Stubber(boto3.client(name, "us-east-2")) for name in ("ec2", "pricing")}
        for stub in self.stubs.values():
            stub.activate()
        self.time = 1000.0
        self.prices = AwsPrices(self.connect, lambda: self.time)

    def connect(self, service: str, region: str) -> Any:
        self.connected.append((service, region))
        return self.stubs[service].client

    def answers_spot(self, *prices: tuple[str, str, datetime], **asked: Any) -> None:
        history = [
            {"AvailabilityZone": zone, "SpotPrice": price, "Timestamp": at}
            for zone, price, at in prices
        ]
        expected = {
            "InstanceTypes": ["p4d.24xlarge"],
            "ProductDescriptions": ["Linux/UNIX"],
            "StartTime": NOW,
            "EndTime": NOW,
            **asked,
        }
        answer = {"SpotPriceHistory": history, "NextToken": ""}
        self.stubs["ec2"].add_response("describe_spot_price_history", answer, expected)


@pytest.fixture
def cloud() -> Iterator[Aws]:
    found = Aws()
    yield found
    for stub in found.stubs.values():
        stub.assert_no_pending_responses()


def product(*prices: tuple[str, str]) -> str:
    dimensions = {
        f"SKU.TERM.{number}": {"unit": unit, "pricePerUnit": {"USD": price}}
        for number, (unit, price) in enumerate(prices)
    }
    return json.dumps({"terms": {"OnDemand": {"SKU.TERM": {"priceDimensions": dimensions}}}})


def answer_products(cloud: Aws, *texts: str) -> None:
    cloud.stubs["pricing"].add_response(
        "get_products",
        {"PriceList": list(texts)},
        {"ServiceCode": "AmazonEC2", "FormatVersion": "aws_v1", "Filters": ANY},
    )


def test_nobody_is_connected_before_a_question(cloud: Aws) -> None:
    assert cloud.connected == []


def test_the_spot_price_of_a_zone_is_its_last(cloud: Aws) -> None:
    old, new = NOW - timedelta(hours=3), NOW - timedelta(hours=1)
    cloud.answers_spot(
        ("us-east-2a", "6.0400", new),
        ("us-east-2a", "5.0000", old),
        ("us-east-2b", "9.0000", new),
        AvailabilityZone="us-east-2a",
    )
    assert cloud.prices.price(ZONE, NOW) == 6.04
    assert cloud.connected == [("ec2", "us-east-2")]


def test_the_spot_price_of_a_region_is_that_of_its_middle_zone(cloud: Aws) -> None:
    cloud.answers_spot(
        ("us-east-2a", "6.04", NOW), ("us-east-2b", "6.10", NOW), ("us-east-2c", "21.85", NOW)
    )
    assert cloud.prices.price(REGION, NOW) == 6.10


@pytest.mark.parametrize("key", [ZONE, REGION])
@pytest.mark.parametrize("price", ["0.00001", "0", "-1", "nan", "inf"])
def test_a_price_that_nobody_takes_is_none(cloud: Aws, key: PriceKey, price: str) -> None:
    asked = {"AvailabilityZone": "us-east-2a"} if key.is_zone else {}
    cloud.answers_spot(("us-east-2a", price, NOW), **asked)
    assert cloud.prices.price(key, NOW) is None


def test_the_price_on_demand_is_the_hourly_one(cloud: Aws) -> None:
    answer_products(cloud, product(("Quantity", "90000"), ("Hrs", "21.9576400000")))
    assert cloud.prices.price(ON_DEMAND, NOW) == 21.95764
    assert cloud.connected == [("pricing", "us-east-1")]


def test_on_demand_asks_for_a_plain_linux_machine(cloud: Aws) -> None:
    wanted = {
        "instanceType": "p4d.24xlarge",
        "regionCode": "us-east-2",
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
    filters = [
        {"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()
    ]
    cloud.stubs["pricing"].add_response(
        "get_products",
        {"PriceList": []},
        {"ServiceCode": "AmazonEC2", "FormatVersion": "aws_v1", "Filters": filters},
    )
    assert cloud.prices.price(ON_DEMAND, NOW) is None


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "not JSON", product(("Hrs", "free")), product(("Hrs", "0.0000000000")), product()],
)
def test_a_product_that_is_not_understood_has_no_price(cloud: Aws, text: str) -> None:
    answer_products(cloud, text)
    assert cloud.prices.price(ON_DEMAND, NOW) is None


def test_a_machine_is_counted(aws: Callable[[str], Any]) -> None:
    prices = AwsPrices(hasty_client)
    assert prices.machine("g4dn.xlarge") == Machine(gpus=1, vcpus=4)
    assert prices.machine("p4d.24xlarge") == Machine(gpus=8, vcpus=96)
    assert prices.machine("c5.large") == Machine(gpus=0, vcpus=2)
    assert prices.machine("g4dn.nowhere") is None


def test_an_emulator_that_invents_prices_is_not_believed(aws: Callable[[str], Any]) -> None:
    prices = AwsPrices(hasty_client)
    assert prices.price(PriceKey("g4dn.xlarge", Market.SPOT, "us-east-2a"), NOW) is None
    assert prices.price(PriceKey("g4dn.xlarge", Market.ON_DEMAND, "us-east-2"), NOW) is None


def test_a_refusal_is_asked_again_and_spoils_nothing_else(cloud: Aws) -> None:
    cloud.stubs["pricing"].add_client_error("get_products", "AccessDeniedException")
    assert cloud.prices.price(ON_DEMAND, NOW) is None
    answer_products(cloud, product(("Hrs", "21.9")))
    assert cloud.prices.price(ON_DEMAND, NOW) == 21.9


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x")],
)
def test_who_cannot_be_reached_is_left_alone_for_a_while(error: Exception) -> None:
    asked: list[str] = []
    time = 1000.0

    def connect(service: str, region: str) -> Any:
        asked.append(service)
        raise error

    prices = AwsPrices(connect, lambda: time)
    for _ in range(3):
        assert prices.price(ON_DEMAND, NOW) is None
        assert prices.machine("p4d.24xlarge") is None
    assert asked == ["pricing"]
    time += QUIET_SECONDS
    assert prices.machine("p4d.24xlarge") is None
    assert asked == ["pricing", "ec2"]


def test_an_answer_that_is_no_answer_is_none() -> None:
    def connect(service: str, region: str) -> Any:
        raise ResponseParserError("not JSON")

    prices = AwsPrices(connect)
    assert (prices.price(ON_DEMAND, NOW), prices.machine("p4d.24xlarge")) == (None, None)


def test_a_hasty_client_gives_up_within_seconds(aws: Callable[[str], Any]) -> None:
    config = hasty_client("pricing", "eu-central-1").meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries["total_max_attempts"] == 2
    assert hasty_client("ec2", "").meta.region_name == "us-east-2"


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-2", "us-east-1"),
        ("eu-north-1", "eu-central-1"),
        ("ap-southeast-2", "ap-south-1"),
        ("sa-east-1", "us-east-1"),
    ],
)
def test_prices_are_told_in_three_regions(region: str, expected: str) -> None:
    assert pricing_region(region) == expected
    assert expected in boto3.Session().get_available_regions("pricing")


def test_a_table_goes_before_aws() -> None:
    others = FakePrices({ZONE: 6.0, ON_DEMAND: 22.0}, {"p4d.24xlarge": Machine(gpus=8, vcpus=96)})
    own = MachinePrices.model_validate({"on-demand": 15.0})
    table = TablePrices({"p4d.24xlarge": own}, others)
    assert (table.price(ZONE, NOW), table.price(ON_DEMAND, NOW)) == (6.0, 15.0)
    assert table.machine("p4d.24xlarge") == Machine(gpus=8, vcpus=96)
    whole = own.model_copy(update={"gpus": 4, "vcpus": 48})
    assert TablePrices({"p4d.24xlarge": whole}, others).machine("p4d.24xlarge") == Machine(
        gpus=4, vcpus=48
    )
    assert TablePrices({}, others).price(ON_DEMAND, NOW) == 22.0
