"""House rules for the templates: what AWS would only refuse, or silently do wrong, at run time."""

from __future__ import annotations

from typing import Final

from tools.project import Project
from tools.rules import compute, events, functions, network, roles, stacks, storage, workflow

CONCERNS: Final = (stacks, compute, network, storage, events, functions, roles, workflow)


def findings(project: Project) -> list[str]:
    """Everything wrong with the project, one sentence each."""
    found: list[str] = []
    for concern in CONCERNS:
        for type_name, rules in concern.RESOURCES.items():
            for resource in project.resources(type_name):
                for rule in rules:
                    found += [f"{resource}: {text}" for text in rule(resource.properties, resource)]
        for project_rule in concern.PROJECT:
            found += project_rule(project)
    return found
