"""House rules for functions, the state machine's shell, and their logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tools.project import Resource, Template
from tools.rules.rule import ProjectRule, ResourceRules, enum


def function(properties: Template, _: Resource) -> Iterator[str]:
    if "LogGroup" not in properties.get("LoggingConfig", {}):
        yield "no log group of its own, so its log is kept for ever"
    if properties.get("Runtime") not in enum("lambda", "Runtime"):
        yield f"no such runtime: {properties.get('Runtime')}"
    if properties.get("TracingConfig", {}).get("Mode") != "Active":
        yield "not traced"


def log_group(properties: Template, _: Resource) -> Iterator[str]:
    if "RetentionInDays" not in properties:
        yield "kept for ever"


def state_machine(properties: Template, _: Resource) -> Iterator[str]:
    if "LoggingConfiguration" not in properties:
        yield "keeps no log"
    if not properties.get("TracingConfiguration", {}).get("Enabled"):
        yield "not traced"


RESOURCES: Final[ResourceRules] = {
    "AWS::Lambda::Function": (function,),
    "AWS::Logs::LogGroup": (log_group,),
    "AWS::StepFunctions::StateMachine": (state_machine,),
}
PROJECT: Final[tuple[ProjectRule, ...]] = ()
