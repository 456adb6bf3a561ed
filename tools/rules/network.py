"""House rules for what machines can reach, and who can reach them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tools.project import Resource, Template
from tools.rules.rule import ProjectRule, ResourceRules


def security_group(properties: Template, _: Resource) -> Iterator[str]:
    if properties.get("SecurityGroupIngress"):
        yield "lets somebody in"
    if not properties.get("SecurityGroupEgress"):
        yield "no egress is named, so everything may leave"


RESOURCES: Final[ResourceRules] = {
    "AWS::EC2::SecurityGroup": (security_group,),
}
PROJECT: Final[tuple[ProjectRule, ...]] = ()
