"""What CloudFormation makes of the project for one set of parameters, nothing left to decide.

Conditions are decided and intrinsic functions worked out, through nested stacks too. What AWS alone
can say stands for itself: `network.Vpc` is that resource's id, `network.NatAddress.AllocationId` an
attribute of it. A reference to something that is not made is an error, as it is on AWS.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from tools.project import REGION, ROOT_STACK, Project, Resource, Template

NESTED: Final = "AWS::CloudFormation::Stack"
ACCOUNT: Final = "123456789012"
ZONES: Final = tuple(f"{REGION}{letter}" for letter in "abcdef")
"""As many as any region has; which of them a stack uses is its ZoneCount."""

_NOTHING: Final = object()
_PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": _NOTHING,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACEHOLDER: Final = re.compile(r"\$\{([^!}][^}]*)\}")


class ResolveError(Exception):
    """A template says something that CloudFormation would refuse; the text says where and what."""


class Made:
    """One stack as it is made for *parameters*, those below it included.

    `region` is where. Who calls resources otherwise overrides `identity` and `attribute`.
    """

    region = REGION

    def __init__(
        self, project: Project, parameters: Mapping[str, str], stack: str = ROOT_STACK
    ) -> None:
        self.project = project
        self.stack = stack
        self.template = project.stacks[stack]
        self.parameters = {**_defaults(self.template), **parameters}
        self._decided: dict[str, bool] = {}
        self._children: dict[str, Made] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::If": self._if,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda given: given[0].join(map(str, self.value(given[1]))),
            "Fn::Split": lambda given: str(self.value(given[1])).split(given[0]),
            "Fn::Select": lambda given: self.value(given[1])[int(self.value(given[0]))],
            "Fn::GetAZs": lambda _: list(ZONES),
            "Fn::Cidr": self._blocks,
            "Fn::Base64": self.value,
            "Condition": self.holds,
        }
        self._tests: dict[str, Callable[[list[Any]], bool]] = {
            "Fn::Equals": lambda pair: _text(self.value(pair[0])) == _text(self.value(pair[1])),
            "Fn::And": lambda parts: all(self.test(part) for part in parts),
            "Fn::Or": lambda parts: any(self.test(part) for part in parts),
            "Fn::Not": lambda parts: not self.test(parts[0]),
            "Fn::Contains": lambda pair: self.value(pair[1]) in self.value(pair[0]),
        }

    # ---- what is asked for ----------------------------------------------------------------------

    def resources(self, *types: str) -> Iterator[Resource]:
        """Everything that is made, here and below, with plain properties."""
        yield from self.own(*types)
        for child in self.children():
            yield from child.resources(*types)

    def own(self, *types: str) -> Iterator[Resource]:
        """What is made here, nested stacks apart."""
        for name, body in self.template["Resources"].items():
            wanted = not types or body["Type"] in types
            if wanted and name not in self._nested and self._is_made(name):
                yield Resource(self.stack, name, self._resolved(body))

    def children(self) -> Iterator[Made]:
        """The nested stacks that are made."""
        for name in self._nested:
            if self._is_made(name):
                yield self.child(name)

    @cached_property
    def _nested(self) -> tuple[str, ...]:
        known = self.template["Resources"].items()
        return tuple(name for name, body in known if body["Type"] == NESTED)

    def child(self, name: str) -> Made:
        """The nested stack that the resource *name* makes."""
        if name not in self._children:
            given = self.template["Resources"][name]["Properties"].get("Parameters", {})
            values = {key: _text(self.value(value)) for key, value in given.items()}
            stack = self.project.children[name]
            self._children[name] = type(self)(self.project, values, stack)
        return self._children[name]

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {
            name: self.value(output["Value"])
            for name, output in self.template.get("Outputs", {}).items()
            if "Condition" not in output or self.holds(output["Condition"])
        }

    def refusals(self) -> list[str]:
        """Why CloudFormation would not even begin: parameters and rules."""
        return list(self._bad_parameters()) or list(self._broken_rules())

    def holds(self, condition: str) -> bool:
        if condition not in self._decided:
            known = self.template.get("Conditions", {})
            if condition not in known:
                raise ResolveError(f"{self.stack}: no condition {condition}")
            self._decided[condition] = self.test(known[condition])
        return self._decided[condition]

    # ---- how it is worked out -------------------------------------------------------------------

    def _bad_parameters(self) -> Iterator[str]:
        for name, known in self.template.get("Parameters", {}).items():
            value = self.parameters.get(name)
            if value is None:
                yield f"{name} has no value."
                continue
            allowed = [_text(item) for item in known.get("AllowedValues", (value,))]
            if value not in allowed:
                yield f"{name} is not one of {', '.join(allowed)}."
            if not re.fullmatch(known.get("AllowedPattern", ".*"), value, re.DOTALL):
                yield f"{name} {known.get('ConstraintDescription', 'does not fit its pattern.')}"

    def _broken_rules(self) -> Iterator[str]:
        for rule in self.template.get("Rules", {}).values():
            if "RuleCondition" not in rule or self.test(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self.test(assertion["Assert"]):
                        yield assertion["AssertDescription"]

    def _is_made(self, name: str) -> bool:
        condition = self.template["Resources"][name].get("Condition")
        return condition is None or self.holds(condition)

    def _resolved(self, body: Template) -> Template:
        return {**body, "Properties": self.value(body.get("Properties", {}))}

    def value(self, given: Any) -> Any:
        """*given* without intrinsic functions."""
        if isinstance(given, list):
            return [item for item in map(self.value, given) if item is not _NOTHING]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            [(name, argument)] = given.items()
            if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise ResolveError(f"{self.stack}: {name} cannot be worked out")
        values = {key: self.value(item) for key, item in given.items()}
        return {key: item for key, item in values.items() if item is not _NOTHING}

    def test(self, given: Any) -> bool:
        [(name, argument)] = given.items()
        if name == "Condition":
            return self.holds(argument)
        if name not in self._tests:
            raise ResolveError(f"{self.stack}: {name} is no test")
        return self._tests[name](argument)

    def _ref(self, name: str) -> Any:
        if name == "AWS::StackName":
            return self.stack_name
        if name == "AWS::Region":
            return self.region
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self.parameters:
            kind = self.template["Parameters"][name]["Type"]
            value = self.parameters[name]
            return value.split(",") if kind == "CommaDelimitedList" else value
        self._check(name)
        return self.identity(name)

    def _check(self, name: str) -> None:
        """A reference is to something that is made."""
        if name not in self.template["Resources"]:
            raise ResolveError(f"{self.stack}: no resource or parameter {name}")
        if not self._is_made(name):
            raise ResolveError(f"{self.stack}: {name} is referred to, but not made")

    @property
    def stack_name(self) -> str:
        return self.stack

    def identity(self, name: str) -> str:
        """What a Ref to a resource says."""
        return f"{self.stack}.{name}"

    def attribute(self, name: str, attribute: str) -> str:
        """What a GetAtt of a resource says."""
        return f"{self.identity(name)}.{attribute}"

    def _attribute(self, given: str | list[str]) -> Any:
        name, _, attribute = (
            given.partition(".") if isinstance(given, str) else (given[0], "", given[1])
        )
        self._check(name)
        if not attribute.startswith("Outputs."):
            return self.attribute(name, attribute)
        outputs = self.child(name).outputs
        output = attribute.removeprefix("Outputs.")
        if output not in outputs:
            raise ResolveError(f"{self.stack}.{name} has no output {output} here")
        return outputs[output]

    def _if(self, given: list[Any]) -> Any:
        return self.value(given[1] if self.holds(given[0]) else given[2])

    def _sub(self, given: str | list[Any]) -> str:
        text, names = (given, {}) if isinstance(given, str) else given

        def found(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in names:
                return _text(self.value(names[name]))
            return _text(self._attribute(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(found, text).replace("${!", "${")

    def _blocks(self, given: list[Any]) -> list[str]:
        block, count, bits = (self.value(item) for item in given)
        network = ipaddress.ip_network(block)
        blocks = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(item) for item, _ in zip(blocks, range(int(count)), strict=False)]


def _defaults(template: Template) -> dict[str, str]:
    known = template.get("Parameters", {})
    return {name: _text(item["Default"]) for name, item in known.items() if "Default" in item}


def _text(value: Any) -> str:
    """Parameters are text on AWS, whatever they look like in a template."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
