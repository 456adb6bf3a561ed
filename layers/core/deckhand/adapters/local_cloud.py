"""A local cloud that runs on this machine: where it is, and what can be done to its hosts."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deckhand.domain.errors import LocalCloudError

CARD: Final = "cloud.json"
STACK: Final = "deckhand-local"
TIMEOUT_SECONDS: Final = 10.0
MODULE: Final = b"localcloud"


@dataclass(frozen=True)
class LocalCloud:
    """What the card of a running cloud says; it lies in the folder *state*."""

    state: Path
    endpoint: str
    control: str
    pid: int
    account: str
    region: str

    def environment(self) -> dict[str, str]:
        """What makes an SDK talk to this cloud and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self._ask("jobs", "GET")
        return jobs

    def meter(self) -> dict[str, Any]:
        """What was asked of the cloud, and how long its functions worked."""
        meter: dict[str, Any] = self._ask("meter", "GET")
        return meter

    def host_of(self, run_id: str) -> str:
        """The host that carries an attempt of *run_id* now; raises LocalCloudError."""
        for job in self.jobs():
            if job["environment"].get("RUN_ID") == run_id and job["host"]:
                return str(job["host"])
        raise LocalCloudError(f"No attempt of {run_id} has a machine now.")

    def give_spot_notice(self, host: str) -> None:
        self._ask(f"hosts/{host}/spot-notice", "POST")

    def lose(self, host: str) -> None:
        self._ask(f"hosts/{host}/loss", "POST")

    def lose_execution(self, name: str) -> None:
        """Let an execution fail where it stands, its job left alone."""
        self._ask(f"executions/{name}/loss", "POST")

    def dry_up(self, queue: str) -> None:
        """Let this queue find no machine."""
        self._ask(f"queues/{queue}/drought", "POST")

    def flow(self, queue: str) -> None:
        """Let it find machines again."""
        self._ask(f"queues/{queue}/drought", "DELETE")

    def order_fault(self, fault: str, jobs: str, times: int = 1) -> None:
        """Let the next jobs whose names begin with *jobs* have a fault: localcloud/faults.py."""
        self._ask("faults", "POST", {"fault": fault, "jobs": jobs, "times": times})

    def _ask(self, path: str, method: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.control}/{path}", content, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            message = json.loads(error.read() or b"{}").get("message", error.reason)
            raise LocalCloudError(str(message)) from error
        except OSError as error:
            raise LocalCloudError(f"The local cloud does not answer: {error}") from error


def running(state: Path) -> LocalCloud | None:
    """The cloud whose state lies in *state*, if it runs; a killed one leaves its card behind."""
    try:
        card = json.loads((state / CARD).read_text(encoding="utf-8"))
        cloud = LocalCloud(
            state=state,
            endpoint=str(card["endpoint"]),
            control=str(card["control"]),
            pid=int(card["pid"]),
            account=str(card["account"]),
            region=str(card["region"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return cloud if _is_cloud(cloud.pid) else None


def find(folder: Path) -> Iterator[LocalCloud]:
    """The running clouds that keep their states in *folder*."""
    for card in sorted(folder.glob(f"*/{CARD}")):
        cloud = running(card.parent)
        if cloud is not None:
            yield cloud


def _is_cloud(pid: int) -> bool:
    """Whether *pid* is a cloud, and not a stranger that was given its number later."""
    try:
        return MODULE in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
