"""The meter: what was asked of this cloud, and how long its functions worked, as for a bill."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

App = Callable[[Any, Any, Any], Awaitable[None]]

SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/(?P<service>[^/]+)/aws4_request")
PUTS = frozenset({"PUT", "POST"})


class Meter:
    """Counts requests by service and kind, and the seconds of every function."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._invocations: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._mebibytes: dict[str, int] = {}
        self._lock = threading.Lock()

    def counting(self, app: App) -> App:
        """*app*, with every request counted that comes to it over HTTP."""

        async def count_and_serve(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                with self._lock:
                    self._requests[kind_of(scope)] += 1
            await app(scope, receive, send)

        return count_and_serve

    @contextmanager
    def invocation(self, function: str, mebibytes: int) -> Iterator[None]:
        """Count an invocation and its time."""
        begin = monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._invocations[function] += 1
                self._seconds[function] += monotonic() - begin
                self._mebibytes[function] = mebibytes

    def read(self) -> dict[str, Any]:
        with self._lock:
            functions = {
                name: {
                    "invocations": number,
                    "seconds": round(self._seconds[name], 3),
                    "mebibytes": self._mebibytes[name],
                }
                for name, number in self._invocations.items()
            }
            return {"requests": dict(self._requests), "functions": functions}


def kind_of(scope: Mapping[str, Any]) -> str:
    """A request as `service.operation`; of S3 by what it costs: put, list, get or delete."""
    headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
    signed = SCOPE.search(headers.get("authorization", b"").decode("latin-1"))
    service = signed["service"] if signed else "unsigned"
    if service == "s3":
        return f"s3.{_s3_kind(scope['method'], scope['path'])}"
    target = headers.get("x-amz-target", b"").decode("latin-1").rpartition(".")[2]
    return f"{service}.{target or scope['method']}"


def _s3_kind(method: str, path: str) -> str:
    if method in PUTS:
        return "put"
    if method == "DELETE":
        return "delete"
    _, _, key = path.strip("/").partition("/")
    return "get" if key else "list"
