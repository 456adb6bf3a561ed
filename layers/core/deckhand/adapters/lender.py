"""Credentials from AWS STS: a role that may touch every run, narrowed to one attempt."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from botocore.client import BaseClient

from deckhand.domain.credentials import Credentials, Scope

SECONDS: Final = 3600
"""A role that was assumed with another role's credentials lasts no longer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
"""

SESSION_NAME: Final = 64


@dataclass(frozen=True)
class Lender:
    """`key_arn` is the customer's key that the bucket is encrypted with; empty for none."""

    sts: BaseClient
    role_arn: str
    bucket: str
    key_arn: str = ""

    def lend(self, scope: Scope) -> Credentials:
        answer = self.sts.assume_role(
            RoleArn=self.role_arn,
            # What CloudTrail shows beside every request of the attempt.
            RoleSessionName=session_name(scope),
            DurationSeconds=SECONDS,
            Policy=json.dumps(self.policy(scope), separators=(",", ":")),
        )["Credentials"]
        return Credentials(
            access_key_id=answer["AccessKeyId"],
            secret_access_key=answer["SecretAccessKey"],
            session_token=answer["SessionToken"],
            expires_at=answer["Expiration"],
        )

    def policy(self, scope: Scope) -> dict[str, Any]:
        """What is left of the role's permissions.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
        """
        partition = self.role_arn.split(":")[1]
        bucket = f"arn:{partition}:s3:::{self.bucket}"
        statements = [
            _allow("s3:GetObject", *(f"{bucket}/{pattern}" for pattern in scope.readable)),
            _allow("s3:PutObject", *(f"{bucket}/{pattern}" for pattern in scope.writable)),
            _allow("s3:AbortMultipartUpload", *(f"{bucket}/{item}" for item in scope.writable)),
            {
                **_allow("s3:ListBucket", bucket),
                # A listing without a prefix would name the runs of all.
                "Condition": {"StringLike": {"s3:prefix": list(scope.readable)}},
            },
        ]
        if self.key_arn:
            statements += [
                _allow(action, self.key_arn) for action in ("kms:Decrypt", "kms:GenerateDataKey")
            ]
        return {"Version": "2012-10-17", "Statement": statements}


def session_name(scope: Scope) -> str:
    """In the characters that STS takes."""
    name = f"{scope.run_id}-a{scope.attempt}"
    return re.sub(r"[^\w+=,.@-]", "-", name)[-SESSION_NAME:]


def _allow(action: str, *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": list(resources)}
