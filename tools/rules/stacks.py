"""House rules for how the stacks fit together, and for the environments they are deployed to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from tools.project import ROOT_STACK, Project
from tools.rules.rule import ResourceRules, enum


def nested_stacks(project: Project) -> Iterator[str]:
    """Parameters given to a nested stack are the ones it takes; outputs read are ones it has."""
    root = project.stacks[ROOT_STACK]
    for name, child_name in project.children.items():
        child = project.stacks[child_name]
        given = set(root["Resources"][name]["Properties"].get("Parameters", {}))
        known = child.get("Parameters", {})
        required = {key for key, parameter in known.items() if "Default" not in parameter}
        unknown = sorted(given - set(known))
        yield from (f"{name}: {child_name} has no parameter {key}" for key in unknown)
        yield from (f"{name}: parameter {key} is missing" for key in sorted(required - given))
        read = set(re.findall(rf'"{name}", "Outputs\.(\w+)"', json.dumps(root)))
        read |= set(re.findall(rf'"{name}\.Outputs\.(\w+)"', json.dumps(root)))
        for key in sorted(read - set(child.get("Outputs", {}))):
            yield f"{name}: {child_name} has no output {key}"


def instance_types(project: Project) -> Iterator[str]:
    """Instance types, by default and in every environment of samconfig.toml, are ones EC2 has."""
    parameters = project.stacks[ROOT_STACK]["Parameters"]
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in parameters.items()
        if "Default" in parameter
    }
    for place, values in {"template.yaml": defaults, **project.parameter_sets}.items():
        unknown = sorted(set(values) - set(parameters))
        yield from (f"{place}: no parameter {name}" for name in unknown)
        for name in ("SpotInstanceTypes", "OnDemandInstanceTypes", "CheckInstanceTypes"):
            for instance_type in filter(None, values.get(name, "").split(",")):
                if "." in instance_type and instance_type not in enum("ec2", "InstanceType"):
                    yield f"{place}: no such instance type: {instance_type}"


RESOURCES: Final[ResourceRules] = {}
PROJECT: Final = (nested_stacks, instance_types)
