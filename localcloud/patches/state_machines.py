"""Step Functions: `batch:submitJob`, real timeouts and retry delays, and stops that stop."""

from __future__ import annotations

import contextvars
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import stepfunctions

from localcloud.array import ArrayJob
from localcloud.batch import Batch
from localcloud.faults import Refused
from localcloud.job import Job
from localcloud.patches import batch as batch_api
from localcloud.patches import permissions, private
from localcloud.patches.casing import camel, pascal
from localcloud.places import Places

SUBMIT_JOB = "arn:aws:states:::batch:submitJob"
INVOKE = "arn:aws:states:::lambda:invoke"
PUBLISH = "arn:aws:states:::sns:publish"
MANAGED = {"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"}
STOPPED = "The Step Functions execution was stopped"
SECONDS_BETWEEN_LOOKS = 0.1
LONGEST_RETRY_SECONDS = 31_622_400
LONGEST_CAUSE = 32_768
"""https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html"""

Json = dict[str, Any]
_execution: contextvars.ContextVar[Json] = contextvars.ContextVar("execution")


def install(batch: Batch, places: Places) -> None:
    _wait_off_the_clock(places)
    _run_jobs(batch)
    _evaluate_timeouts()
    _time_retries()
    _end_on_time()
    _keep_final_status()
    _start_once()


def _wait_off_the_clock(places: Places) -> None:
    """Wait for a function's place before its time begins: AWS has a place for a thousand."""
    bounded = private(
        stepfunctions, "_invoke_resource_with_timeout", "resource", "input_data", "timeout"
    )

    def invoke_in_place(resource: str, input_data: Json, timeout: float) -> Any:
        if not resource.startswith(INVOKE):
            return bounded(resource, input_data, timeout)
        with places.place():
            return bounded(resource, input_data, timeout)

    stepfunctions._invoke_resource_with_timeout = invoke_in_place


def _run_jobs(batch: Batch) -> None:
    invoke = private(stepfunctions, "_invoke_resource", "resource", "input_data")
    bounded = private(
        stepfunctions, "_invoke_resource_with_timeout", "resource", "input_data", "timeout"
    )

    def invoke_or_submit(resource: str, input_data: Json) -> Any:
        if resource.startswith(SUBMIT_JOB):
            return _submit_job(batch, resource, input_data, None)
        if resource.startswith(INVOKE):
            checks = [("lambda:InvokeFunction", str(input_data.get("FunctionName")))]
            _demand("Lambda.AWSLambdaException", *checks)
        elif resource.startswith(PUBLISH):
            checks = permissions.checks_of_publish(str(input_data.get("TopicArn")))
            _demand("SNS.AuthorizationErrorException", *checks)
        else:
            raise NotImplementedError(f"Nobody knows which permissions {resource} needs.")
        return invoke(resource, input_data)

    def invoke_or_submit_bounded(resource: str, input_data: Json, timeout: float) -> Any:
        if not resource.startswith(SUBMIT_JOB):
            return bounded(resource, input_data, timeout)
        return _submit_job(batch, resource, input_data, time.monotonic() + float(timeout))

    stepfunctions._invoke_resource = invoke_or_submit
    stepfunctions._invoke_resource_with_timeout = invoke_or_submit_bounded


def _demand(error: str, *checks: permissions.Check) -> None:
    """The execution fails with *error* where the role of its machine may not do this."""
    machine = stepfunctions._state_machines[_execution.get()["stateMachineArn"]]
    try:
        permissions.demand(machine["roleArn"], "machine", "states.amazonaws.com", *checks)
    except permissions.NotAllowedError as refusal:
        raise stepfunctions._ExecutionError(error, str(refusal)) from refusal


def _submit_job(batch: Batch, resource: str, arguments: Json, deadline: float | None) -> Json:
    request = camel(arguments)
    waits = resource.endswith(".sync")
    if waits:
        overrides = request.setdefault("containerOverrides", {})
        overrides["environment"] = [MANAGED, *(overrides.get("environment") or [])]
    _demand("Batch.AWSBatchException", *permissions.checks_of_submission(request))
    if waits:
        _demand("Batch.AWSBatchException", ("batch:DescribeJobs", "*"))
    try:
        submitted = batch_api.submit(batch, request)
    except Refused as error:
        raise stepfunctions._ExecutionError(f"Batch.{error.code}", str(error)) from error
    if not waits:
        answer: Json = pascal(submitted)
        return answer
    job = batch.find(submitted["jobId"])
    assert job is not None
    _wait(batch, job, deadline)
    record: Json = pascal(job.describe())
    if record["Status"] == "FAILED":
        cause = json.dumps(record)[:LONGEST_CAUSE]
        raise stepfunctions._ExecutionError("States.TaskFailed", cause)
    return record


def _wait(batch: Batch, job: Job | ArrayJob, deadline: float | None) -> None:
    execution = _execution.get()
    while not job.ended.wait(SECONDS_BETWEEN_LOOKS):
        if execution["status"] != "RUNNING":
            # Only who stops an execution stops its job; one that fails leaves it alone.
            if execution["status"] == "ABORTED":
                _demand("Batch.AWSBatchException", ("batch:TerminateJob", job.arn))
                batch.terminate(job.id, STOPPED)
            return
        if deadline is not None and time.monotonic() > deadline:
            _demand("Batch.AWSBatchException", ("batch:TerminateJob", job.arn))
            batch.terminate(job.id, "The Step Functions task timed out")
            raise stepfunctions._ExecutionError("States.Timeout", "")


def _evaluate_timeouts() -> None:
    """Let a task know its execution, and let TimeoutSeconds be an expression."""
    execute = private(stepfunctions, "_execute_task", "state_def", "raw_input", "execution", "ctx")

    def execute_task(state_def: Json, raw_input: Any, execution: Json, ctx: Json) -> Any:
        _execution.set(execution)
        if isinstance(state_def.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(
                state_def, "TimeoutSeconds", "number", raw_input, ctx
            )
            state_def = {**state_def, "TimeoutSeconds": seconds}
        return execute(state_def, raw_input, execution, ctx)

    stepfunctions._execute_task = execute_task


def _time_retries() -> None:
    """Honour MaxDelaySeconds and JitterStrategy, and retry nothing for a stopped execution."""
    find = private(stepfunctions, "_find_matching_retrier", "retriers", "error", "retry_counts")

    def find_timed(retriers: list[Json], error: str, retry_counts: dict[int, int]) -> Any:
        execution = _execution.get(None)
        if execution is not None and execution["status"] != "RUNNING":
            return None, -1
        retrier, index = find(retriers, error, retry_counts)
        if retrier is None:
            return retrier, index
        delay = _delay(retrier, retry_counts.get(index, 0))
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index

    stepfunctions._find_matching_retrier = find_timed


def _delay(retrier: Mapping[str, Any], retries: int) -> float:
    interval = float(retrier.get("IntervalSeconds", 1))
    delay = interval * float(retrier.get("BackoffRate", 2.0)) ** retries
    delay = min(delay, float(retrier.get("MaxDelaySeconds", LONGEST_RETRY_SECONDS)))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def _end_on_time() -> None:
    """Honour the state machine's own TimeoutSeconds."""
    run = private(stepfunctions, "_run_execution", "exec_arn")

    def run_bounded(exec_arn: str) -> None:
        execution = stepfunctions._executions.get(exec_arn)
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
        timer = None
        if seconds is not None:
            context = contextvars.copy_context()
            timer = threading.Timer(float(seconds), context.run, [_time_out, execution])
            timer.daemon = True
            timer.start()
        try:
            run(exec_arn)
        finally:
            if timer is not None:
                timer.cancel()

    stepfunctions._run_execution = run_bounded


def _time_out(execution: Json) -> None:
    _end(execution, "TIMED_OUT", "ExecutionTimedOut")


def lose_execution(name: str) -> bool:
    """Let the running execution *name* fail where it stands; False where there is none."""
    for execution in list(stepfunctions._executions.values()):
        if execution["name"] == name and execution["status"] == "RUNNING":
            execution["cause"] = "The local cloud was told to lose this execution."
            _end(execution, "FAILED", "ExecutionFailed")
            return True
    return False


def _end(execution: Json, status: str, event: str) -> None:
    if execution["status"] == "RUNNING":
        execution["status"] = status
        execution["stopDate"] = stepfunctions.now_iso()
        stepfunctions._add_event(execution, event)
        stepfunctions._emit_execution_status_event(execution)


def _keep_final_status() -> None:
    """Keep ABORTED and TIMED_OUT when the state that was running then fails."""
    fail = private(stepfunctions, "_fail_execution", "execution", "error", "cause")

    def fail_running(execution: Json, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._fail_execution = fail_running


def _start_once() -> None:
    """Let a second start with the same name and input succeed while the execution runs."""
    start: Callable[[Json], Any] = private(stepfunctions, "_start_execution", "data")

    def start_or_find(data: Json) -> Any:
        machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", "")) or ""
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{data.get('name')}"
        execution = stepfunctions._executions.get(arn) or {}
        if execution.get("status") == "RUNNING" and execution["input"] == data.get("input", "{}"):
            found = {k: execution[k] for k in ("executionArn", "startDate")}
            return stepfunctions.json_response(found)
        return start(data)

    stepfunctions._start_execution = start_or_find
