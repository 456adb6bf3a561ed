"""The local cloud as the command line sees it: its card, its hosts, whether it lives."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deckhand.adapters import local_cloud
from deckhand.adapters.local_cloud import LocalCloud
from deckhand.domain.errors import LocalCloudError


class Control(BaseHTTPRequestHandler):
    """Answers like localcloud.control; `asked` is what was posted."""

    asked: list[str] = []  # noqa: RUF012  the server makes one handler per request

    def do_GET(self) -> None:
        jobs = [
            {"host": None, "environment": {"RUN_ID": "melt-1"}},
            {"host": "i-1", "environment": {"RUN_ID": "melt-1"}},
            {"host": "i-2", "environment": {"RUN_ID": "melt-2"}},
        ]
        self._answer(200, jobs)

    def do_POST(self) -> None:
        known = "/i-1/" in self.path
        self.asked.append(self.path)
        self._answer(200 if known else 404, {} if known else {"message": "No such host."})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Control) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        control = f"http://127.0.0.1:{server.server_address[1]}"
        yield LocalCloud(tmp_path, "http://127.0.0.1:1", control, 1, "123456789012", "us-east-1")
        server.shutdown()
    Control.asked.clear()


def write_card(state: Path, pid: int) -> None:
    state.mkdir(parents=True)
    card = {"endpoint": "e", "control": "c", "pid": pid, "account": "1", "region": "r"}
    (state / local_cloud.CARD).write_text(json.dumps(card))


def test_the_host_of_a_run_is_found(cloud: LocalCloud) -> None:
    assert cloud.host_of("melt-1") == "i-1"
    with pytest.raises(LocalCloudError, match="No attempt of melt-3 has a machine"):
        cloud.host_of("melt-3")


def test_hosts_are_warned_and_taken(cloud: LocalCloud) -> None:
    cloud.give_spot_notice("i-1")
    cloud.lose("i-1")
    assert Control.asked == ["/hosts/i-1/spot-notice", "/hosts/i-1/loss"]


def test_a_refusal_is_told_in_the_clouds_own_words(cloud: LocalCloud) -> None:
    with pytest.raises(LocalCloudError, match="No such host"):
        cloud.lose("i-9")


def test_a_cloud_that_does_not_answer(tmp_path: Path) -> None:
    gone = LocalCloud(tmp_path, "e", "http://127.0.0.1:1", 1, "1", "r")
    with pytest.raises(LocalCloudError, match="does not answer"):
        gone.jobs()


@pytest.fixture
def sleeper() -> Iterator[Callable[..., int]]:
    """Start a process with these arguments; its number."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> int:
        command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_only_living_clouds_are_found(tmp_path: Path, sleeper: Callable[..., int]) -> None:
    write_card(tmp_path / "cloud", sleeper("localcloud"))
    write_card(tmp_path / "stranger", sleeper("tests/localcloud"))
    write_card(tmp_path / "ended", 2**22 + 1)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / local_cloud.CARD).write_text("{")
    assert [item.state.name for item in local_cloud.find(tmp_path)] == ["cloud"]
