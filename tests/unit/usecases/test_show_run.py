"""What people see of runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deckhand.domain import keys
from deckhand.domain.errors import LedgerError
from deckhand.domain.keys import CheckpointId
from deckhand.usecases.list_runs import list_runs
from deckhand.usecases.show_run import show_run
from tests.fakes import FakeBucket, FakeLedger
from tests.makers import (
    ADMITTED,
    RUN,
    attempt_record,
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
    assert (view.status.step, view.checkpoints) == (
        4200,
        (CheckpointId(4000, 2), CheckpointId(10, 1)),
    )
    assert view.results == {"log.lammps": 5}


def test_a_run_without_an_attempt_has_no_status() -> None:
    view = show_run(FakeBucket(), FakeLedger({RUN: run_record()}), RUN)
    assert (view.status, view.checkpoints, view.results) == (None, (), {})


def test_an_unknown_run_says_how_to_find_the_known_ones() -> None:
    with pytest.raises(LedgerError, match="deckhand list"):
        show_run(FakeBucket(), FakeLedger(), "nobody")


def test_runs_are_listed_newest_first() -> None:
    records = [
        run_record(run_id=f"run-{n}", admitted_at=ADMITTED + timedelta(hours=n)) for n in range(5)
    ]
    ledger = FakeLedger({record.run_id: record for record in records})
    assert [run.run_id for run in list_runs(ledger, 2)] == ["run-4", "run-3"]
