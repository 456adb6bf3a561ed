"""Verdicts from what Batch, the runner and S3 say, torn or whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Verdict, job_name, parse_job
from deckhand.domain.errors import LedgerError
from deckhand.domain.gpu import GpuUse
from deckhand.domain.run import RunState
from deckhand.domain.status import Ending, Status
from deckhand.usecases.judge_attempt import Accounts, Ended, JudgeAttempt, Judged, without_accounts
from tests.fakes import FakeBucket, FakeJobs, FakeLedger
from tests.makers import (
    RUN,
    attempt_record,
    job,
    manifest,
    put_checkpoint,
    put_completion,
    put_status,
    run_record,
)

LOST = "Host EC2 (instance i-0abc) terminated."


def failed(**change: Any) -> Ended:
    return Ended(error="States.TaskFailed", cause=json.dumps(job(**change)))


@dataclass
class World:
    runs: FakeBucket = field(default_factory=FakeBucket)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    ledger: FakeLedger = field(
        default_factory=lambda: FakeLedger({RUN: run_record(attempts=(attempt_record(1),))})
    )

    def judge(self, ended: Ended, number: int = 1, accounts: Accounts = without_accounts) -> Judged:
        return JudgeAttempt(self.runs, self.ledger, self.jobs, accounts)(RUN, number, ended)

    @property
    def recorded(self) -> AttemptRecord:
        return self.ledger.runs[RUN].attempts[-1]


@pytest.fixture
def world() -> World:
    return World()


def test_a_completed_attempt_closes_the_run(world: World) -> None:
    put_completion(world.runs, manifest(5000, 1))
    put_status(world.runs, 1, step=5000, ending=Ending.COMPLETED, job_id="job-1")
    judged = world.judge(Ended(job=job(ExitCode=0, Status="SUCCEEDED")))
    assert (judged.decision, judged.state) == ("close", RunState.COMPLETED)
    assert world.recorded.verdict is Verdict.COMPLETED
    assert world.recorded.seconds == 3600
    assert world.recorded.started_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_an_attempt_that_was_ended_before_its_run_was_resumed_does_not_end_it(world: World) -> None:
    ended = Ended(job=job(ExitCode=75, StatusReason="Deckhand: over", IsTerminated=True))
    put_status(world.runs, 1, ending=Ending.TERMINATED)
    world.ledger.runs[RUN] = run_record(attempts=(attempt_record(1),), forgiven=1)
    for _ in range(2):
        judged = world.judge(ended)
        assert (judged.decision, judged.verdict) == ("plan", Verdict.CANCELLED)
    world.ledger.runs[RUN] = run_record(attempts=(attempt_record(1),), forgiven=0)
    assert world.judge(ended).decision == "close"


def test_what_the_gpus_did_is_recorded(world: World) -> None:
    use = GpuUse(name="A100", gpus=1, samples=60, utilisation=83.5)
    put_status(world.runs, 1, gpu=use)
    world.judge(failed(ExitCode=75))
    assert world.recorded.gpu_utilisation == 83.5


def test_a_success_without_a_completion_manifest_is_not_believed(world: World) -> None:
    world.runs.write(keys.completion(RUN, 1), b"{}")
    judged = world.judge(Ended(job=job(ExitCode=0, Status="SUCCEEDED")))
    assert (judged.decision, judged.state) == ("close", RunState.FAILED)
    assert judged.verdict is Verdict.RUNNER_ERROR


def test_the_completion_manifest_of_another_attempt_does_not_count(world: World) -> None:
    done = manifest(5000, 2).model_dump_json().encode()
    world.runs.write(keys.completion(RUN, 1), done)
    assert world.judge(Ended(job=job(ExitCode=0))).verdict is Verdict.RUNNER_ERROR


def test_an_interruption_with_a_newer_checkpoint_is_free(world: World) -> None:
    put_checkpoint(world.runs, manifest(4000, 1))
    put_status(world.runs, 1, from_step=0, step=4500)
    judged = world.judge(failed(ExitCode=137, AttemptStatusReason=LOST))
    assert (judged.decision, judged.state) == ("plan", RunState.RUNNING)
    record = world.recorded
    assert (record.checkpoint, record.reached_step, record.advanced) == (
        "000000004000-a1",
        4500,
        True,
    )


def test_an_attempt_that_left_nothing_newer_did_not_advance(world: World) -> None:
    put_checkpoint(world.runs, manifest(4000, 1))
    resumed = attempt_record(2, resumed_from="000000004000-a1")
    world.ledger.plan(RUN, resumed)
    world.judge(failed(ExitCode=137, AttemptStatusReason=LOST), number=2)
    assert world.recorded.advanced is False


def test_a_deck_error_closes_the_run_with_the_runners_words(world: World) -> None:
    put_status(
        world.runs, 1, ending=Ending.DECK_ERROR, reason="in.melt, line 3: Unknown pair style"
    )
    judged = world.judge(failed(ExitCode=65))
    assert (judged.decision, judged.state) == ("close", RunState.FAILED)
    assert judged.reason == "in.melt, line 3: Unknown pair style"


def test_a_cancelled_job_cancels_the_run(world: World) -> None:
    judged = world.judge(failed(IsTerminated=True, StatusReason="user changed her mind"))
    assert (judged.decision, judged.state) == ("close", RunState.CANCELLED)


def test_a_recorded_verdict_stands(world: World) -> None:
    first = world.judge(failed(ExitCode=137, AttemptStatusReason=LOST))
    again = world.judge(failed(ExitCode=65))
    assert again == first
    assert world.recorded.verdict is Verdict.INTERRUPTED


def test_a_cause_that_was_cut_off_is_asked_for_by_the_job_id_in_the_status(world: World) -> None:
    put_status(world.runs, 1, job_id="job-9")
    world.jobs.by_id["job-9"] = parse_job(job(JobId="job-9", AttemptStatusReason=LOST))
    cut = json.dumps(job(AttemptStatusReason=LOST))[:60]
    judged = world.judge(Ended(error="States.TaskFailed", cause=cut))
    assert judged.verdict is Verdict.INTERRUPTED
    assert world.jobs.asked == ["job-9"]
    assert world.recorded.job_id == "job-9"


@pytest.mark.parametrize(
    "cause", ["", "not JSON", "[]", "null", '{"Status": "FAILED"}', "[" * 99999]
)
def test_an_unreadable_cause_is_asked_for_by_the_name_of_the_job(world: World, cause: str) -> None:
    world.jobs.by_name[job_name(RUN, 1)] = parse_job(job(ExitCode=65))
    judged = world.judge(Ended(error="States.TaskFailed", cause=cause))
    assert judged.verdict is Verdict.DECK_ERROR


def test_what_stays_unknown_is_tried_again(world: World) -> None:
    judged = world.judge(Ended(error="States.TaskFailed", cause="?"))
    assert (judged.decision, judged.verdict) == ("plan", Verdict.UNKNOWN)
    assert world.jobs.asked == [job_name(RUN, 1)]


def test_a_job_that_still_works_unseen_is_stopped(world: World) -> None:
    live = parse_job({"JobId": "job-7", "Status": "RUNNING"})
    world.jobs.by_name[job_name(RUN, 1)] = live
    judged = world.judge(Ended(error="States.Timeout"))
    assert world.jobs.terminated == ["job-7"]
    assert judged.decision == "plan"


def test_a_refused_submission_is_not_looked_for(world: World) -> None:
    judged = world.judge(Ended(error="Batch.ClientException", cause="JobDefinition not found"))
    assert judged.verdict is Verdict.SUBMIT_REFUSED
    assert world.jobs.asked == []
    assert world.recorded.seconds == 0


def test_an_unreadable_status_is_no_status(world: World) -> None:
    world.runs.write(keys.status(RUN, 1), b'{"run_id": ')
    assert world.judge(failed(ExitCode=75)).verdict is Verdict.INTERRUPTED


def test_times_fall_back_to_what_the_runner_said(world: World) -> None:
    status = put_status(world.runs, 1)
    world.judge(Ended(error="States.TaskFailed", cause=json.dumps({"JobId": "1", "Attempts": []})))
    assert world.recorded.started_at == status.started_at
    assert world.recorded.stopped_at == status.updated_at


def test_of_two_judges_the_first_is_right(world: World) -> None:
    class Raced(FakeLedger):
        """Somebody else records a verdict just before."""

        def record_verdict(self, run_id: str, attempt: AttemptRecord) -> bool:
            other = {"verdict": Verdict.COMPLETED, "reason": "first"}
            super().record_verdict(run_id, attempt.model_copy(update=other))
            return super().record_verdict(run_id, attempt)

    world.ledger = Raced({RUN: run_record(attempts=(attempt_record(1),))})
    judged = world.judge(failed(ExitCode=65))
    assert (judged.verdict, judged.reason) == (Verdict.COMPLETED, "first")


def test_an_attempt_that_nobody_planned_is_an_error(world: World) -> None:
    with pytest.raises(LedgerError):
        world.judge(failed(), number=7)


def test_what_an_attempt_cost_is_recorded_with_its_verdict(world: World) -> None:
    put_status(world.runs, 1, step=5)
    seen: list[tuple[str, Verdict | None, int]] = []

    def accounts(run_id: str, attempt: AttemptRecord, status: Status | None) -> AttemptRecord:
        seen.append((run_id, attempt.verdict, status.step if status else -1))
        return attempt.model_copy(update={"price_per_hour": 0.25})

    world.judge(failed(AttemptStatusReason=LOST, ExitCode=137), accounts=accounts)
    assert seen == [(RUN, Verdict.INTERRUPTED, 5)]
    assert (world.recorded.price_per_hour, world.recorded.verdict) == (0.25, Verdict.INTERRUPTED)
    world.judge(failed(AttemptStatusReason=LOST, ExitCode=137), accounts=accounts)
    assert len(seen) == 1
