"""A sweep: one drop whose points are runs of their own, told of as one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, ValidationError

from deckhand.domain.deck import Frozen
from deckhand.domain.errors import StorageError
from deckhand.domain.message import shorten
from deckhand.domain.options import RunOptions, Value, Values, VariableName
from deckhand.domain.run import Contract, Run, Stage

FIRST_ATTEMPT: Final = 1
"""Of every point in the array, and of the parent, whose first attempt the array itself is."""

MAX_LABEL: Final = 120


class Point(Frozen):
    """One run of a sweep, numbered from 0 like the jobs of an array.

    `variables` are those that the sweep gives it. What is below them was found by reading the
    deck with these variables.
    """

    index: int
    run_id: str
    variables: dict[VariableName, Value]
    contract: Contract = Contract.EXACT
    stages: tuple[Stage, ...] = ()
    total_steps: int | None = None
    atoms: int | None = None
    checkpoint_bytes: int | None = None

    @property
    def name(self) -> str:
        """The folder that its results are fetched to."""
        return f"p{self.index:04d}"

    @property
    def label(self) -> str:
        """What tells it from the others, for people."""
        return shorten(", ".join(f"{n}={v}" for n, v in self.variables.items()), MAX_LABEL)


class Sweep(Frozen):
    """sweep.json: the points of a parent, in the order of their jobs."""

    schema_version: Literal[1] = 1
    run_id: str
    points: tuple[Point, ...] = Field(min_length=1)

    def again(self, parent: str) -> Sweep:
        """The same points under another parent."""
        points = (
            point.model_copy(update={"run_id": point_run_id(parent, point.index)})
            for point in self.points
        )
        return Sweep(run_id=parent, points=tuple(points))


def point_run_id(parent: str, index: int) -> str:
    """The run of a point: 63 characters at most, of those that every AWS name takes."""
    name, _, _ = parent.rpartition("-")
    digest = hashlib.sha256(f"{parent} {index}".encode()).hexdigest()[:16]
    return f"{name}-p{index:04d}-{digest}"


def variables_at(options: RunOptions, values: Mapping[str, Value]) -> dict[str, Values]:
    """The variables of a point: its own go before those of all."""
    return {**options.variables, **values}


def run_of(parent: Run, point: Point) -> Run:
    """run.json of a point; the deck's files stay with the parent."""
    variables = variables_at(parent.options, point.variables)
    options = parent.options.model_copy(update={"sweep": None, "variables": variables})
    return parent.model_copy(
        update={
            "run_id": point.run_id,
            "parent": parent.run_id,
            "options": options,
            "contract": point.contract,
            "stages": point.stages,
            "total_steps": point.total_steps,
            "atoms": point.atoms,
            "checkpoint_bytes": point.checkpoint_bytes,
        }
    )


def read_sweep(content: bytes | None, run_id: str) -> Sweep:
    """Raises StorageError where it is not the sweep of *run_id*."""
    try:
        sweep = Sweep.model_validate_json(content or b"")
    except ValidationError as error:
        raise StorageError(f"sweep.json of {run_id} is missing or cannot be read") from error
    if sweep.run_id != run_id:
        raise StorageError(f"sweep.json of {run_id} is of {sweep.run_id}")
    return sweep
