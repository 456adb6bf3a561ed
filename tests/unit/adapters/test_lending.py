"""Credentials of one attempt: what is asked of STS, and what the attempt makes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deckhand.adapters.lender import Lender, session_name
from deckhand.adapters.lent import lent_session
from deckhand.adapters.s3 import Bucket
from deckhand.domain import keys
from deckhand.domain.credentials import CHECK, Scope
from deckhand.domain.errors import StorageError
from deckhand.domain.keys import CheckpointId

ROLE = "arn:aws:iam::123456789012:role/deckhand-RunRole-1ABC"
SCOPE = Scope(run_id="melt-1", attempt=2)
HERE = CheckpointId(step=1000, attempt=2)
BEFORE = CheckpointId(step=500, attempt=1)


def policy(scope: Scope, key_arn: str = "") -> list[dict[str, Any]]:
    lender = Lender(None, ROLE, "runs", key_arn)
    statements: list[dict[str, Any]] = lender.policy(scope)["Statement"]
    return statements


def allowed(scope: Scope, action: str, key: str) -> bool:
    return any(
        statement["Action"] == action and fnmatchcase(f"arn:aws:s3:::runs/{key}", pattern)
        for statement in policy(scope)
        for pattern in statement["Resource"]
    )


OWN = [keys.run_record("melt-1"), keys.deck("melt-1", "in.melt"), keys.status("melt-1", 1)]
MINE = [
    keys.status("melt-1", 2),
    keys.completion("melt-1", 2),
    keys.output_piece("melt-1", 2, "log.lammps", 0, "ab" * 32),
    keys.manifest("melt-1", HERE),
]
NOT_MINE = [
    keys.run_record("melt-1"),
    keys.deck("melt-1", "in.melt"),
    keys.status("melt-1", 1),
    keys.manifest("melt-1", BEFORE),
    keys.result("melt-1", "log.lammps"),
]
OF_OTHERS = [
    keys.run_record("melt-12"),
    keys.deck("melt-10", "in.melt"),
    keys.manifest("wall-1", HERE),
    keys.status("wall-1", 2),
    "runs/",
    "",
]


@pytest.mark.parametrize("key", [*OWN, *MINE, keys.manifest("melt-1", BEFORE)])
def test_an_attempt_reads_its_run(key: str) -> None:
    assert allowed(SCOPE, "s3:GetObject", key)


@pytest.mark.parametrize("key", MINE)
def test_an_attempt_writes_what_is_its_own(key: str) -> None:
    assert allowed(SCOPE, "s3:PutObject", key)


@pytest.mark.parametrize("key", [*NOT_MINE, *OF_OTHERS])
def test_an_attempt_writes_nothing_else(key: str) -> None:
    assert not allowed(SCOPE, "s3:PutObject", key)


@pytest.mark.parametrize("key", OF_OTHERS)
def test_an_attempt_reads_no_other_run(key: str) -> None:
    assert not allowed(SCOPE, "s3:GetObject", key)


def test_the_point_of_a_sweep_reads_the_deck_of_its_parent() -> None:
    point = Scope(run_id="melt-p0001-ff", attempt=1, parent="melt-1")
    for key in (keys.sweep("melt-1"), keys.deck("melt-1", "in.melt")):
        assert allowed(point, "s3:GetObject", key)
    for key in (keys.run_record("melt-1"), keys.status("melt-1", 1), keys.run("melt-p0002-ff")):
        assert not allowed(point, "s3:GetObject", key)


def test_a_check_reads_its_order_and_its_deck_and_writes_answers() -> None:
    check = Scope(run_id="melt-1", attempt=CHECK)
    order, answer = keys.check_order("melt-1", "ab"), keys.check_answer("melt-1", "ab")
    assert allowed(check, "s3:GetObject", order)
    assert allowed(check, "s3:GetObject", keys.deck("melt-1", "in.melt"))
    assert allowed(check, "s3:PutObject", answer)
    assert not allowed(check, "s3:PutObject", order)
    for key in (*OF_OTHERS, keys.run_record("melt-1"), keys.check_order("melt-2", "ab")):
        assert not allowed(check, "s3:GetObject", key)
        assert not allowed(check, "s3:PutObject", key)


def test_nothing_is_deleted_and_no_listing_is_without_a_prefix() -> None:
    statements = policy(SCOPE)
    assert {statement["Action"] for statement in statements} == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListBucket",
    }
    listing = next(item for item in statements if item["Action"] == "s3:ListBucket")
    # StringLike does not hold where there is no prefix; StringLikeIfExists would.
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["runs/melt-1/*"]}}


def test_the_key_of_the_bucket_may_be_used() -> None:
    key = "arn:aws:kms:us-east-2:123456789012:key/1"
    found = {item["Action"] for item in policy(SCOPE, key) if item["Resource"] == [key]}
    assert found == {"kms:Decrypt", "kms:GenerateDataKey"}


@given(st.text(max_size=80))
def test_no_name_becomes_a_pattern(name: str) -> None:
    try:
        scope = Scope(run_id=name, attempt=1)
    except ValidationError:
        return
    assert not set("*?${}/") & set(scope.run_id)
    assert not allowed(scope, "s3:GetObject", f"runs/x{name}/run.json")


def test_the_policy_of_the_longest_names_is_not_too_long() -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""
    scope = Scope(run_id="r" * 63, attempt=9999, parent="p" * 63)
    lender = Lender(None, ROLE, "b" * 63, "arn:aws:kms:us-east-2:123456789012:key/" + "k" * 36)
    assert len(json.dumps(lender.policy(scope), separators=(",", ":"))) < 2048
    assert len(session_name(scope)) == 64


def test_sts_is_asked_for_the_role_narrowed(aws: Callable[[str], Any]) -> None:
    asked: list[dict[str, Any]] = []
    sts = aws("sts")
    sts.meta.events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_: asked.append(params)
    )
    lent = Lender(sts, ROLE, "runs").lend(SCOPE)
    assert asked[0]["RoleSessionName"] == "melt-1-a2"
    assert json.loads(asked[0]["Policy"])["Statement"] == policy(SCOPE)
    left = lent.expires_at - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1)
    assert lent.session_token not in repr(lent)


class Function:
    """A function that lends credentials for as long as it is told to."""

    def __init__(self, *lifetimes: timedelta) -> None:
        self.asked: list[dict[str, Any]] = []
        self._lifetimes = list(lifetimes)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append({"function": FunctionName, **json.loads(Payload)})
        if not self._lifetimes:
            error = {"errorMessage": "No credentials for attempt 2", "errorType": "Refused"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}
        told = {
            "access_key_id": f"ASIA{len(self.asked)}",
            "secret_access_key": "secret",
            "session_token": "token",
            "expires_at": (datetime.now(UTC) + self._lifetimes.pop(0)).isoformat(),
        }
        return {"Payload": io.BytesIO(json.dumps(told).encode())}


PROOF = {"run_id": "melt-1", "attempt": 2, "token": "t"}


def test_a_session_has_what_was_lent_and_not_what_the_job_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-job")
    function = Function(timedelta(hours=1))
    session = lent_session(function, "lend", PROOF)
    for _ in range(2):
        assert session.get_credentials().get_frozen_credentials().access_key == "ASIA1"
    assert function.asked == [{"function": "lend", **PROOF}]


def test_credentials_are_asked_for_again_before_they_expire() -> None:
    function = Function(timedelta(minutes=9), timedelta(hours=1))
    credentials = lent_session(function, "lend", PROOF).get_credentials()
    assert credentials.get_frozen_credentials().access_key == "ASIA2"


def test_old_credentials_do_while_they_last() -> None:
    """A function that is away for a minute ends no attempt."""
    function = Function(timedelta(minutes=14))
    credentials = lent_session(function, "lend", PROOF).get_credentials()
    assert credentials.get_frozen_credentials().access_key == "ASIA1"
    assert len(function.asked) == 2


def test_a_refusal_is_told() -> None:
    with pytest.raises(CredentialRetrievalError, match="No credentials for attempt 2"):
        lent_session(Function(), "lend", PROOF).get_credentials()


def denying(client: Any, *operations: str) -> None:
    """Let S3 answer as it does to those who may see a part of the bucket only."""

    def deny(**_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        response = AWSResponse("", 403, {}, io.BytesIO(body))
        response._content = body
        return response

    for operation in operations:
        client.meta.events.register_first(f"before-send.s3.{operation}", deny)


@pytest.fixture
def denied(aws: Callable[[str], Any], make_bucket: Callable[[], str]) -> Bucket:
    client = aws("s3")
    bucket = Bucket(client, make_bucket())
    bucket.write("runs/melt-1/run.json", b"{}")
    denying(client, "GetObject", "HeadObject")
    return bucket


def test_what_is_denied_and_not_there_is_missing(denied: Bucket, tmp_path: Any) -> None:
    assert denied.read("runs/melt-1/status.json") is None
    with pytest.raises(StorageError):
        denied.download("runs/melt-1/restart.zst", tmp_path / "restart.zst")


def test_what_is_denied_and_there_is_denied(denied: Bucket, tmp_path: Any) -> None:
    with pytest.raises(ClientError, match="Access Denied"):
        denied.read("runs/melt-1/run.json")


def test_what_may_not_even_be_listed_is_denied(
    aws: Callable[[str], Any], make_bucket: Callable[[], str]
) -> None:
    client = aws("s3")
    bucket = Bucket(client, make_bucket())
    denying(client, "GetObject", "ListObjectsV2")
    with pytest.raises(ClientError, match="Access Denied"):
        bucket.read("runs/melt-2/run.json")
