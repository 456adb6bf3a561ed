"""What a function is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from deckhand.domain.attempt import Market
from deckhand.domain.checkpoint import KEEP
from deckhand.domain.cost import Prices
from deckhand.domain.errors import SettingsError
from deckhand.domain.message import DIRECT_MESSAGES
from deckhand.domain.parts import MIB
from deckhand.domain.policy import Policy
from deckhand.domain.price import JobSize, MachinePrices
from deckhand.domain.profile import Profiles, read_profiles
from deckhand.domain.window import Hours

OWN_MIB: Final = 512
"""What a function with a dry run keeps for itself."""


class Settings(BaseModel):
    """Fields are the environment's names in lower case; durations in seconds, prices in dollars."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    runs_bucket: str = ""
    inbox_bucket: str = ""
    ledger_table: str = ""
    state_machine_arn: str = ""
    intake_queue_url: str = ""
    messages_topic_arn: str = ""
    run_role_arn: str = ""
    storage_key_arn: str = ""
    settle_seconds: int = Field(default=30, ge=0, le=900)
    survey_after_seconds: int = Field(default=600, ge=0)
    missing_files_wait_seconds: int = Field(default=900, ge=0)
    dry_run_seconds: int = Field(default=60, ge=1)
    aws_lambda_function_memory_size: int = Field(default=3008, ge=1)
    losses_before_on_demand: int = Field(default=Policy.losses_before_on_demand, ge=1)
    spot_seconds: int = Field(default=Policy.spot_seconds, ge=60)
    on_demand_seconds: int = Field(default=Policy.on_demand_seconds, ge=60)
    spot_price_per_hour: float = Field(default=0.0, ge=0)
    on_demand_price_per_hour: float = Field(default=0.0, ge=0)
    hold_above_dollars: float = Field(default=0.0, ge=0)
    profiles: str = ""
    time_zone: str = "UTC"
    stop_margin_seconds: int = Field(default=300, ge=1)
    capacity_wait_seconds: int = Field(default=600, ge=1)
    adopted_poll_seconds: int = Field(default=600, ge=1)
    reaper_grace_seconds: int = Field(default=300, ge=0)
    silence_seconds: int = Field(default=1800, ge=60)
    machine_prices: Json[dict[str, MachinePrices]] = Field(default_factory=dict)
    spot_instance_types: str = ""
    on_demand_instance_types: str = ""
    job_gpus: int = Field(default=1, ge=0)
    job_vcpus: int = Field(default=0, ge=0)
    keep_checkpoints: int = Field(default=KEEP, ge=KEEP)
    direct_messages: int = Field(default=DIRECT_MESSAGES, ge=0)

    @classmethod
    def from_env(cls, env: Mapping[str, str], *required: str) -> Settings:
        """Read *env*; the names *required* must be there. Raises SettingsError."""
        for name in required:
            if not env.get(name):
                raise SettingsError(f"The environment variable {name} is not set.")
        given = {name: env[name.upper()] for name in cls.model_fields if env.get(name.upper())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            raise SettingsError(f"The environment variable {name}: {first['msg']}.") from error

    @property
    def settle(self) -> timedelta:
        return timedelta(seconds=self.settle_seconds)

    @property
    def survey_after(self) -> timedelta:
        return timedelta(seconds=self.survey_after_seconds)

    @property
    def missing_files_wait(self) -> timedelta:
        return timedelta(seconds=self.missing_files_wait_seconds)

    @property
    def dry_run_bytes(self) -> int:
        """What a LAMMPS may take of the function's memory, so that the function itself survives."""
        return max(self.aws_lambda_function_memory_size - OWN_MIB, OWN_MIB) * MIB

    @property
    def policy(self) -> Policy:
        return Policy(
            losses_before_on_demand=self.losses_before_on_demand,
            capacity_wait_seconds=self.capacity_wait_seconds,
            hours=self.hours,
            spot_seconds=self.spot_seconds,
            on_demand_seconds=self.on_demand_seconds,
        )

    @property
    def prices(self) -> Prices:
        return Prices(self.spot_price_per_hour, self.on_demand_price_per_hour)

    @property
    def job_size(self) -> JobSize:
        return JobSize(self.job_gpus, self.job_vcpus)

    @property
    def instance_types(self) -> dict[Market, tuple[str, ...]]:
        return {
            Market.SPOT: _listed(self.spot_instance_types),
            Market.ON_DEMAND: _listed(self.on_demand_instance_types),
        }

    @property
    def capacity_wait(self) -> timedelta:
        return timedelta(seconds=self.capacity_wait_seconds)

    @property
    def reaper_grace(self) -> timedelta:
        return timedelta(seconds=self.reaper_grace_seconds)

    @property
    def silence(self) -> timedelta:
        return timedelta(seconds=self.silence_seconds)

    @property
    def hours(self) -> Hours:
        """When it is night where the users are; raises SettingsError."""
        try:
            return Hours(zone=self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(f"The environment variable TIME_ZONE: {error}") from error

    @property
    def cap(self) -> float | None:
        """US dollars above which a run is held that names no cap of its own."""
        return self.hold_above_dollars or None

    @property
    def machines(self) -> Profiles:
        """The instance profiles of the stack; raises SettingsError."""
        try:
            return read_profiles(self.profiles or "{}")
        except ValueError as error:
            raise SettingsError(f"The environment variable PROFILES: {error}") from error

    @property
    def queues(self) -> tuple[str, ...]:
        """Every job queue of the stack, each once."""
        profiles = self.machines.values()
        named = [q for item in profiles for q in (*item.spot_queues, *item.on_demand_queues)]
        return tuple(dict.fromkeys(named))


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name for name in names.split(",") if name)
