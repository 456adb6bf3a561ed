"""What run.yaml may say of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import product
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints, field_validator, model_validator

from deckhand.domain.accelerator import Accelerator
from deckhand.domain.deck import Frozen

MAX_POINTS: Final = 10_000
"""The most jobs of one Batch array: https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html"""

MAX_VALUE: Final = 4_096
"""The longest value of a variable, in characters."""

# https://docs.lammps.org/variable.html: "alphanumeric characters and underscores"
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=128)]
Value = str | int | float
Values = Value | tuple[Value, ...]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$")]


class Purchase(StrEnum):
    """Where machines are bought."""

    SPOT_FIRST = "spot-first"
    SPOT_ONLY = "spot-only"
    ON_DEMAND = "on-demand"


class Window(StrEnum):
    """When attempts may be started; one that runs when its window closes runs on."""

    NIGHTS = "nights"
    WEEKENDS = "weekends"


class RunOptions(Frozen):
    """What run.yaml may say; all of it is optional.

    `variables` are given to LAMMPS like `-var` of the command line; a list gives an index variable
    several values (https://docs.lammps.org/Run_options.html). `hours` of machine time and
    `dollars` (US) are the most that the run may use up before it is held. `ranks` are MPI ranks.
    `accelerator` goes before the one that the deck suggests. `sweep` names variables and their
    values, of which every combination becomes a run of its own, or lists the combinations.
    `priority` is 0 to 9; the higher goes first among the runs of one owner.
    """

    deck: str | None = None
    variables: dict[VariableName, Values] = Field(default_factory=dict)
    instance: Name | None = None
    gpus: int | None = Field(default=None, ge=1, le=8)
    ranks: int | None = Field(default=None, ge=1, le=192)
    accelerator: Accelerator | None = None
    checkpoint_minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    hours: float | None = Field(default=None, gt=0)
    dollars: float | None = Field(default=None, gt=0)
    deadline: AwareDatetime | None = None
    purchase: Purchase = Purchase.SPOT_FIRST
    owner: Name | None = None
    group: Name | None = None
    window: Window | None = None
    notify: tuple[Address, ...] = Field(default=(), max_length=10)
    tell_start: bool = False
    priority: int = Field(default=5, ge=0, le=9)
    sweep: dict[VariableName, tuple[Value, ...]] | tuple[dict[VariableName, Value], ...] | None = (
        None
    )

    @field_validator("variables", "sweep", mode="before")
    @classmethod
    def _values_are_no_truths(cls, given: object) -> object:
        """YAML reads `yes` and `off` as truth values; LAMMPS is to be told the word."""
        if any(isinstance(value, bool) for value in _values_in(given)):
            raise ValueError("put yes, no, on, off, true and false in quotes")
        return given

    @field_validator("variables", "sweep")
    @classmethod
    def _values_are_lines(cls, given: object) -> object:
        """A value that has a line break would be a command of its own."""
        for value in _values_in(given):
            if len(str(value)) > MAX_VALUE:
                raise ValueError(f"a value may have {MAX_VALUE} characters at most")
            if re.search(r"[\x00-\x1f\x7f]", str(value)):
                raise ValueError("a value must be on one line, without control characters")
        return given

    @model_validator(mode="after")
    def _points_are_few(self) -> RunOptions:
        if self.sweep is not None and not 1 <= self.point_count <= MAX_POINTS:
            raise ValueError(
                f"`sweep` makes {self.point_count:,} runs; 1 to {MAX_POINTS:,} are possible"
            )
        return self

    @property
    def point_count(self) -> int:
        """How many runs the sweep makes."""
        if self.sweep is None:
            return 0
        if isinstance(self.sweep, tuple):
            return len(self.sweep)
        count = 1
        for values in self.sweep.values():
            count *= len(values)
        return count

    def points(self) -> Iterator[dict[str, Value]]:
        """The variables of each run of the sweep, the last one named changing fastest."""
        if isinstance(self.sweep, tuple):
            yield from self.sweep
        elif self.sweep is not None:
            for values in product(*self.sweep.values()):
                yield dict(zip(self.sweep, values, strict=True))

    @property
    def checkpoint_seconds(self) -> float | None:
        return None if self.checkpoint_minutes is None else self.checkpoint_minutes * 60


def _values_in(given: object) -> list[object]:
    if isinstance(given, dict):
        return [value for inner in given.values() for value in _values_in(inner)]
    if isinstance(given, tuple | list):
        return [value for inner in given for value in _values_in(inner)]
    return [given]
