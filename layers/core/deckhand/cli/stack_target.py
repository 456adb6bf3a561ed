"""Which stack a command of `deckhand stack` is about: environment, account, region."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Final

import typer

from deckhand.adapters.account import Account
from deckhand.adapters.cloudformation import CloudFormation
from deckhand.adapters.local_cloud import LocalCloud
from deckhand.adapters.prices import AwsPrices
from deckhand.adapters.repository import Environment, Repository, instance_types
from deckhand.adapters.sam import SamCli
from deckhand.adapters.session import aws_client, hasty_client
from deckhand.adapters.settings import Settings
from deckhand.adapters.trouble import AwsError, remedy
from deckhand.cli.place import REPOSITORY, enter, find_local_cloud
from deckhand.domain.errors import LocalCloudError, ProjectError, SettingsError, StackError
from deckhand.domain.list_prices import MachineRate
from deckhand.domain.parameters import MACHINE_LISTS, Overrides, listed
from deckhand.domain.price import MachinePrices
from deckhand.domain.stack import StackState
from deckhand.usecases.know_machines import know_machines
from deckhand.usecases.ports import AccountFacts
from deckhand.usecases.validate_stack import ValidateStack

LOCAL: Final = "local"
DEFAULT_ENVIRONMENT: Final = "dev"
LOCAL_PAUSE_SECONDS: Final = 0.3
AWS_PAUSE_SECONDS: Final = 5.0
NOT_SAMS: Final = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})

EnvOption = Annotated[
    str, typer.Option("--env", help="The environment in samconfig.toml: dev, test, staging, …")
]
RegionOption = Annotated[str, typer.Option("--region", help="Not the region of your profile.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="Not your default AWS profile.")]
StackOption = Annotated[
    str, typer.Option("--stack", help="Not the stack that samconfig.toml names.")
]
EndpointOption = Annotated[
    str,
    typer.Option(
        "--endpoint", envvar="AWS_ENDPOINT_URL", help="Another AWS, such as a local cloud."
    ),
]
ParameterOption = Annotated[
    list[str],
    typer.Option(
        *("--parameter", "-p"), metavar="NAME=VALUE", help="Over what samconfig.toml says."
    ),
]


@dataclass(frozen=True)
class Target:
    """A stack that may not exist yet, and the clone that it is made of."""

    repository: Repository
    environment: Environment
    stack: str
    overrides: Overrides
    profile: str
    cloud: LocalCloud | None

    @cached_property
    def stacks(self) -> CloudFormation:
        pause = LOCAL_PAUSE_SECONDS if self.cloud else AWS_PAUSE_SECONDS
        return CloudFormation(aws_client("cloudformation"), pause)

    @cached_property
    def account(self) -> Account:
        return Account(aws_client)

    @property
    def name(self) -> str:
        """The options that mean this stack, for commands to type next."""
        return f"--env {self.environment.name}" + (
            f" --stack {self.stack}" if self.stack != self.environment.stack else ""
        )

    def reach(self) -> tuple[str, str]:
        """The account's number, if it can be reached, and why it is not asked for its limits."""
        try:
            return self.account.number(), "the local cloud has no quotas" if self.cloud else ""
        except AwsError as error:
            return "", remedy(error)

    def facts(self) -> AccountFacts | None:
        """What the account lets a stack have; the local cloud limits nothing."""
        return None if self.cloud else self.account.facts()

    def deployed(self) -> StackState:
        """The stack as it stands; raises StackError where there is none."""
        state = self.stacks.state(self.stack)
        if state is None or not state.is_deployed:
            raise StackError(
                f"There is no stack {self.stack} in {self.stacks.region}. "
                f"`deckhand stack create {self.name}` makes it."
            )
        return state

    def validation(self, values: Mapping[str, str], *, ask: bool) -> ValidateStack:
        rates = self.rates(values, ask=ask)
        return ValidateStack(self.repository.parameters, instance_types(), rates)

    def rates(self, values: Mapping[str, str], *, ask: bool) -> dict[str, MachineRate]:
        """What the machines cost; the local cloud sells none, so nobody is asked there."""
        own = _own_prices(values.get("MachinePrices", ""))
        source = AwsPrices(hasty_client) if ask and not self.cloud else None
        types = [item for name in MACHINE_LISTS.values() for item in listed(values.get(name, ""))]
        region = self.stacks.region if source else ""
        return know_machines(types, own, source, region, datetime.now(UTC))

    def sam(self) -> SamCli:
        kept = {name: value for name, value in os.environ.items() if name not in NOT_SAMS}
        kept["PATH"] = f"{self.repository.root / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
        if self.cloud:
            kept = _local_environment(self.repository, self.cloud)
        state = self.cloud.state if self.cloud else self.repository.root / ".deckhand"
        return SamCli(self.repository.sam, self.repository.root, state / "sam.log", kept)

    @property
    def build_folder(self) -> str:
        return str(self.cloud.state / "build" if self.cloud else self.repository.build)


def find_target(
    env: str,
    region: str = "",
    profile: str = "",
    stack: str = "",
    endpoint: str = "",
    given: Sequence[str] = (),
    *,
    reaches: bool = True,
) -> Target:
    """The stack that the options mean; *reaches* is False where no cloud is needed."""
    repository = Repository(REPOSITORY)
    environment = repository.environment(env)
    cloud = find_local_cloud() if env == LOCAL and not endpoint else None
    if env == LOCAL and reaches and not endpoint and cloud is None:
        raise LocalCloudError("No local cloud is running. `deckhand local up` starts one.")
    profile = profile or environment.profile
    enter(_entered(region or environment.region, profile, endpoint, cloud))
    return Target(
        repository=repository,
        environment=environment,
        stack=stack or environment.stack,
        overrides=_with(environment.overrides, given),
        profile=profile,
        cloud=cloud,
    )


def _own_prices(text: str) -> Mapping[str, MachinePrices]:
    try:
        return Settings.from_env({"MACHINE_PRICES": text}).machine_prices
    except SettingsError as error:
        raise ProjectError(f"The parameter MachinePrices cannot be read: {error}") from error


def _entered(region: str, profile: str, endpoint: str, cloud: LocalCloud | None) -> dict[str, str]:
    if cloud:
        return cloud.environment()
    chosen = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_PROFILE": profile,
        "AWS_ENDPOINT_URL": endpoint,
    }
    return {name: value for name, value in chosen.items() if value}


def _with(overrides: Overrides, given: Sequence[str]) -> Overrides:
    for item in given:
        if "=" not in item:
            raise ProjectError(f"-p {item}: a parameter is given as NAME=VALUE.")
    typed = dict(item.split("=", 1) for item in given)
    places = {**overrides.places, **dict.fromkeys(typed, "--parameter")}
    return Overrides({**overrides.values, **typed}, places)


def _local_environment(repository: Repository, cloud: LocalCloud) -> dict[str, str]:
    """What SAM must be told there; localcloud/ knows, which the product knows by name only."""
    command = [
        *(sys.executable, "-m", "localcloud.lifecycle", "sam-environment"),
        *("--state", str(cloud.state)),
    ]
    said = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise LocalCloudError(said.stderr.strip() or "The local cloud does not tell how to build.")
    environment: dict[str, str] = json.loads(said.stdout)
    return environment
