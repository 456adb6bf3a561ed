"""Trouble with AWS is told in one line that says what to do."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from deckhand.adapters.trouble import remedy


def refused(code: str, message: str = "it says so") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NoCredentialsError(), "deckhand local up"),
        (NoRegionError(), "AWS_REGION"),
        (ProfileNotFound(profile="lab"), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "AWS_ENDPOINT_URL"),
        (ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), "cannot be reached"),
        (refused("ExpiredToken"), "expired"),
        (refused("InvalidAccessKeyId"), "does not know these credentials"),
        (refused("AccessDenied"), "does not allow PutObject"),
        (refused("SlowDown", "two\nlines"), "AWS refused PutObject: two lines"),
        (BotoCoreError(), "AWS: "),
    ],
)
def test_trouble_has_a_remedy(error: Exception, expected: str) -> None:
    text = remedy(error)
    assert expected in text
    assert "\n" not in text
