"""The recipe of the image, and that its verification sees what is wrong with one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from container.verify import checks, contents
from container.verify.__main__ import job_definition
from localcloud.demo.compare import Finding

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "container"


def test_every_image_and_every_source_is_named_by_its_digest() -> None:
    text = (CONTAINER / "Dockerfile").read_text()
    images = re.findall(r"^ARG \w+_IMAGE=(.+)$", text, re.MULTILINE)
    assert len(images) == 2
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)
    assert re.search(r"^ARG LAMMPS_SHA256=[0-9a-f]{64}$", text, re.MULTILINE)
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert {*stages} == {"${BUILD_IMAGE}", "${BASE_IMAGE}", "lammps-${LAMMPS}"}
    assert text.count("pip") and not re.search(
        r"pip \S*install (?!.*(require-hashes|no-deps))", text
    )


def test_the_version_of_lammps_is_that_of_the_dry_run() -> None:
    """A restart file does not cross versions, and the dry run speaks for the run."""
    text = (CONTAINER / "Dockerfile").read_text()
    tags = {*re.findall(r"^ARG LAMMPS_VERSION=(.+)$", text, re.MULTILINE)}
    pinned = re.search(r"lammps==(\S+)", (ROOT / "requirements" / "engine.in").read_text())
    locked = re.search(
        r"^lammps==(\d+)\.(\d+)\.(\d+)\.(\d+)", _read("requirements/engine.txt"), re.M
    )
    assert pinned is None and locked is not None
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    year, number, day, update = (int(word) for word in locked.groups())
    assert tags == {f"stable_{day}{month[number - 1]}{year}_update{update}"}
    assert f"lammps=={'.'.join(locked.groups())}" in _read("layers/lammps/requirements.txt")


def test_the_image_has_every_package_of_the_dry_run() -> None:
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-h"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"^set\(packages\n(.+?)\)$", _read("container/packages.cmake"), re.M | re.S)
    assert listed is not None
    wanted = {*checks.packages(said)}
    assert len(wanted) > 60
    assert wanted <= {*listed[1].split()}


def _read(path: str) -> str:
    return (ROOT / path).read_text()


# ---- what the verification sees -------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image's files with nothing wrong in them, but that they are this user's."""
    for name in ("opt/deckhand/bin", "opt/lammps/bin", "usr/bin", "etc", "var/lib/dpkg"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "scratch").mkdir(mode=0o700)
    (tmp_path / "opt/deckhand/bin/deckhand").write_text("print()\n")
    return tmp_path


Fault = Callable[[Path], object]

FAULTS: dict[str, Fault] = {
    "no program with more rights": lambda root: _file(root / "usr/bin/su", mode=0o4755),
    "nothing of ours may be changed": lambda root: _file(
        root / "opt/lammps/bin/lmp-cpu", mode=0o777
    ),
    "no compiler": lambda root: _file(root / "usr/bin/gcc"),
    "the scratch folder": lambda root: (root / "scratch").chmod(0o755),
    "/opt/deckhand keeps to its size": lambda root: _file(root / "opt/deckhand/big", size=140),
    "/opt/lammps keeps to its size": lambda root: _file(root / "opt/lammps/big", size=110),
    "the image keeps to its size": lambda root: _file(root / "usr/big", size=290),
    "no key and no password": lambda root: _file(
        root / "etc/credentials", text="aws_secret_access_key = " + 40 * "x"
    ),
}


def _file(path: Path, mode: int = 0o644, size: int = 0, text: str = "") -> None:
    path.write_text(text)
    if size:
        # Not a sparse file: what counts is what it takes on a disk.
        path.write_bytes(b"\x55" * size * 2**20)
    path.chmod(mode)


def _wrong(findings: list[Finding]) -> set[str]:
    return {finding.question for finding in findings if not finding.ok}


@pytest.mark.parametrize("question", FAULTS)
def test_a_fault_of_the_files_is_seen(root: Path, question: str) -> None:
    """All of it belongs to whoever runs the test, as only the scratch folder should."""
    user = os.getuid() if question == "the scratch folder" else -1
    before = _wrong(list(checks.of_files(root, 0, user)))
    FAULTS[question](root)
    new = _wrong(list(checks.of_files(root, 0, user))) - before
    assert [one for one in new if one.startswith(question)]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        f"key AKIA{16 * 'A'}",
        '"aws_session_token": "' + 40 * "a",
    ],
)
def test_keys_are_seen(root: Path, text: str) -> None:
    assert contents.secrets(root) == []
    (root / "opt/deckhand/notes").write_text(text)
    assert contents.secrets(root) == ["/opt/deckhand/notes"]


GOOD: dict[str, Any] = {
    "User": "1000:1000",
    "Cmd": ["python3", "-m", "deckhand.runner"],
    "Entrypoint": ["/usr/bin/tini", "-s", "--"],
    "Volumes": {"/scratch": {}},
    "Labels": {f"org.opencontainers.image.{name}": "x" for name in checks.LABELS},
    "Env": ["PATH=/usr/bin"],
}


@pytest.mark.parametrize(
    ("key", "value", "question"),
    [
        ("User", "root", "it runs as no root"),
        ("Cmd", ["bash"], "its command is the job's"),
        ("Entrypoint", ["/bin/sh"], "an init is its first process"),
        ("Volumes", {"/data": {}}, "its volumes are the job's"),
        ("Labels", {}, "its labels are those of OCI"),
        ("Env", ["MY_TOKEN=1"], "no secret in its environment"),
    ],
)
def test_a_fault_of_the_settings_is_seen(key: str, value: object, question: str) -> None:
    job = job_definition()
    assert _wrong(list(checks.of_settings({"Config": GOOD}, job))) == set()
    assert _wrong(list(checks.of_settings({"Config": {**GOOD, key: value}}, job))) == {question}
