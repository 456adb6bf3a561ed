"""A session with the credentials that an attempt is lent, asked for again before they expire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.credentials import CredentialProvider, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError

from deckhand.adapters.session import aws_client

METHOD: Final = "deckhand"


def lent_session(client: BaseClient, function: str, asked: Mapping[str, object]) -> boto3.Session:
    """*client* is of AWS Lambda, with the job's own credentials: all they are good for is this.

    Whoever uses the session may meet a CredentialRetrievalError, which passes like any other
    weather: botocore asks 15 minutes before the old credentials expire.
    """
    session = botocore.session.get_session()
    provider = _Lent(client, function, asked)
    # Before all others: the environment has the job's own.
    session.get_component("credential_provider").insert_before("env", provider)
    return boto3.Session(botocore_session=session)


def session_of(function: str, asked: Mapping[str, object]) -> boto3.Session | None:
    """What *function* lends; None where there is none, and the job's own credentials have to do."""
    return lent_session(aws_client("lambda"), function, asked) if function else None


class _Lent(CredentialProvider):  # type: ignore[misc]
    METHOD = METHOD

    def __init__(self, client: BaseClient, function: str, asked: Mapping[str, object]) -> None:
        super().__init__()
        self._client = client
        self._function = function
        self._asked = asked

    def load(self) -> RefreshableCredentials:
        return RefreshableCredentials.create_from_metadata(
            metadata=self._ask(), refresh_using=self._ask, method=METHOD
        )

    def _ask(self) -> dict[str, str]:
        answer = self._client.invoke(
            FunctionName=self._function, Payload=json.dumps(self._asked).encode()
        )
        told = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise CredentialRetrievalError(
                provider=METHOD, error_msg=told.get("errorMessage") or told
            )
        return {
            "access_key": told["access_key_id"],
            "secret_key": told["secret_access_key"],
            "token": told["session_token"],
            "expiry_time": told["expires_at"],
        }
