"""Values of parameters that AWS would refuse, and what is said of them."""

from __future__ import annotations

import pytest

from deckhand.domain.parameters import Finding, Level, Overrides, Parameters

TEMPLATE = {
    "Parameters": {
        "NetworkMode": {"Type": "String", "Default": "nat", "AllowedValues": ["nat", "public"]},
        "SpotMaxvCpus": {"Type": "Number", "Default": 16, "MinValue": 0, "MaxValue": 1000},
        "Name": {"Type": "String", "MinLength": 2, "MaxLength": 4, "Default": "abc"},
        "Zone": {"Type": "String", "Default": "", "AllowedPattern": "[a-z]*"},
    }
}


def findings(**given: str) -> list[Finding]:
    return list(Parameters.read(TEMPLATE).findings(given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"NetworkMode": "public"},
        {"SpotMaxvCpus": "0"},
        {"SpotMaxvCpus": "12.5"},
        {"Name": "ab"},
        {"Zone": "abc"},
    ],
)
def test_sound_values(given: dict[str, str]) -> None:
    assert findings(**given) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SpotMaxvCpu", "4", "SpotMaxvCpus is the nearest one"),
        ("Quite", "4", "template.yaml lists them"),
        ("NetworkMode", "pubic", "public is meant?"),
        ("NetworkMode", "", "none of nat, public"),
        ("SpotMaxvCpus", "many", "'many' is not a number"),
        ("SpotMaxvCpus", "nan", "'nan' is not a number"),
        ("SpotMaxvCpus", "-1", "too small: 0 is the least"),
        ("SpotMaxvCpus", "1001", "too large: 1000 is the most"),
        ("Name", "a", "2 are the least"),
        ("Name", "abcde", "4 are the most"),
        ("Zone", "A1", "does not match"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(name: str, value: str, said: str) -> None:
    [found] = findings(**{name: value})
    assert (found.level, found.about) == (Level.ERROR, name)
    assert said in found.text


def test_a_parameter_without_default_must_be_given() -> None:
    parameters = Parameters.read({"Parameters": {"Must": {"Type": "String"}}})
    assert [item.about for item in parameters.findings({})] == ["Must"]
    assert list(parameters.findings({"Must": ""})) == []


def test_the_last_who_gives_a_value_decides() -> None:
    parameters = Parameters.read(TEMPLATE)
    deployed = {"SpotMaxvCpus": "8", "Name": "old", "Unknown": "x"}
    values = parameters.values(deployed, {"SpotMaxvCpus": "32"})
    assert values == {"NetworkMode": "nat", "SpotMaxvCpus": "32", "Name": "old", "Zone": ""}


def test_a_finding_is_placed_where_the_value_stands() -> None:
    overrides = Overrides({"Zone": "A1"}, {"Zone": "samconfig.toml:7"})
    [found] = Parameters.read(TEMPLATE).findings(overrides.values)
    assert overrides.placed(found).where == "samconfig.toml:7"
