"""Attempts that leave GPUs idle, or that no machine can carry."""

from __future__ import annotations

import pytest

from deckhand.domain.fit import machine_findings
from deckhand.domain.list_prices import MACHINES
from deckhand.domain.parameters import Finding, Level

KNOWN = frozenset({*MACHINES, "c7i.large"})
P4D = {
    "SpotInstanceTypes": "p4d.24xlarge",
    "OnDemandInstanceTypes": "p5.4xlarge,p4d.24xlarge",
    "SpotMaxvCpus": "384",
    "OnDemandMaxvCpus": "96",
    "JobGpus": "1",
    "JobVcpus": "12",
    "JobMemoryMiB": "131072",
}


def findings(**change: str) -> list[Finding]:
    return list(machine_findings({**P4D, **change}, MACHINES, KNOWN))


def test_eight_attempts_share_a_p4d() -> None:
    assert findings() == []


def test_a_vcpu_too_many_strands_a_gpu() -> None:
    found = findings(JobVcpus="13")
    assert {item.level for item in found} == {Level.WARNING}
    assert all("1 of the 8 GPUs of p4d.24xlarge" in item.text for item in found)
    assert all("JobVcpus of 12 or less" in item.text for item in found)
    assert [item.about for item in found] == ["SpotInstanceTypes", "OnDemandInstanceTypes"]


def test_memory_that_is_too_large_strands_gpus() -> None:
    found = findings(JobMemoryMiB="150000", OnDemandInstanceTypes="p5.4xlarge")
    assert "for want of memory" in found[0].text
    # An eighth of 94 % of 1152 GiB.
    assert "JobMemoryMiB of about 138608" in found[0].text


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"JobMemoryMiB": "16384"}, "memory"),
        ({"JobVcpus": "5", "OnDemandMaxvCpus": "8"}, "vCPUs"),
        ({"JobGpus": "2"}, "GPUs"),
    ],
)
def test_a_machine_that_carries_no_attempt_is_an_error(
    change: dict[str, str], lacking: str
) -> None:
    one_t4 = {
        "SpotInstanceTypes": "g4dn.xlarge",
        "OnDemandInstanceTypes": "g4dn.xlarge",
        "JobVcpus": "4",
        "JobMemoryMiB": "14336",
    }
    assert findings(**one_t4) == []
    found = findings(**{**one_t4, **change})
    assert found
    assert all(item.level is Level.ERROR and lacking in item.text for item in found)


def test_one_useless_machine_among_others_is_a_warning() -> None:
    [found] = findings(SpotInstanceTypes="p4d.24xlarge,g4dn.xlarge")
    assert found.level is Level.WARNING
    assert "g4dn.xlarge has too little" in found.text


def test_a_machine_that_ec2_has_not() -> None:
    found = findings(SpotInstanceTypes="p4d.24xlrge")
    assert found[0].level is Level.ERROR
    assert "p4d.24xlarge is meant?" in found[0].text


def test_a_family_and_an_unpriced_machine_are_taken() -> None:
    assert findings(SpotInstanceTypes="p4d,c7i.large") == []


def test_no_machine_at_all() -> None:
    assert findings(OnDemandInstanceTypes="")[0].level is Level.ERROR


def test_a_cap_below_one_attempt_is_an_error() -> None:
    [found] = findings(SpotMaxvCpus="8")
    assert (found.level, found.about) == (Level.ERROR, "SpotMaxvCpus")


def test_a_cap_below_one_machine_is_said() -> None:
    [found] = findings(SpotMaxvCpus="48")
    assert (found.level, found.about) == (Level.WARNING, "SpotMaxvCpus")
    assert "96" in found.text


def test_a_market_may_be_closed() -> None:
    assert findings(OnDemandMaxvCpus="0") == []
