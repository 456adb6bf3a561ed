"""The command line as a person meets it: what it does, what it prints, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deckhand.cli import place
from deckhand.cli.app import app
from deckhand.cli.upload import plan_upload
from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.keys import CheckpointId
from deckhand.domain.run import RunState
from deckhand.domain.status import Phase
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
from tests.unit.cli.conftest import Deployed, make_stack


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    folder = tmp_path / "melt"
    (folder / "data").mkdir(parents=True)
    (folder / "in.melt").write_text("run 10\n")
    (folder / "data" / "chains.data").write_text("atoms\n")
    (folder / ".in.melt.swp").write_text("an editor's\n")
    return folder


@pytest.fixture(autouse=True)
def _no_local_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(place.LOCAL_STATES, str(tmp_path / "none"))


def add_run(deployed: Deployed, **change: Any) -> None:
    attempts = change.pop("attempts", ())
    deployed.ledger.admit(run_record(**change))
    for attempt in attempts:
        deployed.ledger.plan(change.get("run_id", RUN), attempt)


def test_submit_uploads_the_folder_and_names_the_run(deployed: Deployed, deck: Path) -> None:
    result = deployed.type("submit", str(deck))
    assert result.exit_code == 0, result.output
    assert set(deployed.inbox.sizes("")) == {"inbox/melt/in.melt", "inbox/melt/data/chains.data"}
    assert "The run will be melt-" in result.output
    assert "--follow" in result.output


def test_the_same_upload_again_is_another_run(deployed: Deployed, deck: Path) -> None:
    first, second = (deployed.type("submit", str(deck)).output for _ in range(2))
    assert first != second


def test_what_triggers_is_uploaded_last(deck: Path) -> None:
    (deck / "zeta.data").write_text("atoms\n")
    assert list(plan_upload(deck).files) == ["data/chains.data", "zeta.data", "in.melt"]


@pytest.mark.parametrize(
    ("file", "name"),
    [("in.melt", "melt"), ("melt.in", "melt"), ("melt.tar.gz", "melt"), ("Melt.ZIP", "Melt")],
)
def test_a_single_file_names_its_drop(
    deployed: Deployed, tmp_path: Path, file: str, name: str
) -> None:
    (tmp_path / file).write_text("run 10\n")
    assert deployed.type("submit", str(tmp_path / file)).exit_code == 0
    assert list(deployed.inbox.sizes("")) == [f"inbox/{name}/{file}"]


def test_a_drop_can_be_given_a_name(deployed: Deployed, deck: Path) -> None:
    assert deployed.type("submit", str(deck), "--name", "second try").exit_code == 0
    assert "inbox/second try/in.melt" in deployed.inbox.sizes("")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), "is empty"),
        (("notes.txt",), "no LAMMPS input script"),
        (("in.a", "in.b"), "2 decks"),
    ],
)
def test_what_cannot_become_a_run_is_not_uploaded(
    deployed: Deployed, tmp_path: Path, files: tuple[str, ...], expected: str
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    for file in files:
        (folder / file).write_text("x\n")
    result = deployed.type("submit", str(folder))
    assert (result.exit_code, deployed.inbox.sizes("")) == (1, {})
    assert expected in result.output
    assert "Traceback" not in result.output


def test_a_path_that_is_not_there(deployed: Deployed) -> None:
    result = deployed.type("submit", "nowhere")
    assert result.exit_code == 1
    assert result.output == "deckhand: There is no nowhere.\n"


def test_a_name_with_a_slash_is_refused(deployed: Deployed, deck: Path) -> None:
    result = deployed.type("submit", str(deck), "--name", "a/b")
    assert (result.exit_code, deployed.inbox.sizes("")) == (1, {})


def test_list_shows_the_newest_first(deployed: Deployed) -> None:
    add_run(deployed, run_id="old-0000000000000000")
    add_run(
        deployed,
        run_id="new-0000000000000000",
        admitted_at=ADMITTED + timedelta(hours=1),
        state=RunState.REJECTED,
        reason="in.melt, line 3: no such pair style",
        cost=1.5,
    )
    lines = deployed.type("list").output.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["new-0000000000000000", "rejected"],
        ["old-0000000000000000", "running"],
    ]
    assert "$1.50" in lines[1]
    assert "no such pair style" in lines[1]


def test_an_empty_list_says_what_to_do(deployed: Deployed) -> None:
    assert "deckhand submit" in deployed.type("list").output


def test_show_tells_where_a_run_is(deployed: Deployed) -> None:
    lost = ended_attempt(1, Verdict.INTERRUPTED, from_step=0, reached_step=40_000)
    add_run(deployed, attempts=(lost, attempt_record(2)))
    deployed.ledger.advance(RUN, RunState.RUNNING, deck="in.melt", total_steps=100_000)
    put_checkpoint(deployed.runs, manifest(39_000, 1))
    torn = keys.checkpoint_file(RUN, CheckpointId(57_000, 2), "restart.zst")
    deployed.runs.write(torn, b"half")
    put_status(
        deployed.runs,  # type: ignore[arg-type]
        2,
        phase=Phase.RUNNING,
        step=60_000,
        from_step=39_000,
        steps_per_second=2000.0,
        eta_seconds=20.0,
        stage=3,
        event="checkpoint at step 55,000 is verified",
        checkpoint_reason="every 60 s: it is best",
    )
    result = deployed.type("show", "melt")
    assert result.exit_code == 0, result.output
    for text in (
        "60,000 of 100,000 steps",
        "60 %",
        "attempt 2, spot queue: LAMMPS is running",
        "2,000 steps/s, 20 s to go, stage 3",
        "every 60 s: it is best",
        "checkpoint at step 55,000 is verified",
        "1 checkpoint at step 39,000",
        "a loss now would cost 21,000 steps, 10 s of computing: since step 39,000",
        "yes, verified",
        "no: it has no manifest",
        "interrupted: because",
        "so far",
    ):
        assert text in result.output


def test_follow_tells_the_end_and_fails_with_the_run(deployed: Deployed) -> None:
    add_run(deployed)
    deployed.ledger.close(RUN, RunState.FAILED, "LAMMPS says: no.", ADMITTED)
    result = deployed.type("show", RUN, "--follow")
    assert result.exit_code == 1
    assert "the run is failed. LAMMPS says: no." in result.output


def test_follow_of_a_completed_run_is_a_success(deployed: Deployed) -> None:
    done = ended_attempt(1, Verdict.COMPLETED, from_step=0, reached_step=10)
    add_run(deployed, attempts=(done,))
    deployed.ledger.close(RUN, RunState.COMPLETED, "The deck reached its end.", ADMITTED)
    result = deployed.type("show", RUN, "--follow")
    assert result.exit_code == 0
    lines = [line.split("  ", 1)[-1] for line in result.output.splitlines()]
    assert lines.index("attempt 1 completed: because") < lines.index(
        "the run is completed. The deck reached its end."
    )


def test_an_unknown_run_says_how_to_find_the_known_ones(deployed: Deployed) -> None:
    result = deployed.type("show", "nobody")
    assert result.exit_code == 1
    assert "deckhand list" in result.output


def test_results_are_downloaded(deployed: Deployed, tmp_path: Path) -> None:
    add_run(deployed)
    deployed.runs.write(keys.result(RUN, "log.lammps"), b"Step\n")
    deployed.runs.write(keys.result(RUN, "out/melt.lammpstrj"), b"ITEM\n")
    result = deployed.type("results", "melt", str(tmp_path / "here"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "here" / "log.lammps").read_bytes() == b"Step\n"
    assert (tmp_path / "here" / "out" / "melt.lammpstrj").read_bytes() == b"ITEM\n"
    assert not list((tmp_path / "here").rglob("*.partial"))


def test_a_result_that_would_leave_the_folder_is_refused(
    deployed: Deployed, tmp_path: Path
) -> None:
    add_run(deployed)
    deployed.runs.write(keys.result(RUN, "../escaped"), b"x")
    assert deployed.type("results", RUN, str(tmp_path / "here")).exit_code == 1
    assert not (tmp_path / "escaped").exists()


def test_results_that_are_not_there_yet(deployed: Deployed) -> None:
    add_run(deployed)
    result = deployed.type("results", RUN)
    assert result.exit_code == 1
    assert "no results yet" in result.output


def test_a_stack_that_is_not_there(deployed: Deployed) -> None:
    result = CliRunner().invoke(app, ["list", "--stack", "elsewhere"])
    assert result.exit_code == 1
    assert "There is no stack elsewhere in us-east-2" in result.output


def test_somebody_elses_stack(aws: Callable[[str], Any]) -> None:
    name = make_stack(aws("cloudformation"), {"Other": "x"})
    result = CliRunner().invoke(app, ["list", "--stack", name])
    assert result.exit_code == 1
    assert "not one of Deckhand's" in result.output


def test_the_environment_names_the_stack(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECKHAND_STACK", deployed.name)
    assert CliRunner().invoke(app, ["list"]).exit_code == 0


@pytest.mark.parametrize("words", [["show"], ["list", "--limit", "0"], ["frobnicate"]])
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


def test_interrupting_without_a_local_cloud() -> None:
    result = CliRunner().invoke(app, ["local", "interrupt", RUN, "--loss"])
    assert result.exit_code == 1
    assert "deckhand local up" in result.output
