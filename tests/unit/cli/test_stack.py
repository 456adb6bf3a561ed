"""`deckhand stack` where no local cloud is needed: checks, refusals, what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deckhand.cli import place
from deckhand.cli.app import app
from tests.makers import run_record
from tests.unit.cli.conftest import Deployed


@pytest.fixture(autouse=True)
def _no_local_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv(place.LOCAL_STATES, str(tmp_path / "none"))
    # What the command enters must not stay for other tests.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-2")
    yield


def stack(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["stack", *words], input=typed)


def test_a_sound_environment() -> None:
    result = stack("validate", "--env", "prod", "--offline", "-p", "NotifyEmail=a@example.org")
    assert result.exit_code == 0, result.output
    assert "prod: 0 errors, 0 to think about" in result.output


def test_a_mistake_is_named_with_its_place_and_fails() -> None:
    result = stack("validate", "--env", "dev", "--offline", "-p", "JobVcpu=4", "-p", "JobGpus=9")
    assert result.exit_code == 1
    assert "--parameter: JobVcpu: the template has no such parameter; JobVcpus" in result.output
    assert "g4dn.xlarge has too little for one attempt (GPUs)" in result.output


def test_offline_the_checks_that_were_not_made_are_named() -> None:
    result = stack("validate", "--offline")
    assert "--offline was given" in result.output
    assert "not looked at: the quotas of EC2" in result.output


def test_an_unknown_environment() -> None:
    result = stack("validate", "--env", "stagin", "--offline")
    assert result.exit_code == 1
    assert "Do you mean staging?" in result.output


def test_a_parameter_without_a_value() -> None:
    result = stack("validate", "--offline", "-p", "JobVcpus")
    assert "NAME=VALUE" in result.output


def test_prices_that_cannot_be_read() -> None:
    result = stack("validate", "--offline", "-p", "MachinePrices={")
    assert result.exit_code == 1
    assert "The parameter MachinePrices cannot be read" in result.output


@pytest.mark.parametrize("command", ["status", "outputs", "diff", "delete"])
def test_a_stack_that_is_not_there(aws: Callable[[str], Any], command: str) -> None:
    result = stack(command, "--env", "test")
    assert result.exit_code == 1
    assert "There is no stack deckhand-test in us-east-2" in result.output


def test_the_local_environment_needs_a_local_cloud() -> None:
    result = stack("status", "--env", "local")
    assert "`deckhand local up` starts one" in result.output


def test_outputs_for_people_and_programs(deployed: Deployed) -> None:
    lines = stack("outputs", "--stack", deployed.name).output.splitlines()
    assert ["InboxBucket", deployed.inbox.name] in [line.split() for line in lines]
    found = json.loads(stack("outputs", "--stack", deployed.name, "--json").output)
    assert found["RunsBucket"] == deployed.runs.name


def test_a_stack_with_open_runs_is_not_deleted(deployed: Deployed, aws: Any) -> None:
    deployed.ledger.admit(run_record(run_id="run-1"))
    result = stack("delete", "--stack", deployed.name, "--yes")
    assert result.exit_code == 1
    assert "1 run is open" in result.output
    assert f"deckhand stop RUN --stack {deployed.name}" in result.output
    found = aws("cloudformation").describe_stacks(StackName=deployed.name)["Stacks"][0]
    assert found["StackStatus"] == "CREATE_COMPLETE"


def test_another_name_deletes_nothing(deployed: Deployed, aws: Any) -> None:
    result = stack("delete", "--stack", deployed.name, typed="something-else\n")
    assert result.exit_code == 1
    assert "nothing was deleted" in result.output
    assert aws("cloudformation").describe_stacks(StackName=deployed.name)["Stacks"]


def test_the_name_deletes_and_open_runs_may_be_abandoned(deployed: Deployed, aws: Any) -> None:
    deployed.ledger.admit(run_record(run_id="run-1"))
    words = ("delete", "--stack", deployed.name, "--abandon-runs")
    result = stack(*words, typed=f"{deployed.name}\n")
    assert result.exit_code == 0, result.output
    assert f"{deployed.name} is deleted" in result.output
    assert "There is no stack" in stack(*words, "--yes").output


def test_a_deletion_need_not_be_waited_for(deployed: Deployed, aws: Any) -> None:
    result = stack("delete", "--stack", deployed.name, "--yes", "--no-wait")
    assert result.exit_code == 0, result.output
    assert "AWS has begun" in result.output
    assert "There is no stack" in stack("status", "--stack", deployed.name).output


def test_a_dry_run_of_a_deletion_deletes_nothing(deployed: Deployed) -> None:
    assert stack("delete", "--stack", deployed.name, "--dry-run").exit_code == 0
    assert stack("outputs", "--stack", deployed.name).exit_code == 0
