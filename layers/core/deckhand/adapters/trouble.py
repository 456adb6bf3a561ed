"""What went wrong between us and AWS, in one line with a remedy."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnectionError

EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY: Final = frozenset(
    {
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

SIGN_IN: Final = (
    "Sign in (aws sso login, aws configure), or start a cloud of your own: deckhand local up."
)

AwsError = (BotoCoreError, ClientError)


def remedy(error: Exception) -> str:
    """One line about an AwsError: what is wrong, what to do."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return f"No AWS credentials were found. {SIGN_IN}"
    if isinstance(error, NoRegionError):
        return "No AWS region is set. Set AWS_REGION, or `region` in ~/.aws/config."
    if isinstance(error, ProfileNotFound):
        return f"{error}. Look at AWS_PROFILE and ~/.aws/config."
    if isinstance(error, (NoConnectionError, HTTPClientError)):
        return f"AWS cannot be reached: {error} Look at the network, and at AWS_ENDPOINT_URL."
    if isinstance(error, ClientError):
        return _refused(error)
    return f"AWS: {error}"


def _refused(error: ClientError) -> str:
    code = str(error.response["Error"]["Code"])
    message = " ".join(str(error.response["Error"].get("Message", "")).split())
    if code in EXPIRED:
        return f"The AWS session has expired. {SIGN_IN}"
    if code in UNKNOWN_KEY:
        return f"AWS does not know these credentials ({code}). {SIGN_IN}"
    if code in DENIED:
        return f"AWS does not allow {error.operation_name}: {message} Ask whoever runs the account."
    return f"AWS refused {error.operation_name}: {message or code}"
