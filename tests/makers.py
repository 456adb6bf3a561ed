"""Records, manifests and jobs for tests, with only what a test cares about spelled out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, Output, OutputKind, Piece, Segment, StoredFile
from deckhand.domain.message import Event, Message, MessageSeverity
from deckhand.domain.profile import Profile
from deckhand.domain.run import Contract, InputFile, Run, RunState
from deckhand.domain.status import Phase, Status
from deckhand.lammps.errors import Place
from deckhand.lammps.journal import Journal
from deckhand.lammps.script import words
from tests.fakes import FakeBucket

RUN = "melt-0123456789abcdef"
DROP = "inbox/melt/"
ADMITTED = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def run_record(**change: Any) -> RunRecord:
    given = {"run_id": RUN, "drop": DROP, "state": RunState.RUNNING, "admitted_at": ADMITTED}
    return RunRecord(**{**given, **change})


PROFILES = {
    "standard": Profile(
        spot_queues=("spot",),
        on_demand_queues=("on-demand",),
        gpus=1,
        vcpus=4,
        memory_mib=14336,
        on_demand_vcpus=8,
    )
}


def admitted_run(**change: Any) -> Run:
    deck = InputFile(path="in.melt", version_id="1", size=6, sha256="1" * 64)
    given = {"deck": "in.melt", "inputs": (deck,), "contract": Contract.EXACT}
    return Run(run_id=RUN, drop=DROP, admitted_at=ADMITTED, **{**given, **change})


def put_run(bucket: Any, **change: Any) -> Run:
    """Write run.json as the check of the deck does."""
    run = admitted_run(**change)
    bucket.write(keys.run_record(RUN), run.model_dump_json().encode())
    return run


def attempt_record(number: int, **change: Any) -> AttemptRecord:
    given = {
        "number": number,
        "market": Market.SPOT,
        "planned_at": ADMITTED,
        "timeout_seconds": 3600,
    }
    return AttemptRecord(**{**given, **change})


def ended_attempt(
    number: int, verdict: Verdict, hours: float = 1.0, **change: Any
) -> AttemptRecord:
    times = {"started_at": ADMITTED, "stopped_at": ADMITTED + timedelta(hours=hours)}
    return attempt_record(number, verdict=verdict, reason="because", **{**times, **change})


def message(run_id: str = RUN, **change: Any) -> Message:
    given = {
        "event": Event.RUN_FAILED,
        "severity": MessageSeverity.ACTION,
        "occasion": "1",
        "subject": f"Deckhand: {run_id} failed",
        "body": "What happened: much.\n",
    }
    return Message(run_id=run_id, **{**given, **change})


def output(path: str, *contents: bytes, kind: OutputKind = OutputKind.APPEND) -> Output:
    begin, pieces = 0, []
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        pieces.append(Piece(begin=begin, size=len(content), sha256=sha256))
        begin += len(content)
    return Output(path=path, kind=kind, pieces=tuple(pieces))


def piece_key(attempt: int, path: str, begin: int, content: bytes) -> str:
    return keys.output_piece(RUN, attempt, path, begin, hashlib.sha256(content).hexdigest())


def put_output(bucket: Any, attempt: int, path: str, *contents: bytes, **kind: Any) -> Output:
    """Write the pieces of an output of an attempt as the runner does."""
    made = output(path, *contents, **kind)
    for piece, content in zip(made.pieces, contents, strict=True):
        bucket.write(keys.output_piece(RUN, attempt, path, piece.begin, piece.sha256), content)
    return made


def manifest(step: int, attempt: int, *segments: Segment, parent: str | None = None) -> Manifest:
    return Manifest(
        run_id=RUN,
        step=step,
        time_step=step,
        attempt=attempt,
        parent=parent,
        created_at=ADMITTED,
        files=(StoredFile(name="restart.zst", size=4, sha256="0" * 64),),
        lammps_version="22 Jul 2025",
        lammps_flags=(),
        segments=segments or (Segment(attempt=attempt, from_step=0, to_step=step),),
    )


def put_checkpoint(bucket: Any, made: Manifest) -> CheckpointId:
    """Write a checkpoint as the runner does, the manifest last."""
    for file in made.files:
        bucket.write(keys.checkpoint_file(RUN, made.checkpoint_id, file.name), b"x" * file.size)
    bucket.write(keys.manifest(RUN, made.checkpoint_id), made.model_dump_json().encode())
    return made.checkpoint_id


def put_completion(bucket: Any, made: Manifest) -> None:
    done = made.model_copy(update={"files": ()})
    bucket.write(keys.completion(RUN, made.attempt), done.model_dump_json().encode())


def put_status(bucket: FakeBucket, number: int, **change: Any) -> Status:
    given = {
        "run_id": RUN,
        "attempt": number,
        "phase": Phase.ENDED,
        "started_at": ADMITTED,
        "updated_at": ADMITTED + timedelta(hours=1),
    }
    status = Status(**{**given, **change})
    bucket.write(keys.status(RUN, number), status.model_dump_json().encode())
    return status


def job(**change: Any) -> dict[str, Any]:
    """A Batch job in the PascalCase of a Cause; `ExitCode` and `Reason` go to its attempt."""
    container = {name: change.pop(name) for name in ("ExitCode", "Reason") if name in change}
    ran = {
        "Container": container,
        "StatusReason": change.pop("AttemptStatusReason", ""),
        "StartedAt": 1_700_000_000_000,
        "StoppedAt": 1_700_003_600_000,
    }
    given = {"JobId": "job-1", "Status": "FAILED", "StatusReason": "", "Attempts": [ran]}
    return {**given, **change}


def journal_of(*commands: str) -> Journal:
    """The journal of a deck that has made its box and then given these commands."""
    journal = Journal(deck="in.deck", box=True)
    for text in commands:
        journal.record(words(text), text, Place("in.deck", 1))
    return journal
