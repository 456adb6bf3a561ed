"""The faults do what they are said to do: what has an effect, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from deckhand.adapters.s3 import Bucket
from deckhand.adapters.session import aws_client
from tests.chaos.cloud import Cloud, opened
from tests.chaos.faults import LATER, Died, Faults, How, Point

PUT = "somebody: s3.PutObject runs/key #1"
GET = "somebody: s3.GetObject runs/key #1"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with opened() as cloud:
        yield cloud


@pytest.fixture
def ask(cloud: Cloud) -> Callable[[str, How], Bucket]:
    """A bucket of somebody for whom AWS fails at this point."""

    def start(request: str, how: How) -> Bucket:
        cloud.fresh()
        cloud.clients["s3"].put_bucket_versioning(
            Bucket="chaos-runs", VersioningConfiguration={"Status": "Enabled"}
        )
        cloud.hooks.faults = Faults(Point(request, how), asking="somebody")
        return Bucket(aws_client("s3"), "chaos-runs")

    return start


def versions(cloud: Cloud) -> list[bytes]:
    found = cloud.clients["s3"].list_object_versions(Bucket="chaos-runs", Prefix="key")
    return [cloud.runs.read("key", item["VersionId"]) or b"" for item in found.get("Versions", ())]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (How.REFUSED, ClientError),
        (How.BROKEN, ClientError),
        (How.UNREACHABLE, BotoCoreError),
        (How.DIES_BEFORE, Died),
    ],
)
def test_what_fails_before_has_no_effect(
    cloud: Cloud, ask: Callable[[str, How], Bucket], how: How, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(PUT, how).write("key", b"content")
    assert cloud.faults.struck
    assert versions(cloud) == []


@pytest.mark.parametrize(("how", "error"), [(How.LOST, BotoCoreError), (How.DIES_AFTER, Died)])
def test_what_fails_afterwards_has_its_effect(
    cloud: Cloud, ask: Callable[[str, How], Bucket], how: How, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(PUT, how).write("key", b"content")
    assert versions(cloud) == [b"content"]


def test_whoever_died_can_do_no_more(cloud: Cloud, ask: Callable[[str, How], Bucket]) -> None:
    bucket = ask(PUT, How.DIES_BEFORE)
    for _ in range(2):
        with pytest.raises(Died):
            bucket.write("key", b"content")
    assert versions(cloud) == []


def test_what_is_done_twice_is_heard_of_once(
    cloud: Cloud, ask: Callable[[str, How], Bucket]
) -> None:
    ask(PUT, How.TWICE).write("key", b"content")
    assert versions(cloud) == [b"content", b"content"]


def test_what_comes_late_comes_after_what_others_do(
    cloud: Cloud, ask: Callable[[str, How], Bucket]
) -> None:
    bucket = ask(PUT, How.LATE)
    bucket.write("key", b"old")
    assert versions(cloud) == [b"old"]
    for _ in range(LATER - 1):
        bucket.write("key", b"new")
    assert bucket.read("key") == b"old"
    assert sorted(versions(cloud)) == [b"new"] * (LATER - 1) + [b"old"] * 2


def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    cloud: Cloud, ask: Callable[[str, How], Bucket]
) -> None:
    bucket = ask(GET, How.TORN)
    bucket.write("key", b"content")
    with pytest.raises(BotoCoreError):
        bucket.read("key")
    assert bucket.read("key") == b"content"


def test_requests_have_names_and_ways(cloud: Cloud, ask: Callable[[str, How], Any]) -> None:
    bucket = ask("nothing", How.LOST)
    bucket.read("key")
    bucket.write("key", b"content")
    bucket.read("key")
    names = [str(request) for request in cloud.faults.requests]
    assert names == [GET, PUT, GET.replace("#1", "#2")]
    torn = [How.TORN in request.ways for request in cloud.faults.requests]
    assert torn == [False, False, True]
    twice = [How.TWICE in request.ways for request in cloud.faults.requests]
    assert twice == [False, True, False]
