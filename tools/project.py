"""The deployable project as the gates see it: stacks in plain CloudFormation, and the machine."""

from __future__ import annotations

import json
import logging
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# It would say, after every transform, that nobody has sent its statistics anywhere.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

Template = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parent.parent
REGION: Final = "us-east-2"
ROOT_STACK: Final = "template"


@dataclass(frozen=True)
class Resource:
    """A resource of a transformed stack, with the stack it stands in."""

    stack: str
    name: str
    body: Template

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> Template:
        return dict(self.body.get("Properties", {}))

    def __str__(self) -> str:
        return f"{self.stack}.{self.name}"


@dataclass
class Project:
    """Stacks by name (`template` is the root), children by the root resource that makes them."""

    stacks: dict[str, Template]
    children: dict[str, str]
    machine_text: str
    parameter_sets: dict[str, dict[str, str]] = field(default_factory=dict)

    def resources(self, *types: str) -> Iterator[Resource]:
        for stack, template in self.stacks.items():
            for name, body in template["Resources"].items():
                if not types or body["Type"] in types:
                    yield Resource(stack, name, body)

    @property
    def machine(self) -> Template:
        return dict(json.loads(self.machine_text))

    @property
    def substitutions(self) -> Template:
        machine = next(self.resources("AWS::StepFunctions::StateMachine"))
        return dict(machine.properties.get("DefinitionSubstitutions", {}))


def load(root: Path = ROOT) -> Project:
    """Read and transform the templates below *root*; needs neither network nor credentials."""
    source = _read(root / "template.yaml")
    machine_text = ""
    children = {}
    stacks = {}
    for name, resource in source["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Application":
            path = root / properties["Location"]
            children[name] = path.stem
            stacks[path.stem] = _read(path)
        if resource["Type"] == "AWS::Serverless::StateMachine":
            machine_text = (root / properties["DefinitionUri"]).read_text(encoding="utf-8")
    return Project(
        stacks={ROOT_STACK: transform(source), **stacks},
        children=children,
        machine_text=machine_text,
        parameter_sets=_parameter_sets(root / "samconfig.toml"),
    )


def transform(source: Template) -> Template:
    """What AWS makes of a SAM template.

    Local paths become S3 addresses, as `sam package` would do.
    """
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in properties:
                properties[name] = "s3://artifacts/key"
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://artifacts.s3.amazonaws.com/key"
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.session.Session(region_name=REGION),
    )
    parameters = {
        name: parameter.get("Default", "x")
        for name, parameter in source.get("Parameters", {}).items()
    }
    return dict(translator.translate(sam_template=source, parameter_values=parameters))


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside *value*, itself first, with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")


def _read(path: Path) -> Template:
    # A round trip through JSON turns the parser's ordered dictionaries into plain ones.
    return dict(json.loads(json.dumps(yaml_parse(path.read_text(encoding="utf-8")), default=str)))


def _parameter_sets(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    config = tomllib.loads(path.read_text(encoding="utf-8"))
    deploys = {
        name: section.get("deploy", {}).get("parameters", {})
        for name, section in config.items()
        if isinstance(section, dict)
    }
    return {
        name: dict(item.split("=", 1) for item in deploy.get("parameter_overrides", ()))
        for name, deploy in deploys.items()
    }
