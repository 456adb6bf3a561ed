"""A deployed stack: what it is called, and what it says of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters.settings import Settings
from deckhand.domain.cost import Prices
from deckhand.domain.errors import StackError


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
        return Settings(
            inbox_bucket=self.output("InboxBucket"),
            runs_bucket=self.output("RunsBucket"),
            ledger_table=self.output("LedgerTable"),
            state_machine_arn=self.output("RunDeckMachine"),
        )

    @property
    def prices(self) -> Prices:
        """What the stack was told its machines cost; nothing where it was not told."""
        return Prices(
            spot_per_hour=float(self.parameters.get("SpotPricePerHour", 0)),
            on_demand_per_hour=float(self.parameters.get("OnDemandPricePerHour", 0)),
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
