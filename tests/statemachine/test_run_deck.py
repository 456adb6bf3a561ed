"""Every way a run can take through the state machine ends with the run closed or somebody told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.statemachine.engine import ROOT, RUN_ID, Fault, Raised, Script, execute

ACCEPTED = {"decision": "accepted", "state": "running", "reason": ""}
INCOMPLETE = {"decision": "incomplete", "state": "waiting", "reason": "data.melt is not there yet"}
DRY_RUN = {
    "decision": "dry-run",
    "state": "checking",
    "reason": "in.melt is carried through LAMMPS on a machine of its own.",
    "job": {
        "check_id": "0123456789abcdef",
        "share": "ada",
        "owner": "ada",
        "group": "polymers",
        "token": "of-its-check",
    },
}
REJECTED = {
    "decision": "rejected",
    "state": "rejected",
    "reason": 'in.melt, line 3: unknown command "pear_style"',
}
ON_SPOT = {"queue": "SpotQueue", "market": "spot", "timeout_seconds": 604800}
ON_DEMAND = {"queue": "OnDemandQueue", "market": "on-demand", "timeout_seconds": 21600}
NO_ATTEMPT = {"attempt": 6, "order": None, "wait_seconds": 0}
GIVE_UP = {
    **NO_ATTEMPT,
    "decision": "close",
    "state": "failed",
    "reason": "5 attempts in a row ended without a newer checkpoint.",
}
HOLD = {**NO_ATTEMPT, "decision": "hold", "state": "held", "reason": "The cap is reached."}
WAIT = {
    **NO_ATTEMPT,
    "decision": "wait",
    "state": "waiting",
    "reason": "By day.",
    "wait_seconds": 0,
}
JUDGE = {**NO_ATTEMPT, "decision": "judge", "state": "running", "reason": "The attempt has ended."}
GO_ON = {"decision": "plan", "state": "running", "verdict": "interrupted", "reason": "reclaimed"}
DONE = {"decision": "close", "state": "completed", "verdict": "completed", "reason": "It ended."}
WRONG = {"decision": "close", "state": "failed", "verdict": "deck error", "reason": "Lost atoms"}
STEPS = ("CheckDeck", "PlanAttempt", "JudgeAttempt")
SERVICE_FAULTS = ("ServiceException", "TooManyRequestsException")


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "events" / name).read_text(encoding="utf-8")))


def planned(number: int, checkpoint: str, plan: dict[str, Any] = ON_SPOT) -> dict[str, Any]:
    order = {
        "checkpoint": checkpoint,
        "stop_after_seconds": plan["timeout_seconds"] - 300,
        "token": "a-token-of-its-own",
        "share": "ada",
        "owner": "ada",
        "group": "polymers",
        "priority": 5,
        "resources": [{"Type": "VCPU", "Value": "4"}, {"Type": "GPU", "Value": "1"}],
        **plan,
    }
    return {
        "decision": "run",
        "state": "running",
        "reason": "Spot is the cheaper market.",
        "attempt": number,
        "order": order,
        "wait_seconds": 0,
    }


def closes_as(state: str) -> list[Any]:
    return [{"state": state, "reason": f"The run is {state}."}]


def script(**answers: list[Any]) -> Script:
    """A run that goes well, but for *answers*."""
    return Script(
        {
            "CheckDeck": [ACCEPTED],
            "PlanAttempt": [planned(1, "")],
            "CheckQueue": [event("batch_succeeded.json")],
            "SpotQueue": [event("batch_succeeded.json")],
            "OnDemandQueue": [event("batch_succeeded.json")],
            "JudgeAttempt": [DONE],
            "CloseRun": closes_as("completed"),
            "Messages": [{}],
            **answers,
        }
    )


def environment(request: dict[str, Any]) -> dict[str, str]:
    pairs = request["ContainerOverrides"]["Environment"]
    return {pair["Name"]: pair["Value"] for pair in pairs if "Name" in pair}


def test_a_good_deck_is_carried_to_its_end() -> None:
    played = script()
    ended = execute(played)
    assert ended.status == "SUCCEEDED"
    assert played.steps() == ["CheckDeck", "PlanAttempt", "SpotQueue", "JudgeAttempt", "CloseRun"]
    asked = {"run_id": RUN_ID, "drop": "inbox/melt/", "ended": None}
    assert played.requests("CheckDeck") == [asked]
    job = played.requests("SpotQueue")[0]
    assert job["JobName"] == f"{RUN_ID}-a1"
    assert (job["ShareIdentifier"], job["SchedulingPriorityOverride"]) == ("ada", 5)
    assert job["ContainerOverrides"]["ResourceRequirements"] == [
        {"Type": "VCPU", "Value": "4"},
        {"Type": "GPU", "Value": "1"},
    ]
    assert job["RetryStrategy"] == {"Attempts": 1}
    assert job["Timeout"] == {"AttemptDurationSeconds": 604800}
    assert environment(job) == {
        "RUN_ID": RUN_ID,
        "ATTEMPT": "1",
        "CHECKPOINT": "",
        "MARKET": "spot",
        "GPUS": "1",
        "STOP_AFTER_SECONDS": "604500",
        "RUN_TOKEN": "a-token-of-its-own",
    }
    judged = played.requests("JudgeAttempt")[0]
    assert (judged["attempt"], judged["error"], judged["cause"]) == (1, "", "")
    assert judged["job"]["JobId"] == event("batch_succeeded.json")["JobId"]
    assert played.requests("CloseRun")[0]["state"] == "completed"


def test_a_dry_run_that_is_too_long_for_a_function_is_a_job() -> None:
    played = script(CheckDeck=[DRY_RUN, ACCEPTED])
    assert execute(played).status == "SUCCEEDED"
    assert played.steps()[:4] == ["CheckDeck", "CheckQueue", "CheckDeck", "PlanAttempt"]
    job = played.requests("CheckQueue")[0]
    assert (job["JobName"], job["JobDefinition"]) == (f"{RUN_ID}-check", "check:3")
    assert job["ShareIdentifier"] == "ada"
    assert environment(job) == {
        "RUN_ID": RUN_ID,
        "CHECK_ID": "0123456789abcdef",
        "RUN_TOKEN": "of-its-check",
    }
    ended = [request["ended"] for request in played.requests("CheckDeck")]
    assert ended == [None, {"error": "", "cause": ""}]


@pytest.mark.parametrize(
    "name", ["batch_host_lost.json", "batch_no_capacity.json", "batch_out_of_memory.json"]
)
def test_a_job_without_an_answer_leads_back_to_the_check(name: str) -> None:
    played = script(CheckDeck=[DRY_RUN, ACCEPTED], CheckQueue=[event(name)])
    assert execute(played).status == "SUCCEEDED"
    ended = played.requests("CheckDeck")[1]["ended"]
    assert ended["error"] == "States.TaskFailed"
    assert json.loads(ended["cause"])["Status"] == "FAILED"


def test_a_check_that_batch_refuses_is_not_submitted_again() -> None:
    refused = Fault("ClientException", "no such queue")
    played = script(CheckDeck=[DRY_RUN, ACCEPTED], CheckQueue=[refused])
    assert execute(played).status == "SUCCEEDED"
    assert len(played.requests("CheckQueue")) == 1
    assert played.requests("CheckDeck")[1]["ended"]["error"] == "Batch.ClientException"


def test_what_a_job_finds_wrong_is_told() -> None:
    played = script(CheckDeck=[DRY_RUN, REJECTED], CloseRun=closes_as("rejected"))
    assert execute(played).status == "FAILED"
    assert played.steps() == ["CheckDeck", "CheckQueue", "CheckDeck", "CloseRun"]
    assert "pear_style" in played.requests("CloseRun")[0]["reason"]


def test_two_interruptions_then_the_end() -> None:
    played = script(
        PlanAttempt=[
            planned(1, ""),
            planned(2, "000000120000-a1"),
            planned(3, "000000240000-a2"),
        ],
        SpotQueue=[
            event("batch_checkpointed.json"),
            event("batch_host_lost.json"),
            event("batch_succeeded.json"),
        ],
        JudgeAttempt=[GO_ON, GO_ON, DONE],
    )
    assert execute(played).status == "SUCCEEDED"
    attempts = [environment(request) for request in played.requests("SpotQueue")]
    assert [a["ATTEMPT"] for a in attempts] == ["1", "2", "3"]
    assert [a["CHECKPOINT"] for a in attempts] == ["", "000000120000-a1", "000000240000-a2"]
    lost = played.requests("JudgeAttempt")[1]
    assert lost["error"] == "States.TaskFailed"
    assert lost["job"] is None
    assert json.loads(lost["cause"])["StatusReason"].startswith("Host EC2")


def test_without_spot_capacity_the_next_attempt_is_bought_on_demand() -> None:
    played = script(
        PlanAttempt=[planned(1, ""), planned(2, "", ON_DEMAND)],
        SpotQueue=[event("batch_no_capacity.json")],
        JudgeAttempt=[GO_ON, DONE],
    )
    assert execute(played).status == "SUCCEEDED"
    job = played.requests("OnDemandQueue")[0]
    assert environment(job)["MARKET"] == "on-demand"
    assert job["Timeout"] == {"AttemptDurationSeconds": 21600}


def test_a_held_run_ends_its_execution_and_nothing_else() -> None:
    played = script(PlanAttempt=[HOLD])
    ended = execute(played)
    assert (ended.status, ended.states[-1]) == ("SUCCEEDED", "Held")
    assert played.steps() == ["CheckDeck", "PlanAttempt"]


def test_a_run_held_before_its_deck_was_accepted_is_held() -> None:
    played = script(CheckDeck=[{"decision": "hold", "state": "held", "reason": "By its user."}])
    assert execute(played).states[-1] == "Held"


def test_a_run_waits_for_its_hours() -> None:
    played = script(PlanAttempt=[WAIT, WAIT, planned(1, "")])
    ended = execute(played)
    assert ended.status == "SUCCEEDED"
    assert ended.states.count("WaitToPlan") == 2


def test_an_attempt_of_an_earlier_execution_is_judged_not_repeated() -> None:
    played = script(PlanAttempt=[JUDGE])
    assert execute(played).status == "SUCCEEDED"
    assert played.steps() == ["CheckDeck", "PlanAttempt", "JudgeAttempt", "CloseRun"]
    judged = played.requests("JudgeAttempt")[0]
    assert (judged["attempt"], judged["job"], judged["cause"]) == (6, None, JUDGE["reason"])


@pytest.mark.parametrize(
    "name", ["batch_deck_error", "batch_out_of_memory", "batch_cancelled", "batch_cannot_pull"]
)
def test_a_verdict_against_the_run_closes_it(name: str) -> None:
    played = script(
        SpotQueue=[event(f"{name}.json")], JudgeAttempt=[WRONG], CloseRun=closes_as("failed")
    )
    ended = execute(played)
    assert (ended.status, ended.error) == ("FAILED", "failed")
    assert played.requests("CloseRun") == [
        {"run_id": RUN_ID, "state": "failed", "reason": "Lost atoms"}
    ]
    assert len(played.requests("SpotQueue")) == 1


def test_a_rejected_deck_costs_no_machine() -> None:
    played = script(CheckDeck=[REJECTED], CloseRun=closes_as("rejected"))
    ended = execute(played)
    assert (ended.status, ended.error) == ("FAILED", "rejected")
    assert played.requests("CloseRun")[0] == {
        "run_id": RUN_ID,
        "state": "rejected",
        "reason": REJECTED["reason"],
    }
    assert "SpotQueue" not in played.steps()


def test_missing_files_are_waited_for() -> None:
    played = script(CheckDeck=[INCOMPLETE, INCOMPLETE, ACCEPTED])
    ended = execute(played)
    assert ended.status == "SUCCEEDED"
    assert ended.states.count("WaitForFiles") == 2
    assert [r["drop"] for r in played.requests("CheckDeck")] == ["inbox/melt/"] * 3


def test_a_run_that_gets_nowhere_is_given_up() -> None:
    played = script(
        PlanAttempt=[planned(1, ""), GIVE_UP],
        SpotQueue=[event("batch_timed_out.json")],
        JudgeAttempt=[GO_ON],
        CloseRun=closes_as("failed"),
    )
    assert execute(played).status == "FAILED"
    closed = played.requests("CloseRun")[0]
    assert (closed["state"], closed["reason"]) == ("failed", GIVE_UP["reason"])


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_breaks_still_closes_the_run(step: str) -> None:
    played = script(
        **{step: [Raised("ValidationError", 'a "quoted" word')]}, CloseRun=closes_as("failed")
    )
    ended = execute(played)
    assert ended.status == "FAILED"
    assert len(played.requests(step)) == 1, "a bug is not retried"
    closed = played.requests("CloseRun")[0]
    assert closed["state"] == "failed"
    assert closed["reason"].startswith(f"{step} failed: ValidationError")
    assert 'a \\"quoted\\" word' in closed["reason"]


@pytest.mark.parametrize("step", (*STEPS, "CloseRun"))
def test_a_service_that_falters_is_asked_again(step: str) -> None:
    good = script().answers[step]
    played = script(**{step: [*(Fault(code) for code in SERVICE_FAULTS), *good]})
    assert execute(played).status == "SUCCEEDED"
    assert len(played.requests(step)) == 3


def test_a_job_that_batch_does_not_take_is_submitted_again() -> None:
    played = script(SpotQueue=[Fault("ServerException"), event("batch_succeeded.json")])
    assert execute(played).status == "SUCCEEDED"
    assert played.requests("JudgeAttempt")[0]["error"] == ""


def test_a_job_that_batch_refuses_is_judged() -> None:
    played = script(
        SpotQueue=[Fault("ClientException", "Container Overrides length must be at most 8192")],
        JudgeAttempt=[WRONG],
        CloseRun=closes_as("failed"),
    )
    assert execute(played).status == "FAILED"
    judged = played.requests("JudgeAttempt")[0]
    assert judged["error"] == "Batch.ClientException"
    assert "8192" in judged["cause"]
    assert len(played.requests("SpotQueue")) == 1


def test_when_closing_fails_the_operator_is_told() -> None:
    played = script(CloseRun=[Raised("StorageError", "results are gone")])
    ended = execute(played)
    assert (ended.status, ended.error) == ("FAILED", "failed")
    message = played.requests("Messages")[0]
    assert message["Subject"] == f"Deckhand could not close {RUN_ID}"
    assert len(message["Subject"]) < 100
    assert "ended as completed" in message["Message"]
    assert "StorageError" in message["Message"]
    assert "results are gone" in (ended.cause or "")


def test_when_nobody_can_be_told_the_execution_still_fails_with_the_reason() -> None:
    played = script(
        CloseRun=[Raised("StorageError")], Messages=[Fault("AuthorizationErrorException")]
    )
    ended = execute(played)
    assert (ended.status, ended.error) == ("FAILED", "failed")
    assert "StorageError" in (ended.cause or "")


# ---- sweeps ----------------------------------------------------------------------------------

SWEEP = {"decision": "sweep", "state": "running", "reason": "a sweep of 6 runs"}
NO_LOOK = {"array": None, "looks": 0, "order": None, "size": 0, "wait_seconds": 0, "troubles": []}
SUBMIT = {
    **NO_LOOK,
    "decision": "submit",
    "state": "running",
    "reason": "Spot is the cheaper market.",
    "looks": 1,
    "size": 6,
    "order": planned(1, "")["order"],
}
FOLLOW = {**NO_LOOK, "decision": "wait", "state": "running", "reason": "1 of 6", "looks": 2}
AGAIN = {**FOLLOW, "decision": "again"}
SWEPT = {**NO_LOOK, "decision": "close", "state": "completed", "reason": "6 of 6 runs are done."}


def sweep(**answers: list[Any]) -> Script:
    given = {"CheckDeck": [SWEEP], "CarrySweep": [SUBMIT, FOLLOW, SWEPT], **answers}
    return script(**given)


def test_a_sweep_is_one_array_that_is_followed_to_its_end() -> None:
    played = sweep()
    ended = execute(played)
    assert ended.status == "SUCCEEDED"
    assert played.steps() == [
        *("CheckDeck", "CarrySweep", "SpotQueue", "CarrySweep", "CarrySweep", "CloseRun"),
    ]
    [array] = played.requests("SpotQueue")
    assert (array["JobName"], array["ArrayProperties"]) == (f"{RUN_ID}-a1", {"Size": 6})
    assert (array["ShareIdentifier"], array["SchedulingPriorityOverride"]) == ("ada", 5)
    assert array["Timeout"] == {"AttemptDurationSeconds": 604800}
    assert environment(array) == {
        "RUN_ID": RUN_ID,
        "SWEEP": "1",
        "ATTEMPT": "1",
        "MARKET": "spot",
        "GPUS": "1",
        "STOP_AFTER_SECONDS": "604500",
        "RUN_TOKEN": "a-token-of-its-own",
    }
    looks = [request["look"] for request in played.requests("CarrySweep")]
    assert looks[0] == {"array": None, "looks": 0, "error": "", "cause": ""}
    assert (looks[1]["array"], looks[1]["looks"]) == ("job-0", 1)
    assert played.requests("CarrySweep")[0]["machine"].endswith(":stateMachine:run_deck")
    assert played.requests("CloseRun")[0]["state"] == "completed"


def test_a_look_that_was_broken_off_is_taken_again_at_once() -> None:
    played = sweep(CarrySweep=[AGAIN, SWEPT])
    ended = execute(played)
    assert ended.status == "SUCCEEDED"
    assert "WaitForSweep" not in ended.states


def test_a_held_sweep_ends_its_execution() -> None:
    played = sweep(CarrySweep=[{**SWEPT, "decision": "hold", "state": "held"}])
    ended = execute(played)
    assert (ended.status, ended.states[-1]) == ("SUCCEEDED", "Held")
    assert "CloseRun" not in played.steps()


@pytest.mark.parametrize("code", ["ServerException", "ClientException"])
def test_an_array_that_batch_does_not_take_is_looked_for_first(code: str) -> None:
    """SubmitJob may have taken what it answers with an error: nothing is submitted unasked."""
    played = sweep(SpotQueue=[Fault(code, "no"), event("batch_succeeded.json")])
    assert execute(played).status == "SUCCEEDED"
    assert len(played.requests("SpotQueue")) == 1
    look = played.requests("CarrySweep")[1]["look"]
    assert (look["array"], look["error"]) == (None, f"Batch.{code}")


def test_a_sweep_that_cannot_be_carried_is_closed() -> None:
    played = sweep(CarrySweep=[Raised("StorageError", "sweep.json")], CloseRun=closes_as("failed"))
    assert execute(played).status == "FAILED"
    closed = played.requests("CloseRun")[0]
    assert closed["reason"].startswith("CarrySweep failed: StorageError")
