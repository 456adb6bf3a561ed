"""Which quota of EC2 limits a machine, found by the names that AWS gives its quotas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from deckhand.domain.parameters import MACHINE_LISTS, Finding, Level, listed, whole

SPOT: Final = re.compile(r"All (?P<families>.+) Spot Instance Requests")
ON_DEMAND: Final = re.compile(r"Running On-Demand (?P<families>.+) instances")
"""docs.aws.amazon.com/AWSEC2/latest/UserGuide/{using-spot-limits,ec2-on-demand-instances}.html"""

WHERE: Final = "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas"

_FAMILY: Final = re.compile(r"(?P<letters>[a-z]+)(?P<generation>\d*)")
_WORD: Final = re.compile(r"[A-Z][A-Za-z]*\d*")


def quota_of(instance_type: str, market: str, names: Mapping[str, float]) -> str:
    """The name of the quota among *names*; empty where none is known for this machine.

    A generation of its own ("All P5 …") goes before the whole family ("All P …").
    """
    found = _FAMILY.match(instance_type)
    if found is None:
        return ""
    letters, generation = found["letters"].upper(), found["generation"]
    pattern = SPOT if market == "spot" else ON_DEMAND
    for family in (f"{letters}{generation}", letters):
        for name in names:
            match = pattern.fullmatch(name)
            words = _WORD.findall(match["families"]) if match else []
            if family in [word.upper() for word in words]:
                return name
    return ""


def quota_findings(
    values: Mapping[str, str], quotas: Mapping[str, float], vcpus: Mapping[str, int]
) -> Iterator[Finding]:
    """Where the account allows less at once than the stack may want; *quotas* are in vCPUs.

    *vcpus* are those of a machine of each type.
    """
    for market, name in MACHINE_LISTS.items():
        cap_name = "SpotMaxvCpus" if market == "spot" else "OnDemandMaxvCpus"
        cap = whole(values, cap_name)
        for instance_type in listed(values.get(name, "")):
            quota = quota_of(instance_type, market, quotas)
            if not quota or quotas[quota] >= cap:
                continue
            machine = vcpus.get(instance_type, 1)
            means = "none could start" if quotas[quota] < machine else f"{cap_name} is {cap}"
            text = (
                f'"{quota}" of this account is {quotas[quota]:g} vCPUs, so of {instance_type} '
                f"{means}; ask for {cap} at {WHERE}"
            )
            yield Finding(Level.WARNING, cap_name, text)
