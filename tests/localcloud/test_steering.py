"""A person's hand on the wheel, and the reaper's, on the real stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from deckhand.usecases.judge_attempt import read_status
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import DUMP_EVERY, SOUND, STEPS, changed

LONG_STEPS = 600_000
LONG = changed("run", f"run {LONG_STEPS}").replace(
    f"atom {DUMP_EVERY} ".encode(), f"atom {LONG_STEPS // 20} ".encode()
)


def at_work(stack: Deployed, path: str) -> RunRecord:
    """A run whose attempt has begun to compute."""
    record = stack.in_state(path, RunState.RUNNING)

    def computes() -> RunRecord | None:
        now = stack.ledger.run(record.run_id)
        assert now is not None
        assert not now.state.is_final, f"{now.state.value}: {now.reason}"
        attempt = now.open_attempt
        status = read_status(stack.runs, now.run_id, attempt.number) if attempt else None
        return now if status and status.step > 0 else None

    return wait_for(f"{record.run_id} at work", computes)


def frames(stack: Deployed, run_id: str, folder: Path) -> list[int]:
    """The time steps of the trajectory that `deckhand results` fetches."""
    stack.deckhand("results", run_id, str(folder))
    stack.deckhand("verify", str(folder))
    lines = (folder / "traj.lammpstrj").read_text().splitlines()
    return [int(lines[n + 1]) for n, line in enumerate(lines) if line == "ITEM: TIMESTEP"]


@pytest.fixture(scope="module")
def held(deployed: Deployed) -> RunRecord:
    deployed.put("held/in.long", LONG)
    record = at_work(deployed, "held/in.long")
    said = deployed.deckhand("hold", record.run_id)
    assert "writes its last checkpoint" in said
    return deployed.in_state("held/in.long", RunState.HELD)


def test_a_held_run_has_its_checkpoint_no_machine_and_one_message(
    deployed: Deployed, held: RunRecord
) -> None:
    [attempt] = held.attempts
    assert attempt.verdict is Verdict.CANCELLED
    assert attempt.checkpoint is not None
    [mail] = wait_for("the message", lambda: deployed.mails(held.run_id))
    assert mail["X-event"] == "run_held"
    assert f"deckhand resume {held.run_id}" in str(mail.get_content())
    assert "held" in deployed.deckhand("show", held.run_id)


def test_a_held_run_goes_on_where_it_stood_to_the_same_end(
    deployed: Deployed, held: RunRecord, tmp_path: Path
) -> None:
    deployed.deckhand("resume", held.run_id)
    wait_for("both messages", lambda: len(deployed.mails(held.run_id)) == 2)
    ended = deployed.in_state("held/in.long", RunState.COMPLETED)
    assert [item.verdict for item in ended.attempts] == [Verdict.CANCELLED, Verdict.COMPLETED]
    assert ended.attempts[1].resumed_from == held.attempts[0].checkpoint
    expected = list(range(0, LONG_STEPS + 1, LONG_STEPS // 20))
    assert frames(deployed, held.run_id, tmp_path) == expected


def test_a_run_is_stopped_by_a_file_and_keeps_what_it_has(
    deployed: Deployed, tmp_path: Path
) -> None:
    deployed.put("stopped/in.long", LONG)
    record = at_work(deployed, "stopped/in.long")
    deployed.put("stopped/STOP", b"")
    closed = deployed.closed("stopped/in.long")
    assert (closed.state, closed.run_id) == (RunState.CANCELLED, record.run_id)
    assert "stopped by its user" in closed.reason
    assert closed.attempts[-1].checkpoint is not None
    [mail] = deployed.mails(closed.run_id)
    assert mail["X-event"] == "run_cancelled"
    assert frames(deployed, closed.run_id, tmp_path)[0] == 0


def test_a_completed_run_is_extended_as_if_its_deck_went_on(
    deployed: Deployed, tmp_path: Path
) -> None:
    deployed.put("extended/in.tiny", SOUND)
    record = deployed.closed("extended/in.tiny")
    deployed.deckhand("extend", record.run_id, "--steps", "50")

    def extended() -> RunRecord | None:
        now = deployed.ledger.run(record.run_id)
        assert now is not None
        return now if now.round == 2 and now.state is RunState.COMPLETED else None

    again = wait_for("the extended run", extended)
    assert again.total_steps == STEPS + 50
    wait_for("its second message", lambda: len(deployed.mails(record.run_id)) == 2)
    assert frames(deployed, record.run_id, tmp_path) == [0, 50, 100, 150]


def test_a_run_is_run_once_more_under_a_name_of_its_own(deployed: Deployed) -> None:
    deployed.put("twice/in.tiny", SOUND)
    record = deployed.closed("twice/in.tiny")
    said = deployed.deckhand("rerun", record.run_id)

    def both() -> list[RunRecord]:
        runs = deployed.runs_of("twice/in.tiny")
        return runs if [run.state for run in runs] == [RunState.COMPLETED] * 2 else []

    other = next(run for run in wait_for("both", both) if run.run_id != record.run_id)
    assert other.run_id in said
    wait_for("its message", lambda: deployed.mails(other.run_id))
    trajectories = {
        deployed.runs.read(keys.result(run_id, "traj.lammpstrj"))
        for run_id in (record.run_id, other.run_id)
    }
    assert len(trajectories) == 1
    assert None not in trajectories


def test_what_cannot_be_done_is_one_line(deployed: Deployed) -> None:
    deployed.put("over/in.tiny", SOUND)
    record = deployed.closed("over/in.tiny")
    refused = deployed.deckhand_process("stop", record.run_id)
    assert refused.returncode == 1
    assert f"deckhand: {record.run_id} is over already: it is completed." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_run_whose_execution_was_lost_goes_on_with_its_machine(
    deployed: Deployed, tmp_path: Path
) -> None:
    """The execution fails while its job works on; the next one adopts the job."""
    deployed.put("orphaned/in.long", LONG)
    record = at_work(deployed, "orphaned/in.long")
    deployed.cloud.lose_execution(record.execution)
    wait_for("a reaper that takes it up", lambda: deployed.reap(record.run_id))
    closed = deployed.closed("orphaned/in.long")
    assert (closed.state, closed.round, len(closed.attempts)) == (RunState.COMPLETED, 2, 1)
    expected = list(range(0, LONG_STEPS + 1, LONG_STEPS // 20))
    assert frames(deployed, closed.run_id, tmp_path) == expected
