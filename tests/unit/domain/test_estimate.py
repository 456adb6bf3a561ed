"""What a stack is said to cost, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.domain.estimate import INTERFACE_ENDPOINT, NAT_GATEWAY, Estimate, Full, estimate
from deckhand.domain.list_prices import MACHINES, MachineRate

PROD = {
    "NetworkMode": "nat",
    "ZoneCount": "3",
    "SpotInstanceTypes": "p4d.24xlarge",
    "OnDemandInstanceTypes": "p5.4xlarge,p4d.24xlarge",
    "SpotMaxvCpus": "384",
    "OnDemandMaxvCpus": "96",
}


COUNTS = {NAT_GATEWAY: 1, INTERFACE_ENDPOINT: 9}
"""What the templates have."""


def of(counts: dict[str, int] | None = None, **change: str) -> Estimate:
    return estimate({**PROD, **change}, MACHINES, {**COUNTS, **(counts or {})})


def idle(found: Estimate, word: str) -> float:
    return sum(item.month for item in found.idle if word in item.what)


def market(found: Estimate, name: str) -> Full:
    [full] = [item for item in found.full if item.market == name]
    return full


@pytest.mark.parametrize(
    ("mode", "word", "month"),
    [
        # 0.045 for the gateway and 0.005 for its address, 730 hours
        ("nat", "NAT", 36.50),
        # nine endpoints in one zone, a cent an hour each
        ("endpoints", "endpoints", 65.70),
    ],
)
def test_the_network_costs_money_while_nothing_runs(mode: str, word: str, month: float) -> None:
    assert idle(of(NetworkMode=mode), word) == pytest.approx(month)


@pytest.mark.parametrize("change", [{"NetworkMode": "public"}, {"VpcId": "vpc-1"}])
def test_some_networks_cost_nothing_idle(change: dict[str, str]) -> None:
    with_nat, without = of(), of(**change)
    assert with_nat.idle_month - without.idle_month == pytest.approx(36.50)


def test_endpoints_and_gateways_are_counted_in_the_templates() -> None:
    endpoints = of({INTERFACE_ENDPOINT: 4}, NetworkMode="endpoints", EndpointZoneCount="2")
    assert idle(endpoints, "4 interface endpoints in 2 zones") == pytest.approx(4 * 2 * 7.30)
    gateways = of({"AWS::EC2::NatGateway": 3}, ZoneCount="2")
    assert idle(gateways, "2 NAT gateways") == pytest.approx(73.0)


def test_keys_and_alarms_cost_what_there_are_of_them() -> None:
    found = of({"AWS::KMS::Key": 2, "AWS::CloudWatch::Alarm": 5})
    assert idle(found, "2 KMS keys") == pytest.approx(2.0)
    found_with_own = of({"AWS::KMS::Key": 2}, StorageKey="create")
    assert idle(found_with_own, "3 KMS keys") == pytest.approx(3.0)
    assert idle(found, "5 alarms") == pytest.approx(0.5)


def test_a_cap_of_vcpus_is_so_many_machines() -> None:
    spot = market(of(), "spot")
    assert spot.machines == {"p4d.24xlarge": 4}
    assert spot.least == spot.most == pytest.approx(4 * 6.10)
    # What spot machines cost can rise, but not above the price on demand.
    assert spot.ceiling == pytest.approx(4 * 21.958)


def test_of_several_machines_the_cheapest_and_the_dearest_are_told() -> None:
    demand = market(of(), "on demand")
    assert demand.machines == {"p5.4xlarge": 6, "p4d.24xlarge": 1}
    assert (demand.least, demand.most) == (pytest.approx(21.958), pytest.approx(6 * 6.88))
    assert demand.ceiling == demand.most


def test_a_volume_is_paid_for_with_its_machine() -> None:
    volume = {"RootVolumeGiB": "1000", "RootVolumeIops": "12000", "RootVolumeThroughput": "1000"}
    # 1000 GB at 0.08, 9000 IOPS at 0.005, 875 MiB/s at 0.04: 160 a month
    extra = market(of(**volume), "spot").most - market(of(), "spot").most
    assert extra == pytest.approx(4 * 160 / 730)


def test_the_most_is_both_markets_full_and_what_is_always_paid() -> None:
    found = of()
    machines = 4 * 21.958 + 6 * 6.88
    assert found.most_hour == pytest.approx(machines + found.idle_month / 730)
    assert found.most_month == pytest.approx(730 * machines + found.idle_month)


def test_a_machine_without_a_price_is_named_and_in_no_sum() -> None:
    found = of(SpotInstanceTypes="p4d.24xlarge,x99.large")
    assert found.unpriced == ("x99.large",)
    assert market(found, "spot").machines == {"p4d.24xlarge": 4}


def test_a_market_that_is_closed_costs_nothing() -> None:
    assert market(of(OnDemandMaxvCpus="0"), "on demand").ceiling == 0


@pytest.mark.parametrize(("tier", "month"), [("STANDARD", 235.52), ("GLACIER_IR", 40.96)])
def test_ten_terabytes(tier: str, month: float) -> None:
    assert of().stored[tier] == pytest.approx(month)


def test_spot_without_a_price_is_reckoned_as_on_demand() -> None:
    rates: dict[str, Any] = {"a.b": MachineRate(4, 1, on_demand=2.0)}
    found = estimate({**PROD, "SpotInstanceTypes": "a.b", "SpotMaxvCpus": "8"}, rates, {})
    assert market(found, "spot").most == pytest.approx(4.0)
