"""Faults of how the stacks fit together."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, environment, put

FAULTS: Faults = {
    "parameter missing": (
        put("template", "ComputeStack", "Parameters/JobVcpus", None),
        "parameter JobVcpus is missing",
    ),
    "parameter unknown": (
        put("template", "ComputeStack", "Parameters/JobCpus", "1"),
        "no parameter JobCpus",
    ),
    "output unknown": (
        put(
            "template",
            "RunDeck",
            "DefinitionSubstitutions/SpotQueueArn",
            {"Fn::GetAtt": ["ComputeStack", "Outputs.Spot"]},
        ),
        "no output Spot",
    ),
    "no such machine": (environment("SpotInstanceTypes", "p4d.25xlarge"), "p4d.25xlarge"),
    "no such machine for checks": (environment("CheckInstanceTypes", "r7i.tiny"), "r7i.tiny"),
    "no such parameter": (environment("SpotPrice", "1"), "no parameter SpotPrice"),
}
