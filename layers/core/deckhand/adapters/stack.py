"""A deployed stack: what it is called, and what it says of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters.settings import Settings
from deckhand.domain.errors import StackError

TOLD: Final = {
    "SPOT_PRICE_PER_HOUR": "SpotPricePerHour",
    "ON_DEMAND_PRICE_PER_HOUR": "OnDemandPricePerHour",
    "MACHINE_PRICES": "MachinePrices",
    "SPOT_INSTANCE_TYPES": "SpotInstanceTypes",
    "ON_DEMAND_INSTANCE_TYPES": "OnDemandInstanceTypes",
    "JOB_GPUS": "JobGpus",
    "JOB_VCPUS": "JobVcpus",
}
"""What the functions are told of money, and the parameters that say it."""


@dataclass(frozen=True)
class Stack:
    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    def output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise StackError(
                f"The stack {self.name} has no output {name}, so it is not one of Deckhand's. "
                "Name another with --stack."
            ) from None

    @property
    def settings(self) -> Settings:
        told = {name: self.parameters.get(parameter, "") for name, parameter in TOLD.items()}
        return Settings.from_env(
            {
                "INBOX_BUCKET": self.output("InboxBucket"),
                "RUNS_BUCKET": self.output("RunsBucket"),
                "LEDGER_TABLE": self.output("LedgerTable"),
                "STATE_MACHINE_ARN": self.output("RunDeckMachine"),
                **told,
            }
        )


def find_stack(client: BaseClient, name: str) -> Stack:
    """Describe the stack *name*; raises StackError where there is none."""
    try:
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise StackError(
                f"There is no stack {name} in {client.meta.region_name}. Name yours with --stack "
                "or DECKHAND_STACK, or deploy one: make deploy."
            ) from error
        raise
    return Stack(
        name=name,
        outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())},
        parameters={
            item["ParameterKey"]: item.get("ParameterValue", "")
            for item in found.get("Parameters", ())
        },
    )
