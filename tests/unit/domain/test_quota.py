"""Quotas of EC2 are found by their names, as AWS has them now and had them before."""

from __future__ import annotations

import pytest

from deckhand.domain.quota import quota_findings, quota_of

NOW = {
    "All G and VT Spot Instance Requests": 8.0,
    "All P4, P3 and P2 Spot Instance Requests": 0.0,
    "All P5 Spot Instance Requests": 64.0,
    "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests": 256.0,
    "Running On-Demand P instances": 96.0,
    "Running On-Demand G and VT instances": 4.0,
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances": 256.0,
}


@pytest.mark.parametrize(
    ("instance_type", "market", "name"),
    [
        ("p4d.24xlarge", "spot", "All P4, P3 and P2 Spot Instance Requests"),
        ("p5.4xlarge", "spot", "All P5 Spot Instance Requests"),
        ("p5.4xlarge", "on demand", "Running On-Demand P instances"),
        ("g4dn.xlarge", "spot", "All G and VT Spot Instance Requests"),
        ("vt1.3xlarge", "on demand", "Running On-Demand G and VT instances"),
        ("c7i.large", "spot", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
        ("x2idn.16xlarge", "spot", ""),
        ("hpc7g.4xlarge", "on demand", ""),
    ],
)
def test_the_quota_of_a_machine(instance_type: str, market: str, name: str) -> None:
    assert quota_of(instance_type, market, NOW) == name


def test_one_quota_for_a_whole_family() -> None:
    assert quota_of("p5.4xlarge", "spot", {"All P Spot Instance Requests": 1.0})


def test_what_the_account_does_not_allow_is_said_with_where_to_ask() -> None:
    values = {
        "SpotInstanceTypes": "p4d.24xlarge",
        "OnDemandInstanceTypes": "p5.4xlarge",
        "SpotMaxvCpus": "384",
        "OnDemandMaxvCpus": "96",
    }
    [found] = quota_findings(values, NOW, {"p4d.24xlarge": 96, "p5.4xlarge": 16})
    assert found.about == "SpotMaxvCpus"
    assert "none could start; ask for 384" in found.text
    assert "servicequotas" in found.text
