"""container/image.sh: what it asks Docker and AWS for, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import deckhand

ROOT = Path(__file__).parents[2]
REPOSITORY = "123456789012.dkr.ecr.us-east-2.amazonaws.com/deckhand-prod-images"

AWS = """#!/bin/sh
echo "aws $*" >>"$CALLS"
case "$*" in
    *describe-stacks*) echo "$FOUND" ;;
    *describe-images*) exit "$THERE" ;;
    *get-login-password*) echo secret ;;
esac
"""
DOCKER = """#!/bin/sh
echo "docker $*" >>"$CALLS"
case "$*" in *inspect*) exit 1 ;; *login*) cat >/dev/null ;; esac
"""


class Programs:
    """A PATH whose `aws` and `docker` write down what they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.environment = {
            "PATH": f"{folder}:{os.defpath}",
            "CALLS": str(self.calls),
            "FOUND": REPOSITORY,
            "THERE": "255",
        }
        self.put("aws", AWS)
        self.put("docker", DOCKER)

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "container" / "image.sh"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_an_image_is_built_for_the_architectures_that_are_asked_for(programs: Programs) -> None:
    done = programs.run("sm_80 sm_90")
    assert done.returncode == 0, done.stderr
    (build,) = (call for call in programs.called if "buildx build" in call)
    assert "--build-arg ARCHS=sm_80 sm_90 " in build
    assert f"--tag deckhand:{deckhand.__version__} --load ." in build
    assert re.search(r"--build-arg REVISION=[0-9a-f]{40}", build)


def test_it_is_pushed_once_with_what_is_in_it(programs: Programs) -> None:
    done = programs.run("sm_75", "deckhand-prod")
    assert done.returncode == 0, done.stderr
    asked = [call for call in programs.called if call.startswith("aws")]
    assert "--stack-name deckhand-prod" in asked[0]
    assert (
        f"--repository-name deckhand-prod-images --image-ids imageTag={deckhand.__version__}"
        in (asked[1])
    )
    first, build = (call for call in programs.called if "buildx build" in call)
    login = next(call for call in programs.called if "docker login" in call)
    assert "--push" not in first
    assert (
        programs.called.index(first) < programs.called.index(login) < programs.called.index(build)
    )
    assert "--sbom true" in build
    assert "--provenance mode=max" in build
    assert f"--tag {REPOSITORY}:{deckhand.__version__} " in build
    assert not any("secret" in call for call in programs.called)


def test_a_tag_is_never_moved(programs: Programs) -> None:
    programs.environment["THERE"] = "0"
    done = programs.run("sm_75", "deckhand-prod")
    assert done.returncode == 1
    assert "raise the version" in done.stderr
    assert not any("buildx build" in call for call in programs.called)


def test_a_docker_without_buildx_is_named(programs: Programs) -> None:
    programs.put("docker", "#!/bin/sh\nexit 1\n")
    done = programs.run("sm_75")
    assert done.returncode == 1
    assert "no buildx" in done.stderr


@pytest.mark.parametrize(("archs", "word"), [("", "for which GPUs"), ("sm_80 sm_85", "sm_85")])
def test_architectures_are_known_before_hours_are_spent(
    programs: Programs, archs: str, word: str
) -> None:
    done = programs.run(archs, "deckhand-prod")
    assert done.returncode == 1
    assert word in done.stderr
    assert not programs.called


@pytest.mark.parametrize("found", ["", "None"])
def test_a_stack_without_a_repository_is_named(programs: Programs, found: str) -> None:
    programs.environment["FOUND"] = found
    done = programs.run("sm_75", "deckhand-prod")
    assert done.returncode == 1
    assert "deckhand-prod has no output ImageRepository" in done.stderr


@pytest.mark.parametrize(("name", "remedy"), [("docker", "make verify-image"), ("aws", "AWS CLI")])
def test_a_missing_program_is_named(programs: Programs, name: str, remedy: str) -> None:
    tools = programs.folder / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname", "realpath", "sed", "git", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    (programs.folder / name).unlink()
    programs.environment["PATH"] = f"{programs.folder}:{tools}"
    done = programs.run("sm_75", "deckhand-prod")
    assert done.returncode == 1
    assert remedy in done.stderr


FAMILIES = {"g4dn": "sm_75", "g5": "sm_86", "g6": "sm_89", "p4d": "sm_80", "p5": "sm_90"}
"""Compute capabilities of the GPUs: https://developer.nvidia.com/cuda-gpus"""


def test_the_makefile_builds_for_the_machines_of_each_environment() -> None:
    config = (ROOT / "samconfig.toml").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for environment in ("dev", "test", "staging", "prod"):
        section = config.split(f"[{environment}.deploy.parameters]")[1].split("\n[")[0]
        kinds = re.findall(r'InstanceTypes=([^"]+)"', section)
        families = {kind.split(".")[0] for line in kinds for kind in line.split(",")} or {"g4dn"}
        built = re.search(rf"^archs_{environment} := (.+)$", makefile, re.MULTILINE)
        assert built is not None
        assert {FAMILIES[family] for family in families} == {*built[1].split()}, environment
