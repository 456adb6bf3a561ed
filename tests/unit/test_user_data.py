"""What a machine does when it starts: the scripts in the launch template, run for real."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deckhand.adapters.metadata import MetadataFolder, metadata_at
from tools.project import load
from tools.rules.rule import literals

SHELLCHECK = Path(sysconfig.get_path("scripts")) / "shellcheck"
ACTION = json.dumps({"action": "terminate", "time": "2026-11-22T12:00:00Z"})


@pytest.fixture(scope="module")
def scripts() -> list[str]:
    """Every part of the user data, those included that a parameter asks for."""
    template = load().stacks["compute"]["Resources"]["MachineTemplate"]
    user_data = template["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    message = email.message_from_string("".join(literals(user_data)))
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert {part.get_content_type() for part in parts} == {"text/x-shellscript"}
    return [str(part.get_payload()).strip() + "\n" for part in parts]


def find(scripts: list[str], text: str) -> str:
    [found] = [script for script in scripts if text in script]
    return found


def test_batch_can_read_them(scripts: list[str], tmp_path: Path) -> None:
    assert len(scripts) == 3
    for number, script in enumerate(scripts):
        assert script.startswith("#!/bin/bash\n")
        path = tmp_path / f"{number}.sh"
        path.write_text(script)
        done = subprocess.run(
            [SHELLCHECK, "--severity=warning", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


COMMANDS = ("mdadm", "mkfs.xfs", "systemctl", "mount", "dnf", "mkdir")


def start(tmp_path: Path, script: str, disks: str, without: str = "", fails: str = "") -> list[str]:
    """The commands that the machine would have run; *disks* is what lsblk tells."""
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    log.touch()
    for name in COMMANDS:
        if name != without:
            code = 1 if name == fails else 0
            (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\nexit {code}\n')
    (programs / "lsblk").write_text(f"#!/bin/sh\ncat <<'TOLD'\n{disks}TOLD\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    for name in ("awk", "cat"):
        (programs / name).symlink_to(next(p for p in Path("/usr/bin").glob(name)))
    subprocess.run(["/bin/bash", "-c", script], env={"PATH": str(programs)}, check=False)
    return log.read_text().splitlines()


ROOT_DISK = "/dev/nvme0n1 Amazon Elastic Block Store\n"
INSTANCE = "Amazon EC2 NVMe Instance Storage\n"


def test_a_machine_without_disks_of_its_own_is_left_alone(
    scripts: list[str], tmp_path: Path
) -> None:
    assert start(tmp_path, find(scripts, "lsblk"), ROOT_DISK) == []


def test_the_disk_of_a_machine_takes_the_scratch_folders(
    scripts: list[str], tmp_path: Path
) -> None:
    did = start(tmp_path, find(scripts, "lsblk"), f"{ROOT_DISK}/dev/nvme1n1 {INSTANCE}")
    assert "mkfs.xfs -f -q /dev/nvme1n1" in did
    assert "mount -o noatime /dev/nvme1n1 /var/lib/docker/volumes" in did
    assert did[-1] == "systemctl start docker"
    assert not any(line.startswith("mdadm") for line in did)


EIGHT = "".join(f"/dev/nvme{n}n1 {INSTANCE}" for n in range(1, 9))


def test_eight_disks_are_striped(scripts: list[str], tmp_path: Path) -> None:
    did = start(tmp_path, find(scripts, "lsblk"), ROOT_DISK + EIGHT)
    assert did[0].startswith("mdadm --create /dev/md/scratch --run --level=0 --raid-devices=8 ")
    assert did[0].count("/dev/nvme") == 8
    assert "mount -o noatime /dev/md/scratch /var/lib/docker/volumes" in did


@pytest.mark.parametrize(("without", "fails"), [("mdadm", "dnf"), ("", "mdadm")])
def test_one_disk_does_where_they_cannot_be_striped(
    scripts: list[str], tmp_path: Path, without: str, fails: str
) -> None:
    did = start(tmp_path, find(scripts, "lsblk"), EIGHT, without, fails)
    assert "mount -o noatime /dev/nvme1n1 /var/lib/docker/volumes" in did


def test_a_disk_that_cannot_be_used_stops_nothing(scripts: list[str], tmp_path: Path) -> None:
    did = start(tmp_path, find(scripts, "lsblk"), f"/dev/nvme1n1 {INSTANCE}", fails="mkfs.xfs")
    assert not any("docker" in line for line in did)


class Service(BaseHTTPRequestHandler):
    """IMDSv2: what it knows is told for a token only."""

    known: dict[str, str]

    def do_PUT(self) -> None:
        self._answer("a-token")

    def do_GET(self) -> None:
        text = self.known.get(self.path.removeprefix("/latest/meta-data/"))
        has_token = self.headers.get("X-aws-ec2-metadata-token") == "a-token"
        self._answer(text if has_token else None)

    def _answer(self, text: str | None) -> None:
        self.send_response(404 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def machine(known: dict[str, str]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Machine", (Service,), {"known": known}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_machine_hands_on_what_its_jobs_may_not_ask(scripts: list[str], tmp_path: Path) -> None:
    text = find(scripts, "iptables").partition("<<'SCRIPT'\n")[2].partition("SCRIPT\n")[0]
    program, folder = tmp_path / "deckhand-metadata", tmp_path / "metadata"
    program.write_text(text)
    program.chmod(0o755)
    folder.mkdir()
    known = {"instance-id": "i-1", "placement/availability-zone": "us-east-2b"}
    with machine(known) as url:
        environment = {"PATH": os.environ["PATH"]}
        with subprocess.Popen(["/bin/bash", program, url, folder, "0.05"], env=environment) as run:
            try:
                metadata = metadata_at(str(folder))
                assert isinstance(metadata, MetadataFolder)
                until(lambda: metadata.availability_zone())
                assert (metadata.instance_id(), metadata.spot_notice()) == ("i-1", None)
                assert metadata.availability_zone() == "us-east-2b"
                known["spot/instance-action"] = ACTION
                until(lambda: metadata.spot_notice())
                assert metadata.spot_notice() == ACTION
            finally:
                run.terminate()


def until(holds: object) -> None:
    deadline = time.monotonic() + 30
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never did"
        time.sleep(0.02)
