"""The gate runner: what it says, and that a fault in the tree closes the gate it belongs to."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools import check
from tools.project import ROOT
from tools.scan import POLICIES, SECRETS, Accepted, Finding, ScanFailedError, remaining, scan

ENV = {"PATH": os.environ["PATH"]}

PUBLIC_BUCKET = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Open:
    Type: AWS::S3::Bucket
    Properties: { AccessControl: PublicRead }
"""

MIGHTY_FUNCTION = """\
  Mighty:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/mighty
      Policies:
        - Version: "2012-10-17"
          Statement: [{ Effect: Allow, Action: "*", Resource: "*" }]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the template gates read."""
    for name in ("template.yaml", "samconfig.toml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("stacks", "statemachines", "ops", ".github"):
        shutil.copytree(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
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
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith("3 gates in") and last.endswith("1 failed")
    assert [line.split()[:2] for line in lines if line != "a finding"] == [
        ["open", "ok"],
        ["shut", "FAILED"],
        ["absent", "skipped"],
    ]
    assert lines[-1].endswith("no Node here")
    assert check.main({"open": open_gate}, tmp_path, {}) == 0


def test_gates_are_open_side_by_side_and_told_of_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second_is_through = threading.Event()

    def first(_: Path, __: Mapping[str, str]) -> check.Result:
        return check.Result("" if second_is_through.wait(60) else "it stood alone")

    def second(_: Path, __: Mapping[str, str]) -> check.Result:
        second_is_through.set()
        return check.Result()

    assert check.main({"first": first, "second": second}, tmp_path, {}) == 0
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert told[:2] == ["first", "second"]


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


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("print(eval(input()))", "S307"),
        ("import hashlib\n\nprint(hashlib.md5(b''))", "S324"),
        ("import subprocess\n\nsubprocess.run(input(), shell=True, check=True)", "S602"),
        ("import random\n\nprint(random.random())", "S311"),
    ],
)
def test_ruff_refuses_what_a_stranger_could_use(tree: Path, line: str, rule: str) -> None:
    module = tree / "functions" / "guess" / "app.py"
    module.parent.mkdir(parents=True)
    module.write_text(f'"""A guess."""\n\n{line}\n', encoding="utf-8")
    assert rule in check.ruff(tree, ENV).findings


def test_a_linter_reads_the_delivery_too(tree: Path) -> None:
    spoil(tree / "ops" / "delivery.yaml", "iam:TagRole", "iam:TagRoll")
    assert "tagroll" in check.templates(tree, ENV).findings.lower()


def test_hadolint_wants_a_version_and_says_when_there_is_nothing(tree: Path) -> None:
    assert "no Dockerfile" in check.dockerfiles(tree, ENV).skipped
    dockerfile = tree / "container" / "Dockerfile"
    dockerfile.parent.mkdir()
    dockerfile.write_text("FROM debian:latest\nUSER 1000\n", encoding="utf-8")
    assert "DL3007" in check.dockerfiles(tree, ENV).findings
    dockerfile.write_text("FROM debian:13.1\nUSER 1000\n", encoding="utf-8")
    assert check.dockerfiles(tree, ENV) == check.Result()


@pytest.mark.parametrize(
    ("old", "new", "audit"),
    [
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("persist-credentials: false", "fetch-depth: 0", "artipacked"),
        ("make check", "echo ${{ github.event.pull_request.title }}", "template-injection"),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
    ],
)
def test_zizmor_sees_a_workflow_that_gives_too_much(
    tree: Path, old: str, new: str, audit: str
) -> None:
    assert check.workflows(tree, ENV) == check.Result()
    spoil(tree / ".github" / "workflows" / "test.yml", old, new)
    assert audit in check.workflows(tree, ENV).findings


def test_no_workflows_at_all_is_a_finding(tree: Path) -> None:
    shutil.rmtree(tree / ".github")
    assert check.workflows(tree, ENV).findings


def test_checkov_sees_each_kind_of_file_and_what_the_transform_shows(tree: Path) -> None:
    (tree / "stacks" / "open.yaml").write_text(PUBLIC_BUCKET, encoding="utf-8")
    spoil(tree / "template.yaml", "\nResources:\n", f"\nResources:\n{MIGHTY_FUNCTION}")
    spoil(tree / ".github/workflows/image.yml", "permissions: {}", "permissions: write-all")
    (tree / "Dockerfile").write_text("FROM debian:13.1\n", encoding="utf-8")
    found = check.checkov(tree, ENV).findings
    for expected in (
        "CKV_AWS_20 AWS::S3::Bucket.Open",
        "transformed/template.json:",
        "CKV_AWS_63 AWS::IAM::Role.MightyRole",
        "CKV2_GHA_1",
        "CKV_DOCKER_3",
    ):
        assert expected in found
    assert "CKV_AWS_116" not in found  # accepted


def test_a_secret_in_any_file_is_seen_and_an_entry_without_one_too(tree: Path) -> None:
    # In two parts, or this file would have one.
    (tree / "notes.py").write_text(f'key = "AKIA{"IOSFODNN7ABCDEFG"}"\n', encoding="utf-8")
    found = check.secrets(tree, ENV).findings
    assert "notes.py:1: CKV_SECRET_2" in found
    assert "CKV_SECRET_6 is not found at localcloud/imds.py any more" in found


def test_a_file_that_cannot_be_read_is_no_clean_file(tree: Path) -> None:
    (tree / "stacks" / "broken.yaml").write_text("Resources:\n  A: b\n c: [\n", encoding="utf-8")
    with pytest.raises(ScanFailedError, match="broken"):
        scan(check.tool("checkov"), tree, ["stacks/broken.yaml"], POLICIES)
    with pytest.raises(ScanFailedError, match="could not read"):
        scan(check.tool("checkov"), tree, ["samconfig.toml"], POLICIES)
    assert scan(check.tool("checkov"), tree, ["samconfig.toml"], SECRETS) == []


def test_a_check_is_accepted_at_its_place_only_and_only_while_it_is_found() -> None:
    bucket = Finding("CKV_1", "stacks/storage.yaml", 6, "AWS::S3::Bucket.Inbox", "be private")
    secret = Finding("CKV_2", "notes.py", 1, "3c76d2", "no secrets")
    here = Accepted("CKV_1", "AWS::S3::Bucket.Inbox", "a reason")
    file = Accepted("CKV_2", "notes.py", "a reason")
    elsewhere = Accepted("CKV_1", "AWS::S3::Bucket.Runs", "a reason")
    assert list(remaining([bucket, secret], [here, file])) == []
    assert list(remaining([bucket, secret], [here])) == ["notes.py:1: CKV_2 3c76d2: no secrets"]
    left, stale = remaining([bucket], [elsewhere])
    assert left.startswith("stacks/storage.yaml:6: CKV_1")
    assert "not found at AWS::S3::Bucket.Runs any more" in stale


def test_a_missing_tool_is_a_finding(tree: Path) -> None:
    assert "not installed" in check.command(["no-such-checker"], tree).findings


def test_a_file_that_was_not_formatted_is_seen(tree: Path) -> None:
    (tree / "loose.py").write_text('x = { "a":1 }\n', encoding="utf-8")
    assert 'x = {"a": 1}' in check.form(tree, ENV).findings


def test_mypy_sees_a_field_that_is_not_there(tree: Path) -> None:
    for folder in check.TYPED:
        (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / folder / "empty.py").write_text('"""Nothing."""\n', encoding="utf-8")
    (tree / "tools" / "wrong.py").write_text(
        '"""Wrong."""\n\nprint("a".uper())\n', encoding="utf-8"
    )
    assert '"str" has no attribute "uper"' in check.types(tree, ENV).findings


def test_the_validator_sees_a_state_that_leads_nowhere(tree: Path) -> None:
    (tree / "tools").mkdir(exist_ok=True)
    modules = ROOT / "tools" / "node_modules"
    if not modules.exists() or shutil.which("node") is None:
        pytest.skip("asl-validator is not installed")
    (tree / "tools" / "node_modules").symlink_to(modules)
    spoil(tree / "statemachines" / "run_deck.asl.json", '"Next": "JudgeAttempt"', '"Next": "Judge"')
    assert "Judge" in check.asl(tree, ENV).findings


def test_an_old_picture_is_seen(tree: Path) -> None:
    shutil.copytree(ROOT / "docs", tree / "docs")
    spoil(tree / "statemachines" / "run_deck.asl.json", "WaitToPlan", "WaitForPlan")
    assert "python -m tools.picture" in check.drawn(tree, ENV).findings


def test_a_permission_that_was_taken_away_is_seen(tree: Path) -> None:
    shutil.copytree(ROOT / "docs", tree / "docs")
    (tree / "tests" / "localcloud").mkdir(parents=True)
    shutil.copy(ROOT / "tests/localcloud/calls.jsonl", tree / "tests/localcloud")
    assert check.allowed(tree, ENV).findings == ""
    spoil(
        tree / "template.yaml",
        "Action: sts:AssumeRole\n            Resource: !GetAtt",
        "Action: sts:TagSession\n            Resource: !GetAtt",
    )
    assert "sts:AssumeRole" in check.allowed(tree, ENV).findings


def test_shellcheck_sees_an_unquoted_name(tree: Path) -> None:
    (tree / "go.sh").write_text("#!/bin/sh\nrm $1\n", encoding="utf-8")
    assert "SC2086" in check.shell(tree, ENV).findings
