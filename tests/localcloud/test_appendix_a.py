"""Every way in which an attempt can end, on the real stack: what becomes of run and user."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from functools import partial
from typing import Any, NamedTuple

import psutil
import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import LIVE_STATUSES, AttemptRecord, Market, Verdict
from deckhand.domain.ledger import RunRecord
from deckhand.domain.report import Report
from deckhand.domain.run import RunState
from deckhand.usecases.judge_attempt import read_status
from tests.localcloud.conftest import PATIENCE_SECONDS, PAUSE_SECONDS, Deployed, wait_for
from tests.localcloud.drops import DUMP_EVERY, SOUND, STEPS, Files, changed

LONG_STEPS = 200_000
ENDLESS_STEPS = 50_000_000


def long(steps: int) -> bytes:
    """A deck at work for some seconds, or for as long as it is let."""
    frames = f"atom {steps // 10} ".encode()
    return changed("run", f"run {steps}").replace(f"atom {DUMP_EVERY} ".encode(), frames)


LONG = long(LONG_STEPS)
GREEDY = long(LONG_STEPS).replace(
    b"thermo ",
    b"fix greedy all ave/histo 1 1 20 0 1 40000000 c_thermo_temp mode scalar\nthermo ",
)
"""A gigabyte of bins, all of them touched."""

LOST = changed("mass", "mass 1 1e-9")
BY_HAND = "the queue is needed for something else"


class Case(NamedTuple):
    """A drop, how its attempts end, how it ends itself, and what its last message says.

    `deed` is done to the run while its first attempt (of those on that market) is at work.
    """

    files: Files
    verdicts: Sequence[Verdict]
    state: RunState
    told: Sequence[str]
    faults: Sequence[tuple[str, int]] = ()
    deed: Callable[[Deployed, RunRecord], None] | None = None
    loses: bool = False

    @property
    def path(self) -> str:
        return next(iter(self.files))

    @property
    def beginning(self) -> str:
        """How the names of its jobs begin."""
        return f"{self.path.split('/')[0]}-"


def lose_host(stack: Deployed, record: RunRecord) -> None:
    stack.cloud.lose(stack.cloud.host_of(record.run_id))


def give_notice(stack: Deployed, record: RunRecord) -> None:
    stack.cloud.give_spot_notice(stack.cloud.host_of(record.run_id))


def terminate(stack: Deployed, record: RunRecord) -> None:
    stack.client("batch").terminate_job(jobId=live_job(stack, record)["job"], reason=BY_HAND)


def stop_execution(stack: Deployed, record: RunRecord) -> None:
    machine = stack.outputs["RunDeckMachine"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{record.execution}"
    stack.client("stepfunctions").stop_execution(executionArn=arn)


def freeze(stack: Deployed, record: RunRecord) -> None:
    """A runner that hears nothing any more, and its LAMMPS."""
    root = psutil.Process(live_job(stack, record)["pid"])
    for process in [root, *root.children(recursive=True)]:
        os.kill(process.pid, signal.SIGSTOP)


def live_job(stack: Deployed, record: RunRecord) -> dict[str, Any]:
    [job] = [
        job
        for job in stack.cloud.jobs()
        if job["environment"]["RUN_ID"] == record.run_id and job["status"] in LIVE_STATUSES
    ]
    return job


ASK = "What to do: "
AGAIN = "then upload the deck again"

CASES = {
    "1 submit errors that pass": Case(
        {"submit/in.melt": SOUND},
        [Verdict.COMPLETED],
        RunState.COMPLETED,
        ["The deck reached its end.", "What to do: nothing."],
        faults=[("ServerException", 1), ("TooManyRequestsException", 1)],
    ),
    "1 a submission that is refused": Case(
        {"refused/in.melt": SOUND},
        [Verdict.SUBMIT_REFUSED],
        RunState.FAILED,
        ["AWS Batch refused the job: Error executing request", "whoever runs Deckhand"],
        faults=[("ClientException", 9)],
    ),
    "2 a host that is lost": Case(
        {"lost-host/in.melt": LONG},
        [Verdict.INTERRUPTED, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["(1 interruption)", "The machine was taken away: Host EC2 (instance i-"],
        deed=lose_host,
        loses=True,
    ),
    "3 a spot notice": Case(
        {"notice/in.melt": LONG},
        [Verdict.INTERRUPTED, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["What was lost: nothing (1 interruption)", "wrote a checkpoint after a spot notice"],
        deed=give_notice,
    ),
    "5 more GPUs than any machine has": Case(
        {"giant/in.melt": SOUND, "giant/run.yaml": b"gpus: 8\n"},
        [Verdict.MISCONFIGURED],
        RunState.FAILED,
        ["cannot run the job", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "`gpus`", "$0.00"],
    ),
    "7 out of memory": Case(
        {"greedy/in.melt": GREEDY},
        [Verdict.OUT_OF_MEMORY],
        RunState.FAILED,
        ["The run needs more memory than the machine gives it", "larger machine"],
    ),
    "8 an image that comes late": Case(
        {"pull/in.melt": SOUND},
        [Verdict.INFRASTRUCTURE, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["The container did not start: CannotPullContainerError: pull image manifest"],
        faults=[("CannotPullContainerError", 1)],
    ),
    "8 a container that starts at the third try": Case(
        {"start/in.melt": SOUND},
        [Verdict.INFRASTRUCTURE, Verdict.INFRASTRUCTURE, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["The container did not start: Task failed to start"],
        faults=[("CannotStartContainerError", 2)],
    ),
    "8 an image that is not there": Case(
        {"no-image/in.melt": SOUND},
        [Verdict.INFRASTRUCTURE] * 5,
        RunState.FAILED,
        ["5 attempts in a row failed by no fault of the deck", "CannotPullContainerError", "$0.00"],
        faults=[("CannotPullContainerError", 99)],
    ),
    "9 terminated by hand": Case(
        {"by-hand/in.melt": LONG},
        [Verdict.CANCELLED],
        RunState.CANCELLED,
        [
            f"was cancelled. The job was cancelled: {BY_HAND}",
            "What to do: nothing. To let it go on",
        ],
        deed=terminate,
    ),
    "9 an execution that is stopped": Case(
        {"stopped-execution/in.melt": LONG},
        [Verdict.CANCELLED],
        RunState.CANCELLED,
        ["It was stopped by its user.", "What to do: nothing. To let it go on"],
        deed=stop_execution,
    ),
    "10 overrides that are too long": Case(
        {"overrides/in.melt": SOUND},
        [Verdict.CONTROL_PLANE_BUG],
        RunState.FAILED,
        ["Container Overrides length must be at most 8192", "whoever runs Deckhand", "$0.00"],
        faults=[("LongOverrides", 1)],
    ),
    "11 a wrong deck": Case(
        {"wrong/in.melt": LOST},
        [Verdict.DECK_ERROR],
        RunState.FAILED,
        ["Lost atoms: original 108", "The end of the log:", AGAIN],
    ),
    "12 a cause that is cut off": Case(
        {"cut-off/in.melt": LOST},
        [Verdict.DECK_ERROR],
        RunState.FAILED,
        ["Lost atoms: original 108", "The end of the log:", AGAIN],
        faults=[("LongRecord", 1)],
    ),
}
DRY = {
    "4 cancelled by AWS": Case(
        {"dry-first/in.melt": SOUND},
        [Verdict.NO_CAPACITY, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["1. spot, 0 s, $0.00: no capacity. AWS had no machine to give."],
    ),
    "6 deaf to the end": Case(
        {"dry-deaf/in.melt": LONG},
        [Verdict.NO_CAPACITY, Verdict.WALLTIME, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["2. on-demand, 1 min", "The attempt was killed when its time was up."],
        deed=freeze,
        loses=True,
    ),
    "3 a slice that is over": Case(
        {"dry-slice/in.melt": long(ENDLESS_STEPS)},
        [Verdict.NO_CAPACITY, Verdict.WALLTIME, Verdict.CANCELLED],
        RunState.CANCELLED,
        ["What was lost: nothing", "used up its time; it wrote a checkpoint and stopped"],
    ),
    "4 let go": Case(
        {"dry-last/in.melt": SOUND},
        [Verdict.NO_CAPACITY, Verdict.COMPLETED],
        RunState.COMPLETED,
        ["1. spot, 0 s, $0.00: no capacity. AWS had no machine to give."],
    ),
}
ALL = {**CASES, **DRY}
FINAL = {"run_completed", "run_failed", "run_rejected", "run_cancelled"}


def spot_queue(stack: Deployed) -> str:
    queues = stack.client("batch").describe_job_queues()["jobQueues"]
    [name] = [item["jobQueueName"] for item in queues if "SpotQueue" in item["jobQueueName"]]
    return str(name)


def relieve_after(stack: Deployed, seconds: int) -> None:
    """What CapacityWaitSeconds is to the function; the template takes no less than 600."""
    functions, name = stack.client("lambda"), stack.resources["RelieveQueue"]
    known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables = {**known, "CAPACITY_WAIT_SECONDS": str(seconds)}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def first_reasons(stack: Deployed) -> list[str]:
    """What Batch says of the first attempts in the drought."""
    return [
        str(job["status_reason"])
        for case in DRY.values()
        for job in stack.cloud.jobs()
        if job["name"].startswith(case.beginning) and job["name"].endswith("-a1")
    ]


def computing(stack: Deployed, case: Case) -> RunRecord | None:
    """The run of a drop if an attempt of it computes now."""
    for known in stack.runs_of(case.path):
        record = stack.ledger.run(known.run_id)
        attempt = record.open_attempt if record else None
        status = read_status(stack.runs, known.run_id, attempt.number) if attempt else None
        if status and status.step > 0:
            return record
    return None


def do_deeds(stack: Deployed, cases: Sequence[Case]) -> None:
    """To every run what is to be done to it, as soon as it computes."""
    left = [case for case in cases if case.deed is not None]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left:
        assert time.monotonic() < deadline, [case.path for case in left]
        for case in list(left):
            record = computing(stack, case)
            if record is not None and case.deed is not None:
                case.deed(stack, record)
                left.remove(case)
        time.sleep(PAUSE_SECONDS)


@pytest.fixture(scope="module")
def drought(deployed: Deployed) -> list[str]:
    """No spot machine for four runs, until each was told so; what Batch said to each."""
    queue = spot_queue(deployed)
    deployed.cloud.dry_up(queue)
    first, *others = DRY.values()
    deployed.put_all([first.files])
    wait_for("one that AWS cancels", lambda: has_ended_once(deployed, first))
    relieve_after(deployed, 1)
    deployed.put_all([case.files for case in others])
    for case in others:
        wait_for(f"an end of {case.path}", partial(has_ended_once, deployed, case))
    deployed.cloud.flow(queue)
    relieve_after(deployed, 600)
    return first_reasons(deployed)


def has_ended_once(stack: Deployed, case: Case) -> bool:
    records = [stack.ledger.run(item.run_id) for item in stack.runs_of(case.path)]
    return any(item and item.attempts and item.attempts[0].verdict for item in records)


@pytest.fixture(scope="module")
def stack(deployed: Deployed, drought: list[str]) -> Deployed:
    """The stack with every case on its way."""
    for case in CASES.values():
        for fault, times in case.faults:
            deployed.cloud.order_fault(fault, case.beginning, times)
    deployed.put_all([case.files for case in CASES.values()])
    do_deeds(deployed, [*DRY.values(), *CASES.values()])
    stopped = deployed.run_of(CASES["9 an execution that is stopped"].path).run_id
    wait_for("a reaper that closes it", lambda: deployed.reap(stopped))
    return deployed


def test_in_a_drought_a_queue_lets_its_head_go_and_the_blocked_event_the_others(
    drought: list[str],
) -> None:
    assert drought[0] == (
        "Canceled by JobStateTimeLimit action due to reason: "
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
    )
    assert len(drought) == len(DRY)
    assert any(reason.startswith("Deckhand: CAPACITY: ") for reason in drought)


def test_a_slice_on_demand_ends_with_a_checkpoint_from_which_spot_goes_on(
    stack: Deployed,
) -> None:
    case = DRY["3 a slice that is over"]

    def third() -> RunRecord | None:
        record = computing(stack, case)
        return record if record and len(record.attempts) == 3 else None

    record = wait_for("the third attempt", third)
    _, slice_, third_attempt = record.attempts
    assert (slice_.market, slice_.timeout_seconds) == (Market.ON_DEMAND, 60)
    assert third_attempt.market is Market.SPOT
    assert third_attempt.resumed_from == slice_.checkpoint
    assert slice_.advanced
    terminate(stack, record)


@pytest.mark.parametrize("name", ALL)
def test_every_way_to_end(stack: Deployed, name: str) -> None:
    case = ALL[name]
    record = over(stack, case)
    assert [item.verdict for item in record.attempts] == case.verdicts, record.reason
    assert record.state is case.state
    check_money(record)
    report = Report.model_validate_json(stack.runs.read(keys.report(record.run_id)) or b"")
    check_loss(case, report)
    [mail] = final_mails(stack, record.run_id)
    assert mail["X-event"] == f"run_{case.state.value}"
    body = " ".join(str(mail.get_content()).split())
    for text in (record.run_id, ASK, *case.told):
        assert text in body, body


def over(stack: Deployed, case: Case) -> RunRecord:
    """The run of a drop, once its user has heard the last of it."""
    run_id = stack.run_of(case.path).run_id
    wait_for(f"the last message of {run_id}", lambda: final_mails(stack, run_id))
    record = stack.ledger.run(run_id)
    assert record is not None
    return record


def final_mails(stack: Deployed, run_id: str) -> list[EmailMessage]:
    return [mail for mail in stack.mails(run_id) if mail["X-event"] in FINAL]


def check_money(record: RunRecord) -> None:
    """What never started costs nothing; all the rest by its time and the price of its market."""
    assert record.cost is not None
    assert record.cost == pytest.approx(sum(map(cost, record.attempts)), abs=1e-4)
    never = {
        Verdict.NO_CAPACITY,
        Verdict.MISCONFIGURED,
        Verdict.INFRASTRUCTURE,
        Verdict.CONTROL_PLANE_BUG,
        Verdict.SUBMIT_REFUSED,
    }
    for attempt in record.attempts:
        assert (attempt.seconds == 0) == (attempt.verdict in never), attempt


def cost(attempt: AttemptRecord) -> float:
    prices = {Market.SPOT: 0.2, Market.ON_DEMAND: 0.526}
    return attempt.seconds / 3600 * (attempt.price_per_hour or prices[attempt.market])


def check_loss(case: Case, report: Report) -> None:
    """A machine that had no time for a checkpoint takes along what it has computed; no other."""
    reached = [
        item.reached_step or 0
        for item in report.attempts
        if item.verdict is not Verdict.COMPLETED and not item.checkpoint
    ]
    assert report.steps_lost == sum(reached)
    assert not case.loses or report.steps_lost > 0
    if case.state is RunState.COMPLETED:
        steps = STEPS if SOUND in case.files.values() else LONG_STEPS
        assert report.last_step == steps
        assert report.lineage[-1].to_step == steps
