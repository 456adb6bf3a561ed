"""What `deckhand stack validate` finds, in every environment of this repository too."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from deckhand.adapters.repository import Repository, instance_types
from deckhand.domain.list_prices import MACHINES
from deckhand.domain.parameters import Level, Overrides
from deckhand.usecases.ports import AccountFacts
from deckhand.usecases.validate_stack import ValidateStack
from tests.conftest import ROOT

REPOSITORY = Repository(ROOT)
VALIDATE = ValidateStack(REPOSITORY.parameters, instance_types(), MACHINES)
MAIL = {"NotifyEmail": "a@example.org"}
P_SPOT = "All P4, P3 and P2 Spot Instance Requests"


def about(
    given: Mapping[str, str], account: AccountFacts | None = None
) -> list[tuple[Level, str, str]]:
    found = VALIDATE(Overrides(given), {}, account)
    return [(item.level, item.about, item.text) for item in found]


@pytest.mark.parametrize("name", REPOSITORY.environments())
def test_every_environment_of_here_is_sound(name: str) -> None:
    overrides = REPOSITORY.environment(name).overrides
    found = VALIDATE(Overrides({**MAIL, **overrides.values}), {})
    assert found == []


def test_there_are_the_environments_of_a_lab() -> None:
    assert REPOSITORY.environments() == ("dev", "test", "staging", "prod", "local")
    names = [REPOSITORY.environment(name).stack for name in REPOSITORY.environments()]
    assert len(set(names)) == len(names)


def test_an_error_goes_before_a_warning_and_knows_its_line() -> None:
    given = Overrides({"JobVcpus": "none"}, {"JobVcpus": "samconfig.toml:3"})
    found = VALIDATE(given, {})
    assert [item.about for item in found] == ["JobVcpus", "NotifyEmail"]
    assert found[0].where == "samconfig.toml:3"


def test_an_address_that_is_none() -> None:
    assert about({"NotifyEmail": "me"})[0][:2] == (Level.ERROR, "NotifyEmail")


def test_what_a_stack_has_already_counts() -> None:
    found = VALIDATE(Overrides({}), MAIL)
    assert found == []


@pytest.mark.parametrize(
    ("facts", "level", "name", "said"),
    [
        (AccountFacts(zones=2), Level.ERROR, "ZoneCount", "2 availability zones, not 3"),
        (
            AccountFacts(has_spot_role=False),
            Level.WARNING,
            "SpotInstanceTypes",
            "create-service-linked-role",
        ),
        (
            AccountFacts(quotas={"All G and VT Spot Instance Requests": 4}),
            Level.WARNING,
            "SpotMaxvCpus",
            "SpotMaxvCpus is 16; ask for 16",
        ),
    ],
)
def test_what_the_account_lacks(facts: AccountFacts, level: Level, name: str, said: str) -> None:
    [(found_level, found_name, text)] = about(MAIL, facts)
    assert (found_level, found_name) == (level, name)
    assert said in text


def test_an_account_that_allows_everything() -> None:
    facts = AccountFacts(zones=6, quotas={P_SPOT: 1000.0}, has_spot_role=True)
    assert about(MAIL, facts) == []
