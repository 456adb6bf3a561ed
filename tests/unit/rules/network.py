"""Faults of the network."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, put

FAULTS: Faults = {
    "ssh open": (
        put("network", "MachineSecurityGroup", "SecurityGroupIngress", [{"CidrIp": "0.0.0.0/0"}]),
        "lets somebody in",
    ),
    "everything leaves": (
        put("network", "MachineSecurityGroup", "SecurityGroupEgress", None),
        "everything may leave",
    ),
}
