"""A run: one deck carried to its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from deckhand.domain.accelerator import Acceleration
from deckhand.domain.deck import Frozen, Problem
from deckhand.domain.options import RunOptions


class RunState(StrEnum):
    """Where a run is; the last four are final. A held run goes on when somebody resumes it."""

    CHECKING = "checking"
    WAITING = "waiting"
    RUNNING = "running"
    HELD = "held"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset(
    {RunState.COMPLETED, RunState.FAILED, RunState.REJECTED, RunState.CANCELLED}
)


class Contract(StrEnum):
    """What a resume of this deck gives back, from best to none."""

    EXACT = "exact"
    STATISTICAL = "statistical"
    PARTIAL_OUTPUTS = "partial outputs"
    REPEAT = "repeat"
    REFUSED = "refused"

    @classmethod
    def worst(cls, contracts: Iterable[Contract]) -> Contract:
        """The contract of a whole whose parts have these; exact for none."""
        return max(contracts, key=list(cls).index, default=cls.EXACT)


class InputFile(Frozen):
    """A frozen input: path below deck/, the inbox version it was taken from, size in bytes."""

    path: str
    version_id: str
    size: int
    sha256: str


class Stage(Frozen):
    """One run or minimize command of the deck; steps is None where only a running LAMMPS knows."""

    kind: Literal["run", "minimize"]
    steps: int | None
    file: str
    line: int


class CheckReport(Frozen):
    """What reading the deck found, without running it.

    `begun_again` are patterns of files that hold only what came after the last interruption.
    """

    contract: Contract
    problems: tuple[Problem, ...] = ()
    reads: tuple[str, ...] = ()
    missing: tuple[Problem, ...] = ()
    writes: tuple[str, ...] = ()
    begun_again: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    acceleration: Acceleration = Acceleration()

    @property
    def ok(self) -> bool:
        return not self.missing and not any(p.severity == "error" for p in self.problems)

    @property
    def total_steps(self) -> int | None:
        """Molecular-dynamics steps of all run commands, if every one is known."""
        steps = [stage.steps for stage in self.stages if stage.kind == "run"]
        return None if any(n is None for n in steps) else sum(n for n in steps if n is not None)


class Bound(StrEnum):
    """What a dry run had too little of; where there is more of it, it may get further."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"


class DryRun(Frozen):
    """What carrying a deck through LAMMPS without computing a step has shown.

    `problem` is what LAMMPS finds wrong with the deck. `trouble` says why the deck could not be
    carried to its end although nothing is wrong with it as far as is known; `ended` is False where
    the time was over. `bound` is set where more of it could help. `checkpoint_bytes` is the size of
    a restart file before compression, `network` what kept LAMMPS from the network.
    """

    stages: tuple[Stage, ...] = ()
    total_steps: int = 0
    atoms: int | None = None
    checkpoint_bytes: int | None = None
    problem: Problem | None = None
    trouble: str = ""
    ended: bool = True
    bound: Bound | None = None
    network: Literal["namespace", "filter", "nothing"] = "nothing"

    @property
    def is_whole(self) -> bool:
        """Whether stages and steps are those of the whole deck."""
        return self.ended and self.problem is None and not self.trouble

    @property
    def shortfall(self) -> str:
        """What a person should know of a dry run that shows less than a whole one."""
        if not self.ended:
            return "The dry run was given up when its time was over."
        if self.trouble:
            return f"The dry run did not come to its end: {self.trouble}"
        return ""


class Run(Frozen):
    """run.json: an admitted run with everything an attempt needs to know.

    Where no dry run has found `atoms` and `checkpoint_bytes`, `dry_run` says why. `extensions`
    are the steps of runs that were added after the deck's end, in their order. A point of a sweep
    has a `parent`, under which the frozen deck lies, and its `options.variables` are its own.
    `deck_class` is what the speed of the deck is measured and projected by, `acceleration` what
    its attempts have on machines with a GPU.
    """

    schema_version: Literal[1] = 1
    run_id: str
    drop: str
    deck: str
    inputs: tuple[InputFile, ...]
    options: RunOptions = Field(default_factory=RunOptions)
    contract: Contract
    stages: tuple[Stage, ...] = ()
    total_steps: int | None = None
    atoms: int | None = None
    checkpoint_bytes: int | None = None
    dry_run: str = ""
    extensions: tuple[int, ...] = ()
    parent: str | None = None
    deck_class: str = ""
    acceleration: Acceleration = Acceleration()
    admitted_at: datetime

    def extended(self, extensions: tuple[int, ...]) -> Run:
        """The same run, with these runs after its deck's end; `total_steps` are the deck's own."""
        return self.model_copy(update={"extensions": extensions})
