"""The control endpoint: jobs, meter, notices, losses, droughts, faults, each host's IMDS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcloud import imds
from localcloud.faults import Fault, Faults
from localcloud.heads import Heads
from localcloud.hosts import Host, Hosts, UnknownHost

ListJobs = Callable[[], list[dict[str, Any]]]
LoseExecution = Callable[[str], bool]
ReadMeter = Callable[[], dict[str, Any]]


class ControlServer(ThreadingHTTPServer):
    """A small HTTP server on 127.0.0.1, in threads of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        hosts: Hosts,
        port: int = 0,
        faults: Faults | None = None,
        heads: Heads | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _ControlRequest)
        self.hosts = hosts
        self.faults = faults or Faults()
        self.heads = heads or Heads()
        self.list_jobs: ListJobs = list
        self.lose_execution: LoseExecution = lambda name: False
        self.read_meter: ReadMeter = dict

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def imds_url(self, host: Host) -> str:
        """Return what AWS_EC2_METADATA_SERVICE_ENDPOINT is for jobs on *host*."""
        return f"{self.url}/imds/{host.instance_id}"

    def start(
        self, list_jobs: ListJobs, lose_execution: LoseExecution, read_meter: ReadMeter = dict
    ) -> None:
        self.list_jobs, self.lose_execution = list_jobs, lose_execution
        self.read_meter = read_meter
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _ControlRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ControlServer

    def do_GET(self) -> None:
        match self.path.strip("/").split("/", 2):
            case ["jobs"]:
                self._send_json(self.server.list_jobs())
            case ["meter"]:
                self._send_json(self.server.read_meter())
            case ["imds", instance_id, path]:
                token = self.headers.get(imds.TOKEN_HEADER)
                self._on_host(instance_id, lambda host: imds.describe(host, f"/{path}", token))
            case _:
                self._send(HTTPStatus.NOT_FOUND, "")

    def do_PUT(self) -> None:
        match self.path.strip("/").split("/", 2):
            case ["imds", instance_id, path]:
                ttl = self.headers.get(imds.TOKEN_TTL_HEADER)
                self._on_host(instance_id, lambda host: imds.issue_token(host, f"/{path}", ttl))
            case _:
                self._send(HTTPStatus.NOT_FOUND, "")

    def do_POST(self) -> None:
        hosts = self.server.hosts
        try:
            body = self._body()
            seconds = _seconds(body)
        except (ValueError, TypeError, AttributeError):
            self._send_json({"message": 'The body must be {"seconds": n}.'}, HTTPStatus.BAD_REQUEST)
            return
        match self.path.strip("/").split("/"):
            case ["hosts", instance_id, "spot-notice"]:
                self._act(lambda: hosts.give_notice(instance_id, seconds))
            case ["hosts", instance_id, "loss"]:
                self._act(lambda: hosts.lose(instance_id))
            case ["executions", name, "loss"]:
                lost = self.server.lose_execution(name)
                self._send_json({"lost": lost}, HTTPStatus.OK if lost else HTTPStatus.NOT_FOUND)
            case ["queues", name, "drought"]:
                self.server.heads.dry_up(name)
                self._send_json({"queue": name, "dry": True})
            case ["faults"]:
                self._order(body)
            case _:
                self._send_json({"message": "No such action."}, HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        match self.path.strip("/").split("/"):
            case ["queues", name, "drought"]:
                self.server.heads.flow(name)
                self._send_json({"queue": name, "dry": False})
            case _:
                self._send_json({"message": "No such action."}, HTTPStatus.NOT_FOUND)

    def _body(self) -> dict[str, Any]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return dict(json.loads(body)) if body.strip() else {}

    def _order(self, body: dict[str, Any]) -> None:
        try:
            fault, jobs = Fault(body["fault"]), str(body["jobs"])
            self.server.faults.order(fault, jobs, int(body.get("times", 1)))
        except (KeyError, ValueError, TypeError):
            message = 'The body must be {"fault": name, "jobs": beginning, "times": n}.'
            self._send_json({"message": message}, HTTPStatus.BAD_REQUEST)
            return
        self._send_json({"fault": fault, "jobs": jobs})

    def _act(self, action: Callable[[], Host]) -> None:
        try:
            host = action()
        except UnknownHost as error:
            self._send_json({"message": str(error)}, HTTPStatus.NOT_FOUND)
            return
        lost_at = imds.clock(host.lost_at) if host.lost_at else None
        self._send_json({"host": host.instance_id, "lost_at": lost_at})

    def _on_host(self, instance_id: str, answer: Callable[[Host], imds.Answer]) -> None:
        try:
            host = self.server.hosts.find(instance_id)
        except UnknownHost:
            self._send(HTTPStatus.NOT_FOUND, "")
            return
        self._send(*answer(host))

    def _send_json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, json.dumps(value), "application/json")

    def _send(self, status: HTTPStatus, text: str, content_type: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Stay silent: the runner polls twice a second."""


def _seconds(body: dict[str, Any]) -> float | None:
    seconds = body.get("seconds")
    return None if seconds is None else max(0.0, float(seconds))
