"""The gate runner: what it says, and that a fault in the tree closes the gate it belongs to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools import check
from tools.project import ROOT

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the template gates read."""
    for name in ("template.yaml", "samconfig.toml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("stacks", "statemachines"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_one_line_per_gate_and_the_worst_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def open_gate(_: Path, __: Mapping[str, str]) -> check.Result:
        return check.Result()

    def shut_gate(_: Path, __: Mapping[str, str]) -> check.Result:
        return check.Result("a finding")

    def absent(_: Path, __: Mapping[str, str]) -> check.Result:
        return check.Result(skipped="no Node here")

    gates = {"open": open_gate, "shut": shut_gate, "absent": absent}
    assert check.main(gates, tmp_path, {}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line != "a finding"] == [
        ["open", "ok"],
        ["shut", "FAILED"],
        ["absent", "skipped"],
    ]
    assert lines[-1].endswith("no Node here")
    assert check.main({"open": open_gate}, tmp_path, {}) == 0


def test_without_node_the_validator_is_skipped_but_not_in_ci(tree: Path) -> None:
    assert check.asl(tree, {"PATH": ""}).skipped
    assert "npm ci" in check.asl(tree, {"PATH": "", "CI": "true"}).findings


def test_cfn_lint_sees_a_wrong_property(tree: Path) -> None:
    spoil(tree / "stacks" / "storage.yaml", "BillingMode:", "BilingMode:")
    assert "BilingMode" in check.templates(tree, ENV).findings


def test_cfn_lint_sees_after_the_transform_what_sam_hides(tree: Path) -> None:
    spoil(tree / "template.yaml", "s3:ListBucketVersions", "s3:ListBucketVersion")
    assert "listbucketversion" in check.transformed(tree, ENV).findings.lower()


def test_the_house_rules_are_a_gate(tree: Path) -> None:
    spoil(tree / "template.yaml", "VisibilityTimeout: 360", "VisibilityTimeout: 30")
    assert "messages come back" in check.house_rules(tree, ENV).findings


def test_ruff_refuses_aws_in_the_domain(tree: Path) -> None:
    module = tree / "layers" / "core" / "deckhand" / "domain" / "clock.py"
    module.parent.mkdir(parents=True)
    module.write_text('"""The time."""\n\nimport boto3\n\nprint(boto3)\n', encoding="utf-8")
    assert "TID251" in check.ruff(tree, ENV).findings


def test_a_missing_tool_is_a_finding(tree: Path) -> None:
    assert "not installed" in check.command(["no-such-checker"], tree).findings
