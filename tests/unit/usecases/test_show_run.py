"""What people see of runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.errors import LedgerError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.status import Phase
from deckhand.usecases.list_runs import list_runs
from deckhand.usecases.show_run import show_run
from tests.fakes import FakeBucket, FakeLedger
from tests.makers import (
    ADMITTED,
    RUN,
    attempt_record,
    ended_attempt,
    manifest,
    put_checkpoint,
    put_status,
    run_record,
)


def test_a_run_is_shown_with_what_its_newest_attempt_says() -> None:
    runs = FakeBucket()
    ledger = FakeLedger({RUN: run_record(attempts=(attempt_record(1), attempt_record(2)))})
    put_status(runs, 1, step=10)
    put_status(runs, 2, step=4200)
    put_checkpoint(runs, manifest(10, 1))
    put_checkpoint(runs, manifest(4000, 2))
    runs.write(keys.result(RUN, "log.lammps"), b"12345")
    view = show_run(runs, ledger, RUN)
    assert view.status is not None
    assert (view.status.step, view.verified) == (
        4200,
        (CheckpointId(4000, 2), CheckpointId(10, 1)),
    )
    assert view.results == {"log.lammps": 5}


def test_a_run_without_an_attempt_has_no_status() -> None:
    view = show_run(FakeBucket(), FakeLedger({RUN: run_record()}), RUN)
    assert (view.status, view.checkpoints, view.results) == (None, (), {})


def test_a_checkpoint_that_cannot_be_trusted_is_shown_with_its_flaw() -> None:
    runs = FakeBucket()
    torn, future, moved, lost, whole = (manifest(step, 1) for step in (500, 400, 300, 200, 100))
    for made in (torn, future, moved, lost, whole):
        put_checkpoint(runs, made)
    file = keys.checkpoint_file(RUN, torn.checkpoint_id, "restart.zst")
    runs.write(file, b"xx")
    runs.write(keys.manifest(RUN, future.checkpoint_id), b'{"schema_version": 2}')
    runs.write(keys.manifest(RUN, moved.checkpoint_id), torn.model_dump_json().encode())
    runs.delete([keys.checkpoint_file(RUN, lost.checkpoint_id, "restart.zst")])
    runs.write(keys.checkpoint_file(RUN, CheckpointId(600, 2), "journal.json"), b"12345")
    view = show_run(runs, FakeLedger({RUN: run_record()}), RUN)
    expected = (
        (600, "it has no manifest"),
        (500, "restart.zst should have 4 bytes, but has 2"),
        (400, "not a manifest of schema 1"),
        (300, "its manifest is that of checkpoint 000000000500-a1"),
        (200, "restart.zst should have 4 bytes, but has none"),
        (100, ""),
    )
    assert [item.checkpoint_id.step for item in view.checkpoints] == [s for s, _ in expected]
    for item, (_, flaw) in zip(view.checkpoints, expected, strict=True):
        assert item.flaw.startswith(flaw)
        assert item.verified is (flaw == "")
    assert view.verified == (CheckpointId(100, 1),)
    assert view.checkpoints[0].size == 5
    assert view.checkpoints[-1].size == 4 + len(whole.model_dump_json())


def test_only_a_living_attempt_has_something_to_lose() -> None:
    runs = FakeBucket()
    ledger = FakeLedger({RUN: run_record(attempts=(attempt_record(1),))})
    put_status(runs, 1, phase=Phase.RUNNING, step=4200)
    put_checkpoint(runs, manifest(4000, 1))
    loss = show_run(runs, ledger, RUN).loss
    assert loss is not None
    assert (loss.steps, loss.kept) == (200, CheckpointId(4000, 1))
    ended = run_record(attempts=(ended_attempt(1, Verdict.INTERRUPTED),))
    assert show_run(runs, FakeLedger({RUN: ended}), RUN).loss is None


def test_an_unknown_run_says_how_to_find_the_known_ones() -> None:
    with pytest.raises(LedgerError, match="deckhand list"):
        show_run(FakeBucket(), FakeLedger(), "nobody")


def test_runs_are_listed_newest_first() -> None:
    records = [
        run_record(run_id=f"run-{n}", admitted_at=ADMITTED + timedelta(hours=n)) for n in range(5)
    ]
    ledger = FakeLedger({record.run_id: record for record in records})
    assert [run.run_id for run in list_runs(ledger, 2)] == ["run-4", "run-3"]
