"""The metadata service of a rehearsal's machine: who it is, and when it is taken away (IMDSv2)."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final

NOTICE_SECONDS: Final = 120.0
_TOKEN: Final = "rehearsal"
_META_DATA: Final = "/latest/meta-data/"


class Machine:
    """Serves on this machine only, while the `with` lasts."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        machine = self

        class Answer(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._say(200, _TOKEN)

            def do_GET(self) -> None:
                document = machine.documents.get(self.path.removeprefix(_META_DATA))
                if self.headers.get("X-aws-ec2-metadata-token") != _TOKEN:
                    self._say(401, "")
                else:
                    self._say(200 if document else 404, document or "")

            def _say(self, code: int, text: str) -> None:
                with suppress(ConnectionError):  # who asked may have been killed
                    self.send_response(code)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text.encode())
                    self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def give_notice(self) -> None:
        at = _clock(datetime.now(UTC) + timedelta(seconds=NOTICE_SECONDS))
        self.documents["spot/instance-action"] = json.dumps({"action": "terminate", "time": at})

    def recommend_rebalance(self) -> None:
        document = json.dumps({"noticeTime": _clock(datetime.now(UTC))})
        self.documents["events/recommendations/rebalance"] = document

    def replace(self) -> None:
        """Another machine, of which nothing is known yet."""
        self.documents.clear()

    def __enter__(self) -> Machine:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
