"""What a function is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deckhand.domain.checkpoint import KEEP
from deckhand.domain.cost import Prices
from deckhand.domain.errors import SettingsError
from deckhand.domain.parts import MIB
from deckhand.domain.policy import Policy

OWN_MIB: Final = 512
"""What a function with a dry run keeps for itself."""


class Settings(BaseModel):
    """Fields are the environment's names in lower case; durations in seconds, prices in dollars."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runs_bucket: str = ""
    inbox_bucket: str = ""
    ledger_table: str = ""
    state_machine_arn: str = ""
    intake_queue_url: str = ""
    messages_topic_arn: str = ""
    job_queues: str = ""
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
    keep_checkpoints: int = Field(default=KEEP, ge=KEEP)

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
            spot_seconds=self.spot_seconds,
            on_demand_seconds=self.on_demand_seconds,
        )

    @property
    def prices(self) -> Prices:
        return Prices(self.spot_price_per_hour, self.on_demand_price_per_hour)

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(name for name in self.job_queues.split(",") if name)
