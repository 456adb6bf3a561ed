"""Counts what the control plane asks of AWS, and lets AWS fail at one of those requests.

A point is the place of a fault: a request, named by who asks what of which service about what,
which of those of that name it is, and how it goes wrong. Names hold nothing that differs from run
to run, so the points of one good run are those of all.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from moto.core.models import botocore_stubber


class How(StrEnum):
    """How a request goes wrong, and what whoever asked hears of it.

    REFUSED, BROKEN and UNREACHABLE have no effect, however often the SDK tries. LOST has its
    effect, but nobody hears so. LATE has it only when others have asked for more; the SDK has tried
    again meanwhile, and with success. TWICE is what the SDK does by itself when an answer does not
    come. TORN ends in the middle of the answer. Whoever DIES says and does nothing more, and it is
    for Step Functions, SQS or Lambda to try again. ABORTED is the execution, by somebody's hand.
    """

    REFUSED = "refused"
    BROKEN = "broken"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    LATE = "late"
    TWICE = "twice"
    TORN = "torn"
    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    ABORTED_BEFORE = "aborted before"
    ABORTED_AFTER = "aborted after"


READ: Final[tuple[How, ...]] = (How.REFUSED, How.BROKEN, How.UNREACHABLE, How.DIES_BEFORE)
WRITTEN: Final[tuple[How, ...]] = (*READ, How.LOST, How.LATE, How.TWICE, How.DIES_AFTER)
STEP: Final[tuple[How, ...]] = (
    How.REFUSED,
    How.LOST,
    How.TWICE,
    How.ABORTED_BEFORE,
    How.ABORTED_AFTER,
)
READING: Final = ("Get", "List", "Head", "Query", "Describe", "Receive")
UNTRIED: Final = frozenset({"Publish"})
"""The SDK is told not to try these again, so they are not done twice."""

LATER: Final = 3
"""After so many more requests a late one has its effect."""

CODES: Final = {
    "s3": ("SlowDown", 503),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "stepfunctions": ("ThrottlingException", 400),
    "batch": ("TooManyRequestsException", 429),
}
BROKEN: Final = {"dynamodb": "InternalServerError", "batch": "ServerException"}
MODELLED: Final = frozenset({"ProvisionedThroughputExceededException", *BROKEN.values()})
THROTTLED: Final = ("ThrottlingException", 400)


class Died(Exception):
    """Who asked is dead. What it still tries in its own `except` and `finally` comes to nothing."""


@dataclass(frozen=True)
class Point:
    request: str
    how: How

    def __str__(self) -> str:
        return f"{self.how}: {self.request}"


@dataclass(frozen=True)
class Request:
    """One request as it was counted; *ways* are those in which it may go wrong."""

    name: str
    number: int
    ways: tuple[How, ...]

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


@dataclass
class Faults:
    """Knows who asks, counts, and strikes at *point*."""

    point: Point | None = None
    requests: list[Request] = field(default_factory=list)
    struck: bool = False
    asking: str = ""
    """The function that runs now; requests of nobody are the harness' own."""
    dead: bool = False
    _seen: Counter[str] = field(default_factory=Counter)
    _late: list[tuple[int, AWSPreparedRequest]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def count(self, name: str, ways: tuple[How, ...]) -> How | None:
        """Note a request; how it goes wrong, if it does."""
        with self._lock:
            name = plain(name)
            self._seen[name] += 1
            self.requests.append(Request(name, self._seen[name], ways))
            return self._strikes(self.requests[-1], *ways)

    def has_body(self, request: Request) -> How | None:
        """Note that the answer to *request* could break off; whether it does."""
        with self._lock:
            at = self.requests.index(request)
            self.requests[at] = replace(request, ways=(*request.ways, How.TORN))
            return self._strikes(request, How.TORN)

    def _strikes(self, request: Request, *ways: How) -> How | None:
        point = self.point
        if point is None or self.struck or point.request != str(request) or point.how not in ways:
            return None
        self.struck = True
        return point.how

    def die(self) -> None:
        self.dead = True
        raise Died

    def keep(self, request: AWSPreparedRequest) -> None:
        """Have *request* its effect later."""
        with self._lock:
            self._late.append((len(self.requests) + LATER, request))

    def release(self, *, all_of_them: bool = False) -> None:
        """Let the requests that are late arrive."""
        with self._lock:
            due = [item for item in self._late if all_of_them or len(self.requests) >= item[0]]
            self._late = [item for item in self._late if item not in due]
        for _, request in due:
            botocore_stubber.process_request(request)


class Hooks:
    """What botocore calls on the way of a request; *faults* may be exchanged between requests."""

    def __init__(self, answers: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]]) -> None:
        self.faults = Faults()
        self._answers = answers
        self._here = threading.local()

    def install(self, events: Any) -> None:
        events.register_first("before-parameter-build", self.name)
        events.register_first("before-call", self.before)
        events.register_first("before-send", self.send)
        events.register_last("after-call", self.after)

    def remove(self, events: Any) -> None:
        events.unregister("before-parameter-build", self.name)
        events.unregister("before-call", self.before)
        events.unregister("before-send", self.send)
        events.unregister("after-call", self.after)

    def name(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._here.params = params

    def before(self, model: Any, **_: Any) -> Any:
        """The SDK is about to ask; all its own attempts are one request."""
        faults, service, operation = self.faults, _service(model), model.name
        self._here.how = None
        if faults.asking:
            if faults.dead:
                raise Died
            ways = READ if operation.startswith(READING) else WRITTEN
            if operation in UNTRIED:
                ways = tuple(way for way in ways if way is not How.TWICE)
            target = about(service, self._here.params)
            name = f"{faults.asking}: {service}.{operation} {target}".rstrip()
            self._here.how = faults.count(name, ways)
            self._here.request = faults.requests[-1]
            _fail_before(faults, self._here.how, service, operation)
            faults.release()
        if service in self._answers:
            return _Ok(), self._answers[service](operation, self._here.params)
        return None

    def send(self, request: AWSPreparedRequest, **_: Any) -> None:
        how, self._here.how = getattr(self._here, "how", None), None
        if how is How.LATE:
            self.faults.keep(_copied(request))
            raise ReadTimeoutError(endpoint_url=request.url)
        if how is How.TWICE:
            botocore_stubber.process_request(_copied(request))
        self._here.how = how if how in (How.LOST, How.DIES_AFTER) else None

    def after(self, parsed: dict[str, Any], **_: Any) -> None:
        how, self._here.how = getattr(self._here, "how", None), None
        if how is How.LOST:
            raise ReadTimeoutError(endpoint_url="https://aws")
        if how is How.DIES_AFTER:
            self.faults.die()
        if self.faults.asking and "Body" in parsed and self.faults.has_body(self._here.request):
            parsed["Body"] = _Torn()


class _Ok:
    status_code = 200


class _Torn:
    """A body that ends before its end."""

    def iter_chunks(self, size: int) -> Any:
        yield b""
        raise ResponseStreamingError(error="the connection was cut")

    def read(self, *_: Any) -> bytes:
        raise ResponseStreamingError(error="the connection was cut")

    def close(self) -> None:
        """Nothing is open."""


def _fail_before(faults: Faults, how: How | None, service: str, operation: str) -> None:
    if how is How.REFUSED:
        raise refusal(operation, *CODES.get(service, THROTTLED))
    if how is How.BROKEN:
        raise refusal(operation, BROKEN.get(service, "InternalError"), 500)
    if how is How.UNREACHABLE:
        raise EndpointConnectionError(endpoint_url=f"https://{service}")
    if how is How.DIES_BEFORE:
        faults.die()


def refusal(operation: str, code: str, status: int) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": "as scripted"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "1"},
    }
    return _class_of(code)(answer, operation)


def _class_of(code: str) -> type[ClientError]:
    """boto3 has a class of its own for a code that its model names; Retry goes by class names."""
    return type(code, (ClientError,), {}) if code in MODELLED else ClientError


def about(service: str, params: dict[str, Any]) -> str:
    """What a request is about, so that two of a kind can be told apart."""
    if service == "s3":
        bucket = str(params.get("Bucket", "")).rpartition("-")[2]
        listed = params.get("Delete", {}).get("Objects", [{}])[0].get("Key", "")
        return f"{bucket}/{params.get('Key') or params.get('Prefix') or listed}"
    if service == "dynamodb":
        return _row(params)
    if service == "sqs":
        return str(params.get("QueueUrl", "")).rpartition("/")[2]
    return ""


def _row(params: dict[str, Any]) -> str:
    item = params.get("Key") or params.get("Item") or {}
    name = item.get("item", {}).get("S", "")
    changed = sorted(params.get("ExpressionAttributeNames", {}).values())
    removed = "-" if str(params.get("UpdateExpression", "")).startswith("REMOVE") else ""
    return f"{name} {removed}{'+'.join(changed)}".strip()


def _service(model: Any) -> str:
    name = str(model.service_model.service_name)
    return {"states": "stepfunctions"}.get(name, name)


def _copied(request: AWSPreparedRequest) -> AWSPreparedRequest:
    """The request with a body that can be read once more."""
    body = request.body
    if hasattr(body, "read"):
        stream, body = body, body.read()
        stream.seek(0)
    return AWSPreparedRequest(
        request.method, request.url, request.headers, body, request.stream_output
    )


def plain(text: str) -> str:
    """A name without the digests that differ from run to run, those of runs among them."""
    return re.sub(r"[0-9a-f]{16,}", "*", text)
