"""The table of judgements: one row, one test; the order of the rows, too."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.domain.attempt import (
    RESUMABLE,
    Job,
    Outcome,
    Verdict,
    job_name,
    judge,
    parse_job,
)
from deckhand.domain.status import Ending, Phase, Status
from tests.makers import ADMITTED, RUN, job

FAILED = {"error": "States.TaskFailed", "cause": "{…"}
ESSENTIAL = "Essential container in task exited"


def status(ending: Ending | None, reason: str = "") -> Status:
    return Status(
        run_id=RUN,
        attempt=1,
        phase=Phase.ENDED,
        started_at=ADMITTED,
        updated_at=ADMITTED,
        ending=ending,
        reason=reason,
    )


def outcome(ending: Ending | None = None, completed: bool = False, **change: Any) -> Outcome:
    return Outcome(
        **FAILED, job=parse_job(job(**change)), status=status(ending), completed=completed
    )


def test_a_completion_manifest_and_a_clean_exit_are_completed() -> None:
    assert judge(outcome(completed=True, ExitCode=0)).verdict is Verdict.COMPLETED


@pytest.mark.parametrize("error", ["Batch.ServerException", "Batch.AWSBatchException"])
def test_row_1_a_batch_that_is_down_may_be_asked_again(error: str) -> None:
    assert judge(Outcome(error=error, cause="later\nmore")).verdict is Verdict.SUBMIT_FAILED


def test_row_1_a_batch_that_refuses_is_not_asked_again() -> None:
    judged = judge(Outcome(error="Batch.ClientException", cause="no such queue"))
    assert judged.verdict is Verdict.SUBMIT_REFUSED
    assert judged.verdict not in RESUMABLE
    assert "no such queue" in judged.reason


def test_row_2_a_lost_host_is_an_interruption() -> None:
    lost = "Host EC2 (instance i-0abc) terminated."
    judged = judge(outcome(ExitCode=137, AttemptStatusReason=lost))
    assert judged.verdict is Verdict.INTERRUPTED
    assert "i-0abc" in judged.reason


def test_row_2_a_host_lost_before_the_first_attempt_is_read_from_the_job() -> None:
    judged = judge(outcome(Attempts=[], StatusReason="Host EC2 (instance i-0abc) terminated."))
    assert judged.verdict is Verdict.INTERRUPTED


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        (Ending.SPOT_NOTICE, Verdict.INTERRUPTED),
        (Ending.TERMINATED, Verdict.INTERRUPTED),
        (Ending.WALLTIME, Verdict.WALLTIME),
        (None, Verdict.INTERRUPTED),
    ],
)
def test_row_3_a_checkpoint_before_the_exit_is_resumed(
    ending: Ending | None, verdict: Verdict
) -> None:
    assert judge(outcome(ending, ExitCode=75, StatusReason=ESSENTIAL)).verdict is verdict


def test_row_3_a_simulation_that_stood_still_may_go_on_elsewhere() -> None:
    reason = "The simulation stood still for 31 minutes at step 12,000: since 14:03:22 UTC …"
    found = Outcome(
        **FAILED, job=parse_job(job(ExitCode=75)), status=status(Ending.STALLED, reason)
    )
    judged = judge(found)
    assert (judged.verdict, judged.reason) == (Verdict.STALLED, reason)
    assert judged.verdict in RESUMABLE


def test_row_3_a_stalled_machine_that_was_taken_away_was_interrupted() -> None:
    lost = {"ExitCode": 75, "StatusReason": "Host EC2 (instance i-1) terminated."}
    assert judge(outcome(Ending.STALLED, **lost)).verdict is Verdict.INTERRUPTED


def test_row_3_a_job_that_a_person_terminated_stays_terminated() -> None:
    judged = judge(
        outcome(Ending.TERMINATED, ExitCode=75, IsTerminated=True, StatusReason="not needed")
    )
    assert judged.verdict is Verdict.CANCELLED
    assert "not needed" in judged.reason


def test_row_4_no_capacity() -> None:
    text = (
        "Canceled by JobStateTimeLimit action due to reason: "
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
    )
    judged = judge(outcome(Attempts=[], StatusReason=text, IsCancelled=True))
    assert judged.verdict is Verdict.NO_CAPACITY


def test_row_5_a_misconfigured_compute_environment_is_not_the_users_fault() -> None:
    text = (
        "Canceled by JobStateTimeLimit action due to reason: "
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    )
    judged = judge(outcome(Attempts=[], StatusReason=text, IsCancelled=True))
    assert judged.verdict is Verdict.MISCONFIGURED
    assert judged.verdict not in RESUMABLE


@pytest.mark.parametrize("code", [{"ExitCode": 137}, {}])
def test_row_6_a_job_that_ran_out_of_time(code: dict[str, Any]) -> None:
    judged = judge(outcome(**code, StatusReason="Job attempt duration exceeded timeout"))
    assert judged.verdict is Verdict.WALLTIME


def test_row_7_out_of_memory_is_told_from_a_timeout_though_both_are_137() -> None:
    reason = "OutOfMemoryError: Container killed due to memory usage"
    assert judge(outcome(ExitCode=137, Reason=reason)).verdict is Verdict.OUT_OF_MEMORY
    both = outcome(
        ExitCode=137, Reason=reason, StatusReason="Job attempt duration exceeded timeout"
    )
    assert judge(both).verdict is Verdict.WALLTIME


@pytest.mark.parametrize(
    "change",
    [
        {"Reason": "CannotPullContainerError: pull access denied"},
        {"Reason": "DockerTimeoutError: Could not transition to started"},
        {"Reason": "CannotInspectContainerError: Could not transition"},
        {"StatusReason": "Task failed to start"},
        {"ExitCode": 74},
    ],
)
def test_row_8_infrastructure(change: dict[str, Any]) -> None:
    assert judge(outcome(**change)).verdict is Verdict.INFRASTRUCTURE


def test_row_8_a_machine_that_is_unfit_is_left_and_says_what_it_lacks() -> None:
    found = Outcome(
        **FAILED,
        job=parse_job(job(ExitCode=69)),
        status=status(Ending.UNFIT_HOST, "gpu: 1 promised, 0 visible."),
    )
    judged = judge(found)
    assert judged.verdict is Verdict.UNFIT_HOST
    assert judged.verdict in RESUMABLE
    assert judged.reason.endswith("the deck was not begun. gpu: 1 promised, 0 visible.")


@pytest.mark.parametrize("flag", ["IsCancelled", "IsTerminated"])
def test_row_9_cancelled(flag: str) -> None:
    change: dict[str, Any] = {flag: True, "StatusReason": "user changed her mind"}
    judged = judge(outcome(**change))
    assert judged.verdict is Verdict.CANCELLED
    assert "user changed her mind" in judged.reason


def test_row_10_overrides_that_are_too_long_are_our_bug() -> None:
    text = "Container Overrides length must be at most 8192"
    assert judge(outcome(Attempts=[], StatusReason=text)).verdict is Verdict.CONTROL_PLANE_BUG


def test_row_11_any_other_exit_code_is_the_decks() -> None:
    judged = judge(outcome(ExitCode=1, AttemptStatusReason=ESSENTIAL))
    assert judged.verdict is Verdict.DECK_ERROR
    assert judged.verdict not in RESUMABLE


def test_row_11_the_runner_says_what_is_wrong_with_the_deck() -> None:
    found = Outcome(
        **FAILED,
        job=parse_job(job(ExitCode=65)),
        status=status(Ending.DECK_ERROR, "in.melt, line 3: Unknown pair style"),
    )
    judged = judge(found)
    assert (judged.verdict, judged.reason) == (
        Verdict.DECK_ERROR,
        "in.melt, line 3: Unknown pair style",
    )


@pytest.mark.parametrize("code", [70, 0])
def test_a_runner_that_fails_or_leaves_no_manifest_is_our_bug(code: int) -> None:
    assert judge(outcome(ExitCode=code)).verdict is Verdict.RUNNER_ERROR


def test_row_12_what_cannot_be_read_is_unknown_and_quoted() -> None:
    judged = judge(Outcome(error="States.TaskFailed", cause='{"JobId": "cut o'))
    assert judged.verdict is Verdict.UNKNOWN
    assert '{"JobId": "cut o' in judged.reason


def test_a_lost_host_outranks_the_exit_code_of_its_container() -> None:
    judged = judge(outcome(ExitCode=65, StatusReason="Host EC2 (instance i-1) terminated."))
    assert judged.verdict is Verdict.INTERRUPTED


@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNABLE", "RUNNING"])
def test_a_job_that_has_not_ended_is_live(state: str) -> None:
    assert Job(JobId="1", Status=state).is_live


def test_a_job_that_failed_is_not_live() -> None:
    assert not Job(JobId="1", Status="FAILED").is_live


def test_a_job_is_named_after_its_run_and_attempt() -> None:
    assert job_name("melt-1", 3) == "melt-1-a3"
