"""Where a command goes: a stack on AWS or on the local cloud of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

import deckhand
from deckhand.adapters import accounting, connect, local_cloud
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.local_cloud import LocalCloud
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.session import aws_client
from deckhand.adapters.stack import Stack, find_stack
from deckhand.adapters.steering import Steering
from deckhand.cli.console import note
from deckhand.domain.errors import LedgerError
from deckhand.usecases.forecast_run import ForecastRun

DEFAULT_STACK: Final = "deckhand-prod"
REPOSITORY: Final = Path(deckhand.__file__).resolve().parents[3]
LOCAL_STATES: Final = "DECKHAND_LOCAL_STATES"
"""Names the folder where local clouds keep their states; the repository's .deckhand by default."""

RUNS_LOOKED_AT: Final = 200

StackOption = Annotated[
    str | None,
    typer.Option("--stack", envvar="DECKHAND_STACK", help="The stack, deckhand-prod by default."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint", envvar="AWS_ENDPOINT_URL", help="Another AWS, such as a local cloud."
    ),
]
RunArgument = Annotated[str, typer.Argument(help="The run, or the beginning of its name.")]


@dataclass(frozen=True)
class Place:
    """A stack with its buckets and its ledger."""

    stack: Stack

    @property
    def inbox(self) -> Bucket:
        return connect.inbox(self.stack.settings)

    @property
    def runs(self) -> Bucket:
        return connect.runs(self.stack.settings)

    @property
    def ledger(self) -> Ledger:
        return connect.ledger(self.stack.settings)

    @property
    def steering(self) -> Steering:
        return Steering(aws_client("lambda"), self.stack.output("SteerFunction"))

    @property
    def forecast(self) -> ForecastRun:
        return accounting.forecast_run(self.stack.settings)

    def run_id(self, name: str) -> str:
        """The full name of the newest run that is called, or begins with, *name*."""
        if self.ledger.run(name) is not None:
            return name
        for record in self.ledger.recent(RUNS_LOOKED_AT):
            if record.run_id.startswith(name):
                return record.run_id
        raise LedgerError(f"There is no run {name}. `deckhand list` shows the runs there are.")


def find_place(stack: str | None, endpoint: str | None) -> Place:
    """The place that was asked for; else the local cloud, if one runs; else AWS."""
    cloud = None if stack or endpoint else find_local_cloud()
    if cloud is not None:
        enter(cloud.environment())
        stack = local_cloud.STACK
        note.print(f"[dim]On the local cloud, {cloud.endpoint}[/]")
    elif endpoint:
        enter({"AWS_ENDPOINT_URL": endpoint})
    return Place(find_stack(aws_client("cloudformation"), stack or DEFAULT_STACK))


def find_local_cloud() -> LocalCloud | None:
    folder = os.environ.get(LOCAL_STATES, str(REPOSITORY / ".deckhand"))
    return next(local_cloud.find(Path(folder)), None)


def enter(environment: Mapping[str, str]) -> None:
    """Make all clients from here on talk to that cloud."""
    os.environ.update(environment)
