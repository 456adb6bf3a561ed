"""The clone of Deckhand that a stack is made of: templates, environments, the SAM CLI."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml
from botocore.loaders import Loader as ModelLoader
from botocore.model import ServiceModel

from deckhand.domain.errors import ProjectError
from deckhand.domain.estimate import INTERFACE_ENDPOINT, NAT_GATEWAY
from deckhand.domain.parameters import Overrides, Parameters, nearest
from deckhand.domain.stack import NESTED

TEMPLATE: Final = "template.yaml"
CONFIG: Final = "samconfig.toml"
NESTED_TYPES: Final = frozenset({NESTED, "AWS::Serverless::Application"})
ROOT_STACK: Final = "template"

_SECTION: Final = re.compile(r"\s*\[(?P<name>[^\]]+)\]")
_OVERRIDE: Final = re.compile(r"""\s*["'](?P<name>\w+)=""")


class _CloudFormation(yaml.SafeLoader):
    """Reads short forms (`!GetAtt A.B`) as the long ones that they stand for."""


def _long_form(loader: _CloudFormation, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_CloudFormation.add_multi_constructor("!", _long_form)


def read_template(text: str | Mapping[str, Any]) -> dict[str, Any]:
    """A template with long forms only, from YAML, or from JSON that boto3 has read already."""
    read = yaml.load(text, _CloudFormation) if isinstance(text, str) else text  # noqa: S506  safe
    normal = _normal(read)
    assert isinstance(normal, dict)
    return normal


def _normal(value: Any) -> Any:  # noqa: ANN401  any YAML
    if isinstance(value, Mapping):
        plain = {str(key): _normal(item) for key, item in value.items()}
        found = plain.get("Fn::GetAtt")
        return {"Fn::GetAtt": found.split(".", 1)} if isinstance(found, str) else plain
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return value


@dataclass(frozen=True)
class Repository:
    """Raises ProjectError where *root* is no clone of Deckhand."""

    root: Path

    @property
    def build(self) -> Path:
        return self.root / ".aws-sam" / "build"

    @property
    def sam(self) -> Path:
        return self.root / ".deckhand" / "venvs" / "sam" / "bin" / "python"

    @cached_property
    def template(self) -> dict[str, Any]:
        return read_template(self._text(TEMPLATE))

    @property
    def parameters(self) -> Parameters:
        return Parameters.read(self.template)

    def nested(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The templates of the nested stacks, by the names that the root gives them."""
        for name, body in self.template["Resources"].items():
            location = body.get("Properties", {}).get("Location")
            if body["Type"] in NESTED_TYPES and isinstance(location, str):
                yield name, read_template(self._text(location))

    def counts(self) -> Counter[str]:
        """How many resources of a type the templates have in any case.

        Of what a network costs, those too that depend on its mode.
        """
        every = (self.template, *(template for _, template in self.nested()))
        bodies = [body for item in every for body in item["Resources"].values()]
        counts = Counter(
            str(body["Type"])
            for body in bodies
            if "Condition" not in body or body["Type"] == NAT_GATEWAY
        )
        counts[INTERFACE_ENDPOINT] = sum(
            body.get("Properties", {}).get("VpcEndpointType") == "Interface" for body in bodies
        )
        return counts

    @cached_property
    def _config(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text(CONFIG))
        except tomllib.TOMLDecodeError as error:
            raise ProjectError(f"{CONFIG} is no TOML: {error}") from error

    def environments(self) -> tuple[str, ...]:
        return tuple(name for name, body in self._config.items() if isinstance(body, dict))

    def environment(self, name: str) -> Environment:
        """Raises ProjectError where samconfig.toml has none of that name."""
        known = self.environments()
        if name not in known:
            near = nearest(name, known)
            meant = f" Do you mean {near}?" if near else ""
            raise ProjectError(
                f"{CONFIG} has no environment {name}.{meant} It has {', '.join(known)}."
            )
        body = self._config[name]
        common = body.get("global", {}).get("parameters", {})
        deploy = {**common, **body.get("deploy", {}).get("parameters", {})}
        given = deploy.get("parameter_overrides", ())
        values = dict(str(item).split("=", 1) for item in given if "=" in str(item))
        return Environment(
            name=name,
            stack=str(deploy.get("stack_name", "")),
            region=str(deploy.get("region", "")),
            profile=str(deploy.get("profile", "")),
            overrides=Overrides(values, dict(self._places(name))),
        )

    def _places(self, environment: str) -> Iterator[tuple[str, str]]:
        """Where each parameter of an environment stands."""
        section = ""
        for number, line in enumerate(self._text(CONFIG).splitlines(), start=1):
            if found := _SECTION.match(line):
                section = found["name"]
            elif section == f"{environment}.deploy.parameters" and (found := _OVERRIDE.match(line)):
                yield found["name"], f"{CONFIG}:{number}"

    def _text(self, path: str) -> str:
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise ProjectError(
                f"There is no {path} in {self.root}. A stack is made from a clone of Deckhand: "
                "clone it, `make setup` there, and use its .venv/bin/deckhand."
            ) from error


@dataclass(frozen=True)
class Environment:
    """A section of samconfig.toml."""

    name: str
    stack: str
    region: str
    profile: str
    overrides: Overrides


def instance_types() -> frozenset[str]:
    """Every machine that this version of botocore knows EC2 to have; asks nobody."""
    model = ServiceModel(ModelLoader().load_service_model("ec2", "service-2"))
    return frozenset(model.shape_for("InstanceType").enum)
