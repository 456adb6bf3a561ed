"""A way to S3 on which the weather changes: slow, busy, cut in the middle, or gone."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, suppress
from enum import StrEnum
from types import TracebackType
from urllib.parse import urlsplit

CHUNK = 4096
SLOW_SECONDS = 0.02
"""Per chunk: 200 kB/s."""

CUT_AFTER = 2000
_ERROR = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BUSY = b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_ERROR),
    _ERROR,
)


class Weather(StrEnum):
    FAIR = "fair"
    SLOW = "slow"
    BUSY = "busy"
    CUT = "cut"
    OUT = "out"


class Way:
    """Serves on this machine while the `with` lasts; all that comes goes on to *endpoint*."""

    def __init__(self, endpoint: str) -> None:
        there = urlsplit(endpoint)
        self._there = (there.hostname or "", there.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.weather = Weather.FAIR
        self.struck = 0

    def __enter__(self) -> Way:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._lead, args=(near,), daemon=True).start()

    def _lead(self, near: socket.socket) -> None:
        with closing(near):
            if self.weather is Weather.OUT:
                self.struck += 1
                return
            with socket.create_connection(self._there) as far:
                back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
                back.start()
                self._carry(near, far)
                back.join()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        """Until one side has closed, or the weather has."""
        carried = 0
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if self._strikes(carried, source):
                    break
                target.sendall(chunk)
                carried += len(chunk)
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _strikes(self, carried: int, source: socket.socket) -> bool:
        """Whether a connection ends here."""
        if self.weather is Weather.SLOW:
            self.struck += 1
            time.sleep(SLOW_SECONDS)
        strikes = self.weather is Weather.OUT or (
            self.weather is Weather.CUT and carried > CUT_AFTER
        )
        if self.weather is Weather.BUSY:
            source.sendall(BUSY)
            strikes = True
        self.struck += strikes
        return strikes
