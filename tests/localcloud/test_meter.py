"""The meter and the places of functions."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from localcloud.meter import Meter, kind_of
from localcloud.places import Places

PATIENCE_SECONDS = 30.0


def scope(service: str, method: str, path: str = "/", target: str = "") -> dict[str, Any]:
    signed = f"Credential=123456789012/20261121/us-east-1/{service}/aws4_request"
    headers = [(b"Authorization", f"AWS4-HMAC-SHA256 {signed}, SignedHeaders=x".encode())]
    if target:
        headers.append((b"X-Amz-Target", target.encode()))
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (scope("s3", "PUT", "/bucket/a/key"), "s3.put"),
        (scope("s3", "POST", "/bucket/a/key"), "s3.put"),
        (scope("s3", "GET", "/bucket/a/key"), "s3.get"),
        (scope("s3", "HEAD", "/bucket/a/key"), "s3.get"),
        (scope("s3", "GET", "/bucket"), "s3.list"),
        (scope("s3", "DELETE", "/bucket/key"), "s3.delete"),
        (scope("sqs", "POST", target="AmazonSQS.SendMessage"), "sqs.SendMessage"),
        (scope("sns", "POST"), "sns.POST"),
        ({"method": "GET", "path": "/_health", "headers": []}, "unsigned.GET"),
    ],
)
def test_a_request_is_told_by_what_it_costs(given: dict[str, Any], kind: str) -> None:
    assert kind_of(given) == kind


def test_requests_and_invocations_are_counted() -> None:
    meter = Meter()
    served = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.append(scope["type"])

    counting = meter.counting(app)
    asyncio.run(counting(scope("s3", "PUT", "/b/k"), None, None))
    asyncio.run(counting({"type": "lifespan"}, None, None))
    with pytest.raises(KeyError), meter.invocation("check", 512):
        raise KeyError
    read = meter.read()
    assert served == ["http", "lifespan"]
    assert read["requests"] == {"s3.put": 1}
    assert read["functions"]["check"]["invocations"] == 1
    assert read["functions"]["check"]["mebibytes"] == 512


def test_a_place_is_kept_for_what_is_done_within() -> None:
    places = Places(1)
    with places.place(), places.place():
        pass
    with places.place():
        pass


def test_without_a_free_place_one_waits() -> None:
    places, entered = Places(1), threading.Event()

    def work() -> None:
        with places.place():
            entered.set()

    with places.place():
        waiting = threading.Thread(target=work)
        waiting.start()
        assert not entered.wait(0.1)
    assert entered.wait(PATIENCE_SECONDS)
    waiting.join()
