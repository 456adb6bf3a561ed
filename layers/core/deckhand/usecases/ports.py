"""What the use cases need from the outside, in their own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from deckhand.domain.accelerator import Accelerator
from deckhand.domain.attempt import AttemptRecord, Job
from deckhand.domain.credentials import Credentials, Scope
from deckhand.domain.dead_letter import DeadLetter
from deckhand.domain.deck import DropObject
from deckhand.domain.digest import Digest
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import Message, MessageKey
from deckhand.domain.options import Values
from deckhand.domain.parts import Part
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.domain.run import CheckReport, DryRun, RunState
from deckhand.domain.speed import Measurement, SpeedKey

TimeLeft = Callable[[], timedelta]
"""How long the function that carries a use case may still take."""


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
        """Runs without their attempts, newest first; a sweep without its points."""
        ...

    def since(self, at: datetime) -> list[RunRecord]:
        """Runs admitted at that time or later, points too, without attempts, newest first."""
        ...

    def open_runs(self) -> Iterator[RunRecord]:
        """Every run that is not closed, points too, without its attempts.

        A write may take a moment to show.
        """
        ...

    def advance(self, run_id: str, state: RunState, **known: object) -> bool:
        """Move a run on, with what is *known* of it now; False where it is already closed."""
        ...

    def express(self, run_id: str, wish: Wish, at: datetime) -> bool:
        """Write a wish down; False where the run is closed or has been steered since *at*."""
        ...

    def begin_round(
        self, record: RunRecord, at: datetime, wish: Wish | None = None, **change: object
    ) -> bool:
        """Let a run go on in its next round, closed or not; *wish* is all that is left of wishes.

        What it cost is not known any more until it is closed again.
        False where it is not in the round of *record* any more; where there is a *wish* and the run
        is closed; where *change* has a `steered_at`, and the run has been steered since then.
        """
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

    def record_projected_cost(self, run_id: str, cost: float) -> None: ...

    def begin_relief(self, at: datetime, again_after: timedelta) -> bool:
        """Claim the right to let attempts go, which nobody did for that long."""
        ...


class Lender(Protocol):
    """Makes credentials that are good for one attempt."""

    def lend(self, scope: Scope) -> Credentials: ...


class Executions(Protocol):
    """The executions of run_deck, by their names."""

    def start(self, name: str, run_id: str, drop: str) -> bool:
        """Start an execution; False where there is one of that name."""
        ...

    def stop(self, name: str, reason: str) -> bool:
        """Stop an execution, its job with it; False where there is none."""
        ...

    def running(self) -> set[str]:
        """The names of all that have not ended."""
        ...

    def is_running(self, name: str) -> bool:
        """Whether an execution has not ended; what `running` lists may lack one of them."""
        ...

    def end(self, name: str) -> ExecutionEnd | None:
        """How and when an execution ended; None where it has not, or is not known."""
        ...


@dataclass(frozen=True)
class ExecutionEnd:
    """`status` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `cause` may say why."""

    status: str
    at: datetime
    cause: str = ""


class IntakeQueue(Protocol):
    def look_again(self, drop: str, delay: timedelta) -> None:
        """Have *drop* looked at again after *delay*."""
        ...

    def put_back(self, body: str) -> None:
        """Have a message of the past delivered again."""
        ...


class Pace(Protocol):
    """How fast one invocation may start runs."""

    def begin(self) -> None:
        """An invocation begins; the one before it may have ended with a start just now."""
        ...

    def await_turn(self) -> None:
        """Return when the next run may be started."""
        ...


class DeadLetters(Protocol):
    """A queue of messages that nobody could deliver or work on."""

    def take(self) -> Iterator[DeadLetter]:
        """Every letter there is; nobody else gets it for some minutes."""
        ...

    def taken_by_others(self) -> int:
        """How many letters cannot be seen now, because somebody has taken them."""
        ...

    def release(self, letters: Sequence[DeadLetter]) -> None:
        """Let others see again what was taken."""
        ...

    def remove(self, letter: DeadLetter) -> None: ...


class Functions(Protocol):
    def hand_over(self, function: str, payload: str) -> None:
        """Have a function invoked with *payload*, and again if it fails; return before it ends."""
        ...


class Topic(Protocol):
    def publish(self, message: Message | Digest) -> None:
        """Send a message; raises MessageNotSentError where it certainly was not."""
        ...


@dataclass(frozen=True)
class LiveJob:
    """A job as ListJobs shows it; `name` is that of an attempt, of an array or of its child.

    `reason` says of a job at the head of its queue why it finds no machine. An array works for
    nobody itself: its children do.
    """

    job_id: str
    name: str
    queue: str
    status: str
    created_at: datetime
    reason: str = ""
    is_array: bool = False


class Subscriptions(Protocol):
    def ensure(self, address: str) -> None:
        """Have *address* get the messages that name it; raises SubscriptionError.

        AWS asks the address to confirm, and does so again as long as it has not.
        """
        ...


class Outbox(Protocol):
    """Every message of every run, and how far each has come.

    A message is free (nobody sends it), being sent, waiting for a digest, or sent.
    """

    def claim(self, message: Message, at: datetime) -> bool:
        """Claim the right to send a message that is new or free; False where somebody has it."""
        ...

    def claim_again(self, unsent: Unsent, message: Message, at: datetime) -> bool:
        """Claim what is *unsent*, as *message*; False where it has moved since it was seen."""
        ...

    def release(self, key: MessageKey, at: datetime) -> None:
        """Make a message that is being sent free: it certainly was not sent."""
        ...

    def wait(self, key: MessageKey) -> None:
        """Let a message that is being sent wait for a digest."""
        ...

    def take(self, key: MessageKey, at: datetime) -> bool:
        """Claim the right to send a message that waits; False where it does not wait."""
        ...

    def mark_sent(self, key: MessageKey, at: datetime) -> None: ...

    def is_taken(self, key: MessageKey) -> bool:
        """Whether a message is being sent, waits or was sent."""
        ...

    def unsent(self, before: datetime) -> Iterator[Unsent]:
        """What has been free, or on its way, since *before*; a write may take a moment to show."""
        ...

    def waiting(self, before: datetime) -> Iterator[Message]:
        """What was claimed before that and waits, oldest first; with the same delay."""
        ...

    def count(self, bucket: datetime) -> int:
        """Count one more message in the bucket that began then; how many it has now."""
        ...

    def begin_look(self, bucket: datetime) -> bool:
        """Whether this is the first look for digests in the bucket that began then."""
        ...

    def begin_asking(self, address: str, at: datetime, again_after: timedelta) -> bool:
        """Claim the right to ask an address, which nobody did for that long."""
        ...

    def stop_asking(self, address: str) -> None:
        """Make as if an address had not been asked."""
        ...


@dataclass(frozen=True)
class Unsent:
    """A message that was last moved at `at`; `in_doubt` where it may have been sent after all."""

    message: Message
    at: datetime
    in_doubt: bool


class Jobs(Protocol):
    def describe(self, job_id: str) -> Job | None: ...

    def described(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs by their ids, those that are known."""
        ...

    def find(self, name: str) -> Job | None:
        """The newest job of that name."""
        ...

    def child(self, array: str, index: int) -> Job | None:
        """That child of the newest array of the name."""
        ...

    def ended_children(self, array_id: str) -> set[int]:
        """The numbers of the children of an array that have ended."""
        ...

    def live(self) -> Iterator[LiveJob]:
        """The jobs that have not ended, of every queue, the children of arrays as well."""
        ...

    def terminate(self, job_id: str, reason: str) -> None: ...


class PriceSource(Protocol):
    """What machines cost and have. Answers None where it does not know; never raises."""

    def price(self, key: PriceKey, at: datetime) -> float | None:
        """US dollars for an hour of the whole machine at that time."""
        ...

    def machine(self, instance_type: str) -> Machine | None: ...


class PriceStore(Protocol):
    """What was heard of machines. Whatever cannot be kept or found is forgotten; never raises."""

    def price(self, key: PriceKey) -> Price | None: ...

    def keep_price(self, key: PriceKey, price: Price) -> None: ...

    def machine(self, instance_type: str) -> Machine | None: ...

    def keep_machine(self, instance_type: str, machine: Machine) -> None: ...


class Speeds(Protocol):
    """What attempts have measured. Whatever cannot be kept or found is forgotten; never raises."""

    def newest(self, key: SpeedKey, limit: int) -> list[Measurement]:
        """Newest first."""
        ...

    def keep(self, key: SpeedKey, attempt: int, at: datetime, measured: Measurement) -> None:
        """Add what an attempt of a run has measured; safe to repeat."""
        ...


class Preflight(Protocol):
    def __call__(
        self,
        root: Path,
        deck: str,
        variables: Mapping[str, Values],
        accelerator: Accelerator | None,
    ) -> CheckReport:
        """Read a deck in the folder *root* without running it.

        *variables* are those that it is given from outside, here and below; *accelerator* is what
        its run.yaml wants.
        """
        ...


class DryRunner(Protocol):
    def __call__(self, root: Path, deck: str, variables: Mapping[str, Values]) -> DryRun:
        """Carry a deck in the folder *root* through LAMMPS without computing; never raises."""
        ...


@dataclass(frozen=True)
class AccountFacts:
    """What an account lets a stack have; None where it does not tell, and *left_out* says why.

    *quotas* are vCPUs by the names that AWS gives them.
    """

    zones: int | None = None
    quotas: Mapping[str, float] | None = None
    has_spot_role: bool | None = None
    left_out: tuple[str, ...] = ()
