"""What the use cases need from the outside, in their own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from deckhand.domain.attempt import AttemptRecord, Job
from deckhand.domain.deck import DropObject
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import Message
from deckhand.domain.parts import Part
from deckhand.domain.run import CheckReport, DryRun, RunState


class Bucket(Protocol):
    """One S3 bucket. An empty version id means the newest version."""

    @property
    def name(self) -> str: ...

    def current(self, prefix: str) -> list[DropObject]:
        """The newest version of every object below *prefix* that is not deleted, by key."""
        ...

    def latest(self, prefix: str) -> Iterator[tuple[DropObject, bool]]:
        """The newest version of every key below *prefix*, by key, and whether the object is there.

        Where it is not, the version is the mark of its deletion.
        """
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key and size of every object below *prefix*."""
        ...

    def read(self, key: str, version_id: str = "") -> bytes | None:
        """The whole object, or None where there is none."""
        ...

    def stream(self, key: str, version_id: str = "") -> Iterator[bytes]:
        """The object in chunks; raises StorageError where there is none."""
        ...

    def write(self, key: str, body: bytes) -> None: ...

    def create(self, key: str, body: bytes) -> bool:
        """Write *key* unless it exists; False where it did."""
        ...

    def upload(self, key: str, path: Path) -> None:
        """Store a file; raises StorageError where the bucket then holds anything else."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Make the object a file, in parallel; raises StorageError where there is none."""
        ...

    def take(self, source: Bucket, item: DropObject, key: str) -> None:
        """Copy exactly that version of an object of *source* to *key*, inside S3."""
        ...

    def join(self, key: str, parts: Sequence[Part]) -> None:
        """Make one object of parts of other objects; raises StorageError where one is missing."""
        ...

    def delete(self, keys: Sequence[str]) -> None: ...


class Ledger(Protocol):
    """The table of runs. Every writer is safe to repeat."""

    def admit(self, record: RunRecord) -> RunRecord:
        """Add a run unless it is known; the record as it now stands."""
        ...

    def mark_started(self, run_id: str, at: datetime) -> None: ...

    def run(self, run_id: str) -> RunRecord | None:
        """A run with its attempts, as of every write that has returned."""
        ...

    def recent(self, limit: int) -> list[RunRecord]:
        """Runs without their attempts, newest first."""
        ...

    def advance(
        self, run_id: str, state: RunState, deck: str | None = None, total_steps: int | None = None
    ) -> bool:
        """Move a run on; False where it is already closed."""
        ...

    def plan(self, run_id: str, attempt: AttemptRecord) -> bool:
        """Add an attempt; False where that number is taken."""
        ...

    def record_verdict(self, run_id: str, attempt: AttemptRecord) -> bool:
        """Complete a planned attempt; False where it has a verdict already."""
        ...

    def close(self, run_id: str, state: RunState, reason: str, at: datetime) -> RunRecord:
        """Close a run; the first to close it wins, the answer is the record as it now stands."""
        ...

    def record_cost(self, run_id: str, cost: float) -> None: ...

    def claim_message(self, run_id: str, at: datetime) -> bool:
        """Claim the right to send the run's one message; False where somebody has it."""
        ...

    def release_message(self, run_id: str) -> None:
        """Give the right back, when the message was certainly not sent."""
        ...


class Executions(Protocol):
    def start(self, run_id: str, drop: str) -> bool:
        """Start the execution of a run; False where there is one of that name."""
        ...


class IntakeQueue(Protocol):
    def look_again(self, drop: str, delay: timedelta) -> None:
        """Have *drop* looked at again after *delay*."""
        ...


class Topic(Protocol):
    def publish(self, message: Message) -> None:
        """Send a message; raises MessageNotSentError where it certainly was not."""
        ...


class Jobs(Protocol):
    def describe(self, job_id: str) -> Job | None: ...

    def find(self, name: str) -> Job | None:
        """The newest job of that name."""
        ...

    def terminate(self, job_id: str, reason: str) -> None: ...


class Preflight(Protocol):
    def __call__(self, root: Path, deck: str) -> CheckReport:
        """Read a deck in the folder *root* without running it."""
        ...


class DryRunner(Protocol):
    def __call__(self, root: Path, deck: str) -> DryRun:
        """Carry a deck in the folder *root* through LAMMPS without computing; never raises."""
        ...
