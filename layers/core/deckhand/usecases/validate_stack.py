"""Find what is wrong with the parameters of a stack before anything is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deckhand.domain.fit import machine_findings
from deckhand.domain.list_prices import MachineRate
from deckhand.domain.parameters import MACHINE_LISTS, Finding, Level, Overrides, Parameters, whole
from deckhand.domain.quota import quota_findings
from deckhand.usecases.ports import AccountFacts

ONLY_WITH_AN_ACCOUNT: Final = (
    "how many availability zones the region has (ZoneCount)",
    "the quotas of EC2 for the machines (vCPUs on spot and on demand)",
    "whether the service-linked role of EC2 Spot exists",
)
MAKE_SPOT_ROLE: Final = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"


@dataclass(frozen=True)
class ValidateStack:
    """*known_types* are the machines that EC2 has; *rates* those of which something is known."""

    parameters: Parameters
    known_types: frozenset[str]
    rates: Mapping[str, MachineRate]

    def __call__(
        self,
        overrides: Overrides,
        deployed: Mapping[str, str],
        account: AccountFacts | None = None,
    ) -> list[Finding]:
        """Findings, errors first; *deployed* are the values that a stack has already.

        An *account* of None is asked nothing.
        """
        values = self.parameters.values(deployed, overrides.values)
        found = [
            *self.parameters.findings(overrides.values),
            *machine_findings(values, self.rates, self.known_types),
            *_people(values),
            *(_account(values, self.rates, account) if account else ()),
        ]
        placed = [overrides.placed(finding) for finding in found]
        return sorted(placed, key=lambda item: item.level is not Level.ERROR)


def _people(values: Mapping[str, str]) -> Iterator[Finding]:
    address = values.get("NotifyEmail", "")
    if not address:
        text = "no address is given, so nobody is told of anything: -p NotifyEmail=you@example.org"
        yield Finding(Level.WARNING, "NotifyEmail", text)
    elif "@" not in address:
        yield Finding(Level.ERROR, "NotifyEmail", f"{address!r} is no e-mail address")


def _account(
    values: Mapping[str, str], rates: Mapping[str, MachineRate], account: AccountFacts
) -> Iterator[Finding]:
    zones = whole(values, "ZoneCount")
    if account.zones is not None and account.zones < zones:
        text = f"the region has {account.zones} availability zones, not {zones}"
        yield Finding(Level.ERROR, "ZoneCount", text)
    if account.has_spot_role is False and values.get(MACHINE_LISTS["spot"]):
        text = f"the account has never bought a spot machine; once: {MAKE_SPOT_ROLE}"
        yield Finding(Level.WARNING, MACHINE_LISTS["spot"], text)
    if account.quotas is not None:
        vcpus = {name: rate.vcpus for name, rate in rates.items()}
        yield from quota_findings(values, account.quotas, vcpus)
