"""The ports in memory; the adapters' contract tests run on these as well."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from deckhand.domain.accelerator import Accelerator
from deckhand.domain.attempt import AttemptRecord, Job, child_name
from deckhand.domain.dead_letter import DeadLetter
from deckhand.domain.deck import DropObject
from deckhand.domain.digest import Digest
from deckhand.domain.errors import (
    LedgerError,
    MessageNotSentError,
    StorageError,
    SubscriptionError,
)
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.message import Message, MessageKey
from deckhand.domain.options import Values
from deckhand.domain.parts import MIN_PART, Part, Range
from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.domain.run import CheckReport, Contract, DryRun, RunState
from deckhand.domain.speed import Measurement, SpeedKey
from deckhand.lammps.script import decode
from deckhand.usecases.ports import Bucket, ExecutionEnd, LiveJob, Outbox, Topic, Unsent
from deckhand.usecases.tell import Tell

CHUNK = 1000


@dataclass
class FakeBucket:
    """A versioned bucket. `clock` stamps uploads; `journal` lists writes and deletes in order."""

    name: str = "bucket"
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 21, tzinfo=UTC)
    versions: dict[str, list[tuple[DropObject, bytes | None]]] = field(default_factory=dict)
    journal: list[tuple[str, str]] = field(default_factory=list)

    def current(self, prefix: str) -> list[DropObject]:
        return [item for item, is_there in self.latest(prefix) if is_there]

    def latest(self, prefix: str) -> Iterator[tuple[DropObject, bool]]:
        for key in sorted(self.versions):
            if key.startswith(prefix):
                item, body = self.versions[key][-1]
                yield item, body is not None

    def sizes(self, prefix: str) -> dict[str, int]:
        return {item.key: item.size for item in self.current(prefix)}

    def read(self, key: str, version_id: str = "") -> bytes | None:
        stored = self.versions.get(key, [])
        if not version_id:
            return stored[-1][1] if stored else None
        return next((body for item, body in stored if item.version_id == version_id), None)

    def stream(self, key: str, version_id: str = "") -> Iterator[bytes]:
        body = self.read(key, version_id)
        if body is None:
            raise StorageError(f"s3://{self.name}/{key}: there is none")
        for at in range(0, len(body), CHUNK):
            yield body[at : at + CHUNK]

    def write(self, key: str, body: bytes) -> None:
        self._add("write", key, body)

    def create(self, key: str, body: bytes) -> bool:
        if self.read(key) is not None:
            return False
        self._add("write", key, body)
        return True

    def upload(self, key: str, path: Path) -> None:
        self._add("write", key, path.read_bytes())

    def download(self, key: str, path: Path) -> None:
        path.write_bytes(b"".join(self.stream(key)))

    def take(self, source: Bucket, item: DropObject, key: str) -> None:
        body = source.read(item.key, item.version_id)
        if body is None:
            raise StorageError(f"s3://{source.name}/{item.key}: there is no such version")
        self._add("write", key, body)

    def join(self, key: str, parts: Sequence[Part]) -> None:
        short = [part for part in parts[:-1] if part.size < MIN_PART]
        if short:
            raise AssertionError(f"a part of {short[0].size} bytes is too small for S3")
        ranges = [piece for part in parts for piece in part.ranges]
        self._add("write", key, b"".join(self._range(piece) for piece in ranges))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            if self.read(key) is not None:
                self._add("delete", key, None)

    def _range(self, piece: Range) -> bytes:
        body = self.read(piece.key)
        if body is None or len(body) < piece.begin + piece.size:
            raise StorageError(f"s3://{self.name}/{piece.key}: there are no such bytes")
        return body[piece.begin : piece.begin + piece.size]

    def _add(self, what: str, key: str, body: bytes | None) -> None:
        stored = self.versions.setdefault(key, [])
        version = hashlib.sha256(f"{key}{len(stored)}".encode()).hexdigest()[:16]
        item = DropObject(
            key=key, version_id=version, size=len(body or b""), last_modified=self.clock()
        )
        stored.append((item, body))
        self.journal.append((what, key))


@dataclass
class FakeLedger:
    runs: dict[str, RunRecord] = field(default_factory=dict)
    relieved_at: datetime | None = None

    def admit(self, record: RunRecord) -> RunRecord:
        return self.runs.setdefault(record.run_id, record)

    def mark_started(self, run_id: str, at: datetime) -> None:
        self._set(run_id, started_at=at)

    def run(self, run_id: str) -> RunRecord | None:
        return self.runs.get(run_id)

    def recent(self, limit: int) -> list[RunRecord]:
        whole = (run for run in self.runs.values() if run.point is None)
        newest = sorted(whole, key=lambda run: run.admitted_at, reverse=True)
        return [run.model_copy(update={"attempts": ()}) for run in newest[:limit]]

    def since(self, at: datetime) -> list[RunRecord]:
        newest = sorted(self.runs.values(), key=lambda run: run.admitted_at, reverse=True)
        return [run.model_copy(update={"attempts": ()}) for run in newest if run.admitted_at >= at]

    def open_runs(self) -> Iterator[RunRecord]:
        for run in list(self.runs.values()):
            if run.closed_at is None:
                yield run.model_copy(update={"attempts": ()})

    def advance(self, run_id: str, state: RunState, **known: object) -> bool:
        if not self._is_open(run_id):
            return False
        given = {name: value for name, value in known.items() if value is not None}
        self._set(run_id, state=state, **given)
        return True

    def express(self, run_id: str, wish: Wish, at: datetime) -> bool:
        if not self._is_open(run_id) or self._is_steered_since(run_id, at):
            return False
        self._set(run_id, wish=wish, steered_at=at)
        return True

    def begin_round(
        self, record: RunRecord, at: datetime, wish: Wish | None = None, **change: object
    ) -> bool:
        run = self.runs[record.run_id]
        steered_at = change.get("steered_at")
        late = isinstance(steered_at, datetime) and self._is_steered_since(run.run_id, steered_at)
        if run.round != record.round or late or (wish is not None and run.closed_at is not None):
            return False
        begun = {"state": RunState.RUNNING, "round": record.round + 1, "started_at": at}
        known = {name: value for name, value in change.items() if value is not None}
        self._set(run.run_id, **begun, closed_at=None, cost=None, wish=wish, **known)
        return True

    def plan(self, run_id: str, attempt: AttemptRecord) -> bool:
        run = self.runs[run_id]
        if run.attempt(attempt.number) is not None:
            return False
        self._set(run_id, attempts=(*run.attempts, attempt))
        return True

    def record_verdict(self, run_id: str, attempt: AttemptRecord) -> bool:
        run = self.runs[run_id]
        planned = run.attempt(attempt.number)
        if planned is None or planned.verdict is not None:
            return False
        attempts = (attempt if item.number == attempt.number else item for item in run.attempts)
        self._set(run_id, attempts=tuple(attempts))
        return True

    def close(self, run_id: str, state: RunState, reason: str, at: datetime) -> RunRecord:
        if run_id not in self.runs:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        if self._is_open(run_id):
            self._set(run_id, state=state, reason=reason, closed_at=at)
        return self.runs[run_id]

    def record_cost(self, run_id: str, cost: float) -> None:
        self._set(run_id, cost=cost)

    def _is_steered_since(self, run_id: str, at: datetime) -> bool:
        steered_at = self.runs[run_id].steered_at
        return steered_at is not None and steered_at >= at

    def record_projected_cost(self, run_id: str, cost: float) -> None:
        self._set(run_id, projected_cost=cost)

    def begin_relief(self, at: datetime, again_after: timedelta) -> bool:
        if self.relieved_at is not None and self.relieved_at >= at - again_after:
            return False
        self.relieved_at = at
        return True

    def _is_open(self, run_id: str) -> bool:
        return run_id in self.runs and self.runs[run_id].closed_at is None

    def _set(self, run_id: str, **change: object) -> None:
        if run_id in self.runs:
            self.runs[run_id] = self.runs[run_id].model_copy(update=change)


@dataclass
class FakeExecutions:
    """`started` are run and drop by the execution's name; one without an end runs."""

    started: dict[str, tuple[str, str]] = field(default_factory=dict)
    ends: dict[str, ExecutionEnd] = field(default_factory=dict)
    error: Exception | None = None
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 21, tzinfo=UTC)

    def start(self, name: str, run_id: str, drop: str) -> bool:
        if self.error is not None:
            raise self.error
        if name in self.started:
            return False
        self.started[name] = (run_id, drop)
        return True

    def stop(self, name: str, reason: str) -> bool:
        if name not in self.started:
            return False
        self.ends.setdefault(name, ExecutionEnd("ABORTED", self.clock()))
        return True

    def running(self) -> set[str]:
        return self.started.keys() - self.ends.keys()

    def is_running(self, name: str) -> bool:
        return name in self.running()

    def end(self, name: str) -> ExecutionEnd | None:
        return self.ends.get(name)


@dataclass
class FakeQueue:
    delayed: list[tuple[str, timedelta]] = field(default_factory=list)

    put: list[str] = field(default_factory=list)
    """The bodies that were put back; `error` is raised instead of the next one."""
    error: Exception | None = None

    def look_again(self, drop: str, delay: timedelta) -> None:
        self.delayed.append((drop, delay))

    def put_back(self, body: str) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
        self.put.append(body)


@dataclass
class FakePace:
    """What was asked of it, in order."""

    asked: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.asked.append("begin")

    def await_turn(self) -> None:
        self.asked.append("turn")


@dataclass
class FakeDeadLetters:
    letters: list[DeadLetter] = field(default_factory=list)
    taken: list[DeadLetter] = field(default_factory=list)

    def take(self) -> Iterator[DeadLetter]:
        while self.letters:
            self.taken.append(self.letters.pop(0))
            yield self.taken[-1]

    def taken_by_others(self) -> int:
        return len(self.taken)

    def release(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            if letter in self.taken:
                self.taken.remove(letter)
                self.letters.append(letter)

    def remove(self, letter: DeadLetter) -> None:
        self.taken.remove(letter)


@dataclass
class FakeFunctions:
    handed: list[tuple[str, str]] = field(default_factory=list)

    def hand_over(self, function: str, payload: str) -> None:
        self.handed.append((function, payload))


@dataclass
class FakeTopic:
    """`error` is raised once, by the next publish. `mails` are all that went out, in order."""

    mails: list[Message | Digest] = field(default_factory=list)
    error: Exception | None = None

    @property
    def messages(self) -> list[Message]:
        return [item for item in self.mails if isinstance(item, Message)]

    @property
    def digests(self) -> list[Digest]:
        return [item for item in self.mails if isinstance(item, Digest)]

    def publish(self, message: Message | Digest) -> None:
        error, self.error = self.error, None
        if not isinstance(error, MessageNotSentError):
            self.mails.append(message)
        if error is not None:
            raise error


@dataclass
class FakeSubscriptions:
    """Addresses in `refused` cannot be asked."""

    asked: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def ensure(self, address: str) -> None:
        self.asked.append(address)
        if address in self.refused:
            raise SubscriptionError("no such place")


class Way(StrEnum):
    """How far a message has come."""

    FREE = "free"
    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"


@dataclass
class FakeOutbox:
    """`ways` has of each message what it is, how far it has come, and when it was last moved."""

    ways: dict[MessageKey, tuple[Message, Way, datetime]] = field(default_factory=dict)
    buckets: dict[datetime, int] = field(default_factory=dict)
    looked: datetime | None = None
    asked: dict[str, datetime] = field(default_factory=dict)

    def claim(self, message: Message, at: datetime) -> bool:
        if self.way(message.key) not in (None, Way.FREE):
            return False
        self.ways[message.key] = (message, Way.SENDING, at)
        return True

    def claim_again(self, unsent: Unsent, message: Message, at: datetime) -> bool:
        _, way, moved_at = self.ways[message.key]
        if way not in (Way.FREE, Way.SENDING) or moved_at != unsent.at:
            return False
        self.ways[message.key] = (message, Way.SENDING, at)
        return True

    def release(self, key: MessageKey, at: datetime) -> None:
        self._move(key, Way.SENDING, Way.FREE, at)

    def wait(self, key: MessageKey) -> None:
        self._move(key, Way.SENDING, Way.WAITING)

    def take(self, key: MessageKey, at: datetime) -> bool:
        return self._move(key, Way.WAITING, Way.SENDING, at)

    def mark_sent(self, key: MessageKey, at: datetime) -> None:
        way = self.way(key)
        if way is not None:
            self._move(key, way, Way.SENT)

    def is_taken(self, key: MessageKey) -> bool:
        return self.way(key) not in (None, Way.FREE)

    def unsent(self, before: datetime) -> Iterator[Unsent]:
        for message, way, at in list(self.ways.values()):
            if way in (Way.FREE, Way.SENDING) and at < before:
                yield Unsent(message, at, way is Way.SENDING)

    def waiting(self, before: datetime) -> Iterator[Message]:
        for message, way, at in sorted(self.ways.values(), key=lambda item: item[2]):
            if way is Way.WAITING and at < before:
                yield message

    def count(self, bucket: datetime) -> int:
        newest = max([bucket, *self.buckets])
        self.buckets = {newest: self.buckets.get(newest, 0) + 1}
        return self.buckets[newest]

    def begin_look(self, bucket: datetime) -> bool:
        if self.looked is not None and self.looked >= bucket:
            return False
        self.looked = bucket
        return True

    def begin_asking(self, address: str, at: datetime, again_after: timedelta) -> bool:
        if address in self.asked and self.asked[address] >= at - again_after:
            return False
        self.asked[address] = at
        return True

    def stop_asking(self, address: str) -> None:
        self.asked.pop(address, None)

    def way(self, key: MessageKey) -> Way | None:
        return self.ways[key][1] if key in self.ways else None

    def _move(self, key: MessageKey, old: Way, new: Way, at: datetime | None = None) -> bool:
        if self.way(key) is not old:
            return False
        message, _, moved_at = self.ways[key]
        self.ways[key] = (message, new, at or moved_at)
        return True


def telling(
    topic: Topic,
    outbox: Outbox | None = None,
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 21, 12, tzinfo=UTC),
) -> Tell:
    """People are told at once of whatever a test lets happen."""
    return Tell(outbox or FakeOutbox(), topic, FakeSubscriptions(), clock, direct=1000)


@dataclass
class FakeJobs:
    by_id: dict[str, Job] = field(default_factory=dict)
    by_name: dict[str, Job] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    queues: dict[str, str] = field(default_factory=dict)
    arrays: set[str] = field(default_factory=set)

    def describe(self, job_id: str) -> Job | None:
        self.asked.append(job_id)
        return self.by_id.get(job_id)

    def find(self, name: str) -> Job | None:
        self.asked.append(name)
        return self.by_name.get(name)

    def described(self, job_ids: Sequence[str]) -> dict[str, Job]:
        self.asked += job_ids
        return {job_id: self.by_id[job_id] for job_id in job_ids if job_id in self.by_id}

    def child(self, array: str, index: int) -> Job | None:
        parent = self.find(array)
        return self.describe(child_name(parent.job_id, index)) if parent else None

    def ended_children(self, array_id: str) -> set[int]:
        mine = f"{array_id}:"
        return {
            int(job_id.removeprefix(mine))
            for job_id, job in self.by_id.items()
            if job_id.startswith(mine) and not job.is_live
        }

    def live(self) -> Iterator[LiveJob]:
        for name, job in self.by_name.items():
            if job.is_live:
                created = datetime.fromtimestamp((job.created_at or 0) / 1000, UTC)
                queue, is_array = self.queues.get(name, "spot"), name in self.arrays
                reason = job.status_reason
                yield LiveJob(job.job_id, name, queue, job.status, created, reason, is_array)

    def put_array(self, name: str, *children: Job, queue: str = "spot") -> str:
        """An array of these children, which get ids of their own; the array's id."""
        array_id = f"array-{len(self.arrays)}"
        status = "PENDING" if any(child.is_live for child in children) else "FAILED"
        whole = Job(JobId=array_id, Status=status)
        self.arrays.add(name)
        self.by_name[name] = self.by_id[array_id] = whole
        self.queues[name] = queue
        for index, child in enumerate(children):
            job_id, known_as = child_name(array_id, index), child_name(name, index)
            mine = child.model_copy(update={"job_id": job_id})
            self.by_id[job_id] = self.by_name[known_as] = mine
            self.queues[known_as] = queue
        return array_id

    def terminate(self, job_id: str, reason: str) -> None:
        self.terminated.append(job_id)
        self.reasons.append(reason)


@dataclass
class FakePrices:
    """Answers what it was given, and counts how often it was asked."""

    prices: dict[PriceKey, float] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    asked: int = 0

    def price(self, key: PriceKey, at: datetime) -> float | None:
        self.asked += 1
        return self.prices.get(key)

    def machine(self, instance_type: str) -> Machine | None:
        self.asked += 1
        return self.machines.get(instance_type)


@dataclass
class FakeMeasures:
    prices: dict[PriceKey, Price] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    speeds: dict[tuple[SpeedKey, datetime, str, int], Measurement] = field(default_factory=dict)

    def price(self, key: PriceKey) -> Price | None:
        return self.prices.get(key)

    def keep_price(self, key: PriceKey, price: Price) -> None:
        self.prices[key] = price

    def machine(self, instance_type: str) -> Machine | None:
        return self.machines.get(instance_type)

    def keep_machine(self, instance_type: str, machine: Machine) -> None:
        self.machines[instance_type] = machine

    def newest(self, key: SpeedKey, limit: int) -> list[Measurement]:
        mine = [item for item in self.speeds if item[0] == key]
        ordered = sorted(mine, key=lambda item: item[1:], reverse=True)
        return [self.speeds[item] for item in ordered[:limit]]

    def keep(self, key: SpeedKey, attempt: int, at: datetime, measured: Measurement) -> None:
        self.speeds[key, at, measured.run_id, attempt] = measured


@dataclass
class FakePreflight:
    """Answers `report`, and keeps what it was shown: files' sizes, the deck's text, variables.

    `reports` are for the variables that they name, the last ones given.
    """

    report: CheckReport = field(default_factory=lambda: CheckReport(contract=Contract.EXACT))
    seen: dict[str, int] = field(default_factory=dict)
    text: str = ""
    variables: Mapping[str, Values] = field(default_factory=dict)
    reports: dict[str, CheckReport] = field(default_factory=dict)
    accelerator: Accelerator | None = None

    def __call__(
        self,
        root: Path,
        deck: str,
        variables: Mapping[str, Values],
        accelerator: Accelerator | None,
    ) -> CheckReport:
        self.variables, self.accelerator = variables, accelerator
        files = (path for path in root.rglob("*") if path.is_file())
        self.seen = {str(path.relative_to(root)): path.stat().st_size for path in files}
        self.text = decode((root / deck).read_bytes())
        told = ", ".join(f"{name}={value}" for name, value in variables.items())
        named = (report for end, report in self.reports.items() if told.endswith(end))
        return next(named, self.report)


@dataclass
class FakeDryRunner:
    """Answers `found`, counts how often it was asked, and keeps the variables it was given."""

    found: DryRun
    asked: int = 0
    variables: Mapping[str, Values] = field(default_factory=dict)

    def __call__(self, root: Path, deck: str, variables: Mapping[str, Values]) -> DryRun:
        self.variables = variables
        assert (root / deck).is_file()
        self.asked += 1
        return self.found
