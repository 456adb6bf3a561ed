"""Damages: how a test takes one thing away from a sound project, or puts a wrong one in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tools.project import Project

Damage = Callable[[Project], None]
Faults = Mapping[str, tuple[Damage, str]]
"""By name: what is done to the project, and a part of the sentence that must be said of it."""


def properties(project: Project, stack: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = project.stacks[stack]["Resources"][name]["Properties"]
    return found


def put(stack: str, name: str, path: str, value: Any) -> Damage:
    """Set a property of a resource; None removes it."""

    def damage(project: Project) -> None:
        change(properties(project, stack, name), path, value)

    return damage


def change(target: Any, path: str, value: Any) -> None:
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    for key in parents:
        target = target[key]
    if value is None:
        del target[last]
    else:
        target[last] = value


def state(name: str, path: str, value: Any) -> Damage:
    """Set a field of a state; None removes it."""

    def damage(project: Project) -> None:
        machine = project.machine
        change(machine["States"][name], path, value)
        project.machine_text = json.dumps(machine)

    return damage


def replace(old: str, new: str) -> Damage:
    """Change the text of the state machine."""

    def damage(project: Project) -> None:
        assert old in project.machine_text
        project.machine_text = project.machine_text.replace(old, new)

    return damage


def body(stack: str, name: str, key: str, value: Any) -> Damage:
    def damage(project: Project) -> None:
        project.stacks[stack]["Resources"][name][key] = value

    return damage


def without(stack: str, name: str) -> Damage:
    def damage(project: Project) -> None:
        del project.stacks[stack]["Resources"][name]

    return damage


def allow(role: str, stack: str, action: str, resource: Any) -> Damage:
    def damage(project: Project) -> None:
        policies = properties(project, stack, role)["Policies"]
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policies[0]["PolicyDocument"]["Statement"].append(statement)

    return damage


def forbid(action: str) -> Damage:
    """Take an action from the state machine's role."""

    def damage(project: Project) -> None:
        role = json.dumps(project.stacks["template"]["Resources"]["RunDeckRole"])
        project.stacks["template"]["Resources"]["RunDeckRole"] = json.loads(
            role.replace(f'"{action}"', '"events:ListRules"')
        )

    return damage


def environment(name: str, value: str) -> Damage:
    def damage(project: Project) -> None:
        project.parameter_sets["prod"][name] = value

    return damage


def exclude(role: str, stack: str, action: str) -> Damage:
    """Allow everything but one action."""

    def damage(project: Project) -> None:
        policies = properties(project, stack, role)["Policies"]
        statement = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
        policies[0]["PolicyDocument"]["Statement"].append(statement)

    return damage


def parameter(name: str, key: str, value: Any) -> Damage:
    """Set an attribute of a parameter of the root stack."""

    def damage(project: Project) -> None:
        project.stacks["template"]["Parameters"][name][key] = value

    return damage
