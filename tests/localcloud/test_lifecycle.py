"""Starting and deploying: what SAM is told, what is shown of it, what a failure says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from localcloud import deployment, lifecycle
from localcloud.deployment import DeploymentError, Sam
from localcloud.environments import ROOT, Environments
from localcloud.progress import Progress

SAM = """
import json, os, sys
json.dump([sys.argv[1:], dict(os.environ)], open({told!r}, "w"))
print("Building layer 'CoreLayer'")
print("CREATE_COMPLETE    AWS::SQS::Queue    IntakeQueue    -")
print("CREATE_COMPLETE    AWS::SNS::Topic    Messages    -")
print("something is wrong")
sys.exit({code})
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told.json"


def make_sam(state: Path, told: Path, code: int = 0) -> Sam:
    """A SAM CLI that writes down what it is told."""
    script = state / "sam.py"
    script.write_text(SAM.format(told=str(told), code=code))
    program = state / "sam program"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    environments = Environments(sam=program, cloud=Path("/the cloud/python"))
    return Sam(state, environments, "http://127.0.0.1:9")


def test_parameters_go_over_those_of_samconfig(tmp_path: Path, told: Path) -> None:
    notes: list[str] = []
    make_sam(tmp_path, told).deploy(notes.append, {"CheckpointSeconds": "3"})
    arguments, environment = json.loads(told.read_text())
    given = arguments[arguments.index("--parameter-overrides") + 1 :]
    expected = {**deployment.configured(), "CheckpointSeconds": "3"}
    assert dict(item.split("=", 1) for item in given) == expected
    assert notes == ["1 resources", "2 resources"]
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment["DECKHAND_LAYER_PYTHON"] == "/the cloud/python"


def test_nothing_of_the_users_account_reaches_sam(
    tmp_path: Path, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    make_sam(tmp_path, told).build(lambda _: None)
    environment = json.loads(told.read_text())[1]
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(environment)


def test_a_failure_shows_what_sam_said(tmp_path: Path, told: Path) -> None:
    with pytest.raises(DeploymentError, match=r"sam build failed[\s\S]*something is wrong"):
        make_sam(tmp_path, told, code=1).build(lambda _: None)
    assert "something is wrong" in (tmp_path / "sam.log").read_text()


def test_the_local_parameters_are_parameters_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert all(f"\n  {name}:\n    Type:" in template for name in deployment.configured())


def test_a_cloud_without_its_environments_says_how_to_make_them(tmp_path: Path) -> None:
    missing = Environments(sam=tmp_path / "nowhere")
    with pytest.raises(lifecycle.LifecycleError, match="make setup"):
        lifecycle.up(tmp_path, Progress(), {}, environments=missing)


def test_stopping_a_cloud_that_does_not_run(tmp_path: Path) -> None:
    assert lifecycle.down(tmp_path) is False


def test_a_cloud_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    broken = Environments(cloud=Path(sys.executable), product=Path(sys.executable))
    process = lifecycle.launch(tmp_path, broken, "--no-such-option")
    with pytest.raises(lifecycle.LifecycleError, match="no-such-option"):
        lifecycle.wait_until_ready(tmp_path, process)
