"""The ports in memory; the adapters' contract tests run on these as well."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deckhand.domain.attempt import AttemptRecord, Job
from deckhand.domain.deck import DropObject
from deckhand.domain.errors import LedgerError, MessageNotSentError, StorageError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import Message
from deckhand.domain.parts import MIN_PART, Part, Range
from deckhand.domain.run import CheckReport, Contract, DryRun, RunState
from deckhand.lammps.script import decode
from deckhand.usecases.ports import Bucket

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

    def admit(self, record: RunRecord) -> RunRecord:
        return self.runs.setdefault(record.run_id, record)

    def mark_started(self, run_id: str, at: datetime) -> None:
        self._set(run_id, started_at=at)

    def run(self, run_id: str) -> RunRecord | None:
        return self.runs.get(run_id)

    def recent(self, limit: int) -> list[RunRecord]:
        newest = sorted(self.runs.values(), key=lambda run: run.admitted_at, reverse=True)
        return [run.model_copy(update={"attempts": ()}) for run in newest[:limit]]

    def advance(
        self, run_id: str, state: RunState, deck: str | None = None, total_steps: int | None = None
    ) -> bool:
        if not self._is_open(run_id):
            return False
        known = {"deck": deck, "total_steps": total_steps}
        given = {name: value for name, value in known.items() if value is not None}
        self._set(run_id, state=state, **given)
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

    def claim_message(self, run_id: str, at: datetime) -> bool:
        if run_id not in self.runs or self.runs[run_id].message_at is not None:
            return False
        self._set(run_id, message_at=at)
        return True

    def release_message(self, run_id: str) -> None:
        self._set(run_id, message_at=None)

    def _is_open(self, run_id: str) -> bool:
        return run_id in self.runs and self.runs[run_id].closed_at is None

    def _set(self, run_id: str, **change: object) -> None:
        if run_id in self.runs:
            self.runs[run_id] = self.runs[run_id].model_copy(update=change)


@dataclass
class FakeExecutions:
    started: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def start(self, run_id: str, drop: str) -> bool:
        if self.error is not None:
            raise self.error
        if run_id in self.started:
            return False
        self.started[run_id] = drop
        return True


@dataclass
class FakeQueue:
    delayed: list[tuple[str, timedelta]] = field(default_factory=list)

    def look_again(self, drop: str, delay: timedelta) -> None:
        self.delayed.append((drop, delay))


@dataclass
class FakeTopic:
    """`error` is raised once, by the next publish."""

    messages: list[Message] = field(default_factory=list)
    error: Exception | None = None

    def publish(self, message: Message) -> None:
        error, self.error = self.error, None
        if error is not None:
            if not isinstance(error, MessageNotSentError):
                self.messages.append(message)
            raise error
        self.messages.append(message)


@dataclass
class FakeJobs:
    by_id: dict[str, Job] = field(default_factory=dict)
    by_name: dict[str, Job] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)

    def describe(self, job_id: str) -> Job | None:
        self.asked.append(job_id)
        return self.by_id.get(job_id)

    def find(self, name: str) -> Job | None:
        self.asked.append(name)
        return self.by_name.get(name)

    def terminate(self, job_id: str, reason: str) -> None:
        self.terminated.append(job_id)


@dataclass
class FakePreflight:
    """Answers `report`, and keeps what it was shown: the files' sizes, and the deck's text."""

    report: CheckReport = field(default_factory=lambda: CheckReport(contract=Contract.EXACT))
    seen: dict[str, int] = field(default_factory=dict)
    text: str = ""

    def __call__(self, root: Path, deck: str) -> CheckReport:
        files = (path for path in root.rglob("*") if path.is_file())
        self.seen = {str(path.relative_to(root)): path.stat().st_size for path in files}
        self.text = decode((root / deck).read_bytes())
        return self.report


@dataclass
class FakeDryRunner:
    """Answers `found`, and counts how often it was asked."""

    found: DryRun
    asked: int = 0

    def __call__(self, root: Path, deck: str) -> DryRun:
        assert (root / deck).is_file()
        self.asked += 1
        return self.found
