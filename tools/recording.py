"""The calls of the tests of the local cloud, in the names of the templates: one line of each kind.

`make permissions` writes them again; docs/permissions.md is made from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.account import ARNS, STACK
from tools.project import ROOT

FILE: Final = Path("tests/localcloud/calls.jsonl")

_RENAMED: Final = frozenset(ARNS) - {"AWS::Batch::JobDefinition"}
"""A job definition has its name from the template."""

_TOLD_BY_NO_POLICY: Final = ("dynamodb:",)
"""Conditions that no policy of ours looks at, but that make many kinds of one."""

_ALIKE: Final = (
    (re.compile(r"inbox/[^*]+"), "inbox/DROP"),
    (re.compile(r"\bruns/[^/*]+"), "runs/RUN"),
    (re.compile(r"/(deck|outputs)/[^*]+"), r"/\1/FILE"),
    (re.compile(r"/results/(?!report\.)[^*]+"), "/results/FILE"),
    (re.compile(r"/checkpoints/[^*]+"), "/checkpoints/FILE"),
    (re.compile(r"/attempts/\d+"), "/attempts/1"),
    (re.compile(r"(:job)/[^*]+"), r"\1/JOB"),
    (re.compile(r"(:execution:\w+):[^*]+"), r"\1:RUN"),
    (re.compile(r"(:job-definition/.+):\d+"), r"\1:1"),
)
"""What tells runs and files apart and is nothing to a policy."""


@dataclass(frozen=True, order=True)
class Made:
    """A call that was made: by a role or a service, in the names of the templates."""

    who: str
    action: str
    resource: str
    conditions: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def line(self) -> str:
        return json.dumps(vars(self))


def read(path: Path = ROOT / FILE) -> list[Made]:
    return [Made(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, calls: Iterable[Made]) -> None:
    lines = sorted({call.line for call in calls})
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def of(cloudformation: Any, stack: str, calls: Iterable[Any]) -> list[Made]:
    """What *calls* of a local cloud are in the names of the templates it was made from."""
    names = dict(_names(cloudformation, stack))
    names[stack] = STACK
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))

    def rename(value: Any) -> Any:
        if isinstance(value, list):
            return [rename(item) for item in value]
        text = pattern.sub(lambda found: names[found[0]], str(value))
        for what, alike in _ALIKE:
            text = what.sub(alike, text)
        return text

    return [
        Made(
            who=rename(call.who.partition("/")[0]),
            action=call.action,
            resource=rename(call.resource),
            conditions={
                key: rename(value)
                for key, value in call.conditions.items()
                if not key.startswith(_TOLD_BY_NO_POLICY)
            },
        )
        for call in calls
        if call.allowed
    ]


def _names(cloudformation: Any, stack: str) -> Iterator[tuple[str, str]]:
    """Physical names, and what the templates call them, also of nested stacks."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for item in (item for page in pages for item in page["StackResourceSummaries"]):
        physical, kind = item["PhysicalResourceId"], item["ResourceType"]
        if kind == "AWS::CloudFormation::Stack":
            nested = physical.split("/")[1]
            yield nested, item["LogicalResourceId"]
            yield from _names(cloudformation, nested)
        elif kind in _RENAMED:
            yield re.split(r"[/:]", physical)[-1], item["LogicalResourceId"]
