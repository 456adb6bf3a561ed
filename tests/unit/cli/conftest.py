"""A stack in moto, and a person at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deckhand.adapters.ledger import Ledger
from deckhand.adapters.s3 import Bucket
from deckhand.cli.app import app

_numbers = count(1)

PARAMETERS = {"SpotPricePerHour": "0.2", "OnDemandPricePerHour": "0.5"}


@dataclass
class Deployed:
    """A stack with its buckets and its ledger, and the command `deckhand` told of it."""

    name: str
    inbox: Bucket
    runs: Bucket
    ledger: Ledger

    def type(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--stack", self.name])


def make_stack(client: Any, outputs: dict[str, str]) -> str:
    """A stack that has these outputs and little else; its name."""
    name = f"stack-{next(_numbers)}"
    template = {
        "Parameters": {key: {"Type": "String"} for key in PARAMETERS},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in PARAMETERS.items()],
    )
    return name


@pytest.fixture
def deployed(
    aws: Callable[[str], Any], make_bucket: Callable[[], str], ledger_table: str
) -> Deployed:
    outputs = {
        "InboxBucket": make_bucket(),
        "RunsBucket": make_bucket(),
        "LedgerTable": ledger_table,
        "RunDeckMachine": "arn:aws:states:us-east-2:123456789012:stateMachine:run-deck",
    }
    return Deployed(
        make_stack(aws("cloudformation"), outputs),
        Bucket(aws("s3"), outputs["InboxBucket"]),
        Bucket(aws("s3"), outputs["RunsBucket"]),
        Ledger(aws("dynamodb"), ledger_table),
    )
