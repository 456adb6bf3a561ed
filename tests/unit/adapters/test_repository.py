"""Reading a clone: templates with short forms, environments with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.adapters.repository import Repository, instance_types, read_template
from deckhand.domain.errors import ProjectError
from tests.conftest import ROOT
from tools.project import load

CONFIG = """version = 0.1

[dev.global.parameters]
stack_name = "lab-dev"
region = "us-east-2"

[dev.deploy.parameters]
# "Commented=1",
parameter_overrides = [
    "A=1", # why
    'B=x=y',
]

[prod.deploy.parameters]
stack_name = "lab"
parameter_overrides = ["A=2"]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Repository:
    (tmp_path / "samconfig.toml").write_text(CONFIG)
    return Repository(tmp_path)


def test_short_forms_are_the_long_forms_they_stand_for() -> None:
    short = "A: !GetAtt B.C.D\nE: !If [X, !Ref Y, !Sub 'z${Q}']\nF: !Condition G\n"
    long = (
        "A: {Fn::GetAtt: [B, C.D]}\n"
        "E: {Fn::If: [X, {Ref: Y}, {Fn::Sub: 'z${Q}'}]}\n"
        "F: {Condition: G}\n"
    )
    assert read_template(short) == read_template(long)
    assert read_template("A: {Fn::GetAtt: B.C.D}\n") == read_template("A: !GetAtt B.C.D\n")


def test_the_templates_of_here_are_what_sam_reads() -> None:
    """Another reader of the same files, SAM's own, finds the same nested stacks."""
    project = load()
    nested = dict(Repository(ROOT).nested())
    assert set(nested) == set(project.children)
    for name, stack in project.children.items():
        assert nested[name] == read_template(project.stacks[stack])


def test_resources_are_counted_over_all_templates() -> None:
    counts = Repository(ROOT).counts()
    assert counts["AWS::Batch::JobQueue"] >= 2
    assert counts["AWS::KMS::Key"] >= 1


def test_an_environment_with_the_lines_of_its_parameters(clone: Repository) -> None:
    found = clone.environment("dev")
    assert (found.stack, found.region) == ("lab-dev", "us-east-2")
    assert found.overrides.values == {"A": "1", "B": "x=y"}
    assert found.overrides.places == {"A": "samconfig.toml:10", "B": "samconfig.toml:11"}


def test_an_environment_may_have_its_name_below_deploy(clone: Repository) -> None:
    assert clone.environment("prod").stack == "lab"


def test_an_environment_that_is_not_there(clone: Repository) -> None:
    with pytest.raises(ProjectError, match=r"no environment prdo. Do you mean prod\? It has dev, "):
        clone.environment("prdo")


def test_a_folder_that_is_no_clone(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no template.yaml in .*clone it"):
        _ = Repository(tmp_path).template


def test_a_config_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text("[")
    with pytest.raises(ProjectError, match="is no TOML"):
        Repository(tmp_path).environments()


def test_machines_of_ec2() -> None:
    known = instance_types()
    assert {"g4dn.xlarge", "p4d.24xlarge", "p5.4xlarge"} <= known
    assert "p4d.24xlrge" not in known
