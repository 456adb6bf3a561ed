"""The function that steers runs, called by a person's command."""

from __future__ import annotations

import json
from typing import Any

from botocore.client import BaseClient

from deckhand.domain.errors import LedgerError, SteeringError
from deckhand.domain.steering import Request
from deckhand.usecases.steer_run import Steered

REFUSALS = {error.__name__: error for error in (LedgerError, SteeringError)}


class Steering:
    def __init__(self, client: BaseClient, function: str) -> None:
        self._client = client
        self._function = function

    def ask(self, request: Request) -> Steered:
        """Have it done; raises SteeringError or LedgerError where it cannot be."""
        answer = self._client.invoke(
            FunctionName=self._function, Payload=request.model_dump_json().encode()
        )
        document: Any = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            refusal = REFUSALS.get(document.get("errorType", ""), SteeringError)
            raise refusal(str(document.get("errorMessage") or document))
        return Steered.model_validate(document[0])
