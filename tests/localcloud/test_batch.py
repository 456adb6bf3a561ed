"""Batch jobs as local processes: their records, their ends and what is left of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud.batch import Batch
from localcloud.container import Image, plan_container
from localcloud.faults import Fault, Faults, Refused
from localcloud.heads import FITS_NOWHERE, NO_CAPACITY, Heads
from localcloud.hosts import Hosts
from localcloud.job import Job
from localcloud.podman import PodmanContainer

HASTE = 3000.0
LIMITS = [
    {"action": "CANCEL", "state": "RUNNABLE", "reason": reason, "maxTimeSeconds": 600}
    for reason in (NO_CAPACITY, FITS_NOWHERE)
]
QUEUE = {
    "jobQueueName": "spot",
    "jobQueueArn": "arn:aws:batch:us-east-1:1:job-queue/spot",
    "jobStateTimeLimitActions": LIMITS,
}
OTHER_QUEUE = {**QUEUE, "jobQueueName": "on-demand"}
DEFINITION_ARN = "arn:aws:batch:us-east-1:1:job-definition/runner:3"
PATIENCE_SECONDS = 10.0
FORK_TWICE = """
import os, subprocess, sys, time
child = "import subprocess,sys,time; subprocess.Popen([sys.executable,'-c','import time; " \\
    "time.sleep(60)'], start_new_session=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", child])
time.sleep(60)
"""

Submit = Callable[..., Job]


@pytest.fixture
def hosts() -> Hosts:
    return Hosts("us-east-1a", notice_seconds=0.2)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def heads() -> Heads:
    return Heads(HASTE)


@pytest.fixture
def batch(tmp_path: Path, hosts: Hosts, faults: Faults, heads: Heads) -> Iterator[Batch]:
    image = Image(
        python=Path(sys.executable),
        pythonpath="",
        scratch=tmp_path / "scratch",
        logs=tmp_path / "jobs",
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
    )
    batch = Batch(
        image=image,
        hosts=hosts,
        imds_url=lambda host: f"http://imds/{host.instance_id}",
        arn_prefix="arn:aws:batch:us-east-1:1",
        slots=1,
        grace_seconds=0.3,
        faults=faults,
        heads=heads,
    )
    yield batch
    batch.close()


@pytest.fixture
def submit(batch: Batch) -> Submit:
    def submit(
        code: str,
        definition: dict[str, Any] | None = None,
        queue: dict[str, Any] = QUEUE,
        fits: bool = True,
        **request: object,
    ) -> Job:
        properties = {
            "command": ["python3", "-c", code],
            "environment": [{"name": "DECKHAND_SCRATCH", "value": "/scratch/deck"}],
            "mountPoints": [{"containerPath": "/scratch", "sourceVolume": "scratch"}],
        }
        return batch.submit(
            {"jobName": "melt-a1", **request},
            {
                "jobDefinitionName": "runner",
                "jobDefinitionArn": DEFINITION_ARN,
                "containerProperties": properties,
                **(definition or {}),
            },
            queue,
            "g5.xlarge",
            fits,
        )

    return submit


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def end_of(job: Job) -> dict[str, Any]:
    assert job.ended.wait(PATIENCE_SECONDS)
    return job.describe()


def running(job: Job) -> str:
    """Wait until the job's process has said that it is there; return its host."""
    until(lambda: job.status == "RUNNING")
    assert job.current is not None
    assert job.current.host is not None
    return job.current.host.instance_id


def is_gone(pid: int) -> bool:
    """Count a zombie as gone: somebody else has to reap an orphan."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def printed(job: Job) -> str:
    assert job.current is not None
    assert job.current.container is not None
    return job.current.container.log.read_text()


def test_a_job_that_ends_well_has_the_record_of_describe_jobs(submit: Submit) -> None:
    record = end_of(
        submit("print('done')", tags={"run": "melt"}, timeout={"attemptDurationSeconds": 60})
    )
    attempt = record["attempts"][0]
    assert record["status"] == "SUCCEEDED"
    assert record["statusReason"] == "Essential container in task exited"
    assert attempt["container"]["exitCode"] == record["container"]["exitCode"] == 0
    assert record["createdAt"] <= attempt["startedAt"] <= attempt["stoppedAt"]
    assert record["tags"]["run"] == "melt"
    assert record["jobQueue"] == QUEUE["jobQueueArn"]
    assert record["jobDefinition"] == DEFINITION_ARN
    assert record["timeout"] == {"attemptDurationSeconds": 60}
    assert not record["isTerminated"]
    assert not record["isCancelled"]


def test_a_failed_job_keeps_its_exit_code_and_its_log(submit: Submit) -> None:
    job = submit("import sys; print('no deck', file=sys.stderr); sys.exit(65)")
    record = end_of(job)
    assert record["status"] == "FAILED"
    assert record["attempts"][0]["container"]["exitCode"] == 65
    assert printed(job) == "no deck\n"


def test_overrides_win_and_only_paths_on_mounts_are_moved(submit: Submit, tmp_path: Path) -> None:
    job = submit(
        "import os; e = os.environ; print(e['DECKHAND_SCRATCH'], e['OTHER'], e['RUN_ID'])",
        containerOverrides={
            "environment": [
                {"name": "RUN_ID", "value": "melt"},
                {"name": "OTHER", "value": "/scratchpad"},
            ]
        },
    )
    end_of(job)
    scratch, other, run_id = printed(job).split()
    assert scratch == f"{tmp_path}/scratch/{job.id}-1/scratch/deck"
    assert (other, run_id) == ("/scratchpad", "melt")


def test_nothing_of_the_emulator_leaks_into_a_job(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATOR_SECRET", "x")
    job = submit("import os; print(*os.environ); print(os.environ['PATH'])")
    end_of(job)
    names, path = printed(job).splitlines()
    assert "EMULATOR_SECRET" not in names.split()
    assert {"AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ATTEMPT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} < set(
        names.split()
    )
    assert path.split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_scratch_is_gone_after_the_attempt(submit: Submit, tmp_path: Path) -> None:
    job = submit("import os; open('left', 'w').close()")
    end_of(job)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_lost_host_takes_the_whole_process_tree(submit: Submit, hosts: Hosts) -> None:
    job = submit(FORK_TWICE)
    instance_id = running(job)
    assert job.current is not None
    assert job.current.container is not None
    root = psutil.Process(job.current.container.pid)
    until(lambda: len(root.children(recursive=True)) == 2)
    tree = [root, *root.children(recursive=True)]
    hosts.lose(instance_id)
    record = end_of(job)
    assert all(is_gone(process.pid) for process in tree)
    reason = f"Host EC2 (instance {instance_id}) terminated."
    assert record["status"] == "FAILED"
    assert record["statusReason"] == record["attempts"][0]["statusReason"] == reason
    assert "exitCode" not in record["attempts"][0]["container"]


def test_a_job_that_exits_in_time_outlives_its_notice(submit: Submit, hosts: Hosts) -> None:
    job = submit("import time; time.sleep(0.3)")
    hosts.give_notice(running(job), seconds=30)
    assert end_of(job)["status"] == "SUCCEEDED"


def test_a_job_that_ignores_its_notice_is_lost(submit: Submit, hosts: Hosts) -> None:
    job = submit("import time; time.sleep(60)")
    hosts.give_notice(running(job), seconds=0.1)
    assert end_of(job)["statusReason"].startswith("Host EC2")


def test_orphans_end_with_their_container(submit: Submit) -> None:
    orphan = "import time; time.sleep(60)"
    job = submit(
        "import subprocess, sys;"
        f"p = subprocess.Popen([sys.executable, '-c', '{orphan}'], start_new_session=True);"
        "print(p.pid)"
    )
    end_of(job)
    assert is_gone(int(printed(job)))


def test_only_the_first_process_is_asked_to_stop(submit: Submit) -> None:
    job = submit(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    until(lambda: job.status == "RUNNING" and printed(job))
    job.terminate("Cancelled by its owner")
    record = end_of(job)
    assert record["isTerminated"]
    assert record["status"] == "FAILED"
    assert record["statusReason"] == "Cancelled by its owner"
    assert record["attempts"][0]["container"]["exitCode"] == 75


def test_a_deaf_job_is_killed_after_the_grace(submit: Submit) -> None:
    job = submit(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    until(lambda: job.status == "RUNNING" and printed(job))
    job.terminate("enough")
    assert end_of(job)["attempts"][0]["container"]["exitCode"] == 137


def test_an_attempt_that_takes_too_long_is_stopped_and_not_retried(submit: Submit) -> None:
    job = submit(
        "import time; time.sleep(60)",
        timeout={"attemptDurationSeconds": 0.2},
        retryStrategy={"attempts": 3},
    )
    record = end_of(job)
    assert record["statusReason"] == "Job attempt duration exceeded timeout"
    assert len(record["attempts"]) == 1
    assert not record["isTerminated"]


def test_a_lost_host_is_retried_if_the_definition_says_so(submit: Submit, hosts: Hosts) -> None:
    rules = [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ]
    job = submit(
        "import os, time; time.sleep(60 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1' else 0)",
        definition={"retryStrategy": {"attempts": 2, "evaluateOnExit": rules}},
    )
    first = running(job)
    hosts.lose(first)
    record = end_of(job)
    assert record["status"] == "SUCCEEDED"
    assert [a["container"].get("exitCode") for a in record["attempts"]] == [None, 0]
    assert first not in record["attempts"][1]["container"]["containerInstanceArn"]


def test_jobs_wait_for_a_slot_and_a_waiting_one_can_be_cancelled(
    submit: Submit, batch: Batch
) -> None:
    long = submit("import time; time.sleep(60)")
    running(long)
    waiting = submit("print(1)")
    until(lambda: waiting.status == "RUNNABLE")
    batch.cancel(long.id, "too late")
    batch.cancel(waiting.id, "not needed")
    record = end_of(waiting)
    assert record["isCancelled"]
    assert record["statusReason"] == "not needed"
    assert record["attempts"] == []
    assert long.status == "RUNNING"


def test_a_command_that_does_not_exist_cannot_be_started(submit: Submit) -> None:
    job = submit("", containerOverrides={"command": ["no-such-program"]})
    record = end_of(job)
    attempt = record["attempts"][0]
    assert record["status"] == "FAILED"
    assert attempt["container"]["reason"].startswith("CannotStartContainerError")
    assert "exitCode" not in attempt["container"]
    assert "startedAt" not in attempt


def test_parameters_fill_the_command(submit: Submit) -> None:
    job = submit(
        "",
        definition={"parameters": {"word": "default"}},
        parameters={"word": "given"},
        containerOverrides={
            "command": ["python3", "-c", "import sys; print(sys.argv[1])", "Ref::word"]
        },
    )
    end_of(job)
    assert printed(job) == "given\n"


def test_a_job_without_a_name_is_refused(submit: Submit) -> None:
    with pytest.raises(Refused, match="jobName"):
        submit("print(1)", jobName="")


def test_listing_shows_running_jobs_unless_asked_by_status_or_name(
    submit: Submit, batch: Batch
) -> None:
    done = submit("print(1)")
    end_of(done)
    assert batch.summaries("spot", None, None) == []
    assert [s["jobId"] for s in batch.summaries("spot", "SUCCEEDED", None)] == [done.id]
    assert [s["jobId"] for s in batch.summaries("", None, "MELT*")] == [done.id]
    assert batch.summaries("other", "SUCCEEDED", None) == []


def test_the_overview_tells_which_host_a_running_job_is_on(submit: Submit, batch: Batch) -> None:
    job = submit("import time; time.sleep(60)", tags={"run": "melt"})
    instance_id = running(job)
    seen = batch.overview()[0]
    assert (seen["job"], seen["host"], seen["status"]) == (job.id, instance_id, "RUNNING")
    assert seen["tags"] == {"run": "melt"}
    assert psutil.pid_exists(seen["pid"])


def test_closing_ends_every_job(submit: Submit, batch: Batch) -> None:
    job = submit("import time; time.sleep(60)")
    queued = submit("print(1)")
    running(job)
    pid = batch.overview()[0]["pid"]
    batch.close()
    assert job.is_over
    assert queued.is_over
    assert is_gone(pid)


# ---- array jobs ------------------------------------------------------------------------------

SAYS_INDEX = "import os, sys; sys.exit(65 if os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1' else 0)"


def test_an_array_is_one_job_of_its_queue_with_children_of_their_own(
    batch: Batch, submit: Submit
) -> None:
    array = submit(SAYS_INDEX, arrayProperties={"size": 3})
    until(array.ended.is_set)
    record = array.describe()
    assert (record["status"], record["arrayProperties"]["size"]) == ("FAILED", 3)
    summary = record["arrayProperties"]["statusSummary"]
    assert {status: n for status, n in summary.items() if n} == {"SUCCEEDED": 2, "FAILED": 1}
    assert [item["jobId"] for item in batch.summaries("spot", "FAILED", None)] == [array.id]
    assert [item["jobId"] for item in batch.summaries("spot", None, "melt-a1")] == [array.id]
    done = [item["jobId"] for item in batch.children(array.id, "SUCCEEDED")]
    assert done == [f"{array.id}:0", f"{array.id}:2"]
    [failed] = batch.describe([f"{array.id}:1"])
    assert (failed["jobName"], failed["arrayProperties"]) == ("melt-a1", {"index": 1})
    assert failed["attempts"][0]["container"]["exitCode"] == 65
    assert batch.describe([f"{array.id}:3"]) == []


def test_an_array_is_pending_while_its_children_are_at_work(batch: Batch, submit: Submit) -> None:
    array = submit("import time; time.sleep(60)", arrayProperties={"size": 2})
    until(lambda: batch.children(array.id, None))
    assert array.status == "PENDING"
    [running_child] = batch.children(array.id, "RUNNING")
    [waiting] = batch.children(array.id, "RUNNABLE")
    batch.terminate(waiting["jobId"], "alone")
    until(lambda: batch.children(array.id, "FAILED"))
    assert [item["jobId"] for item in batch.children(array.id, "RUNNING")] == [
        running_child["jobId"]
    ]
    batch.terminate(array.id, "all of it")
    until(array.ended.is_set)
    reasons = [item["statusReason"] for item in batch.describe(f"{array.id}:{n}" for n in (0, 1))]
    assert sorted(reasons) == ["all of it", "alone"]
    assert all(item["isTerminated"] for item in batch.describe([f"{array.id}:0"]))


def test_one_child_loses_its_host_alone(batch: Batch, submit: Submit, hosts: Hosts) -> None:
    array = submit("import time; time.sleep(0.5)", arrayProperties={"size": 2})
    hosts.lose(running(array.children[0]))
    until(array.ended.is_set)
    assert [child.status for child in array.children] == ["FAILED", "SUCCEEDED"]
    assert array.children[0].describe()["statusReason"].startswith("Host EC2")


@pytest.mark.parametrize("size", [1, 0, 10_001])
def test_an_array_of_another_size_is_refused(submit: Submit, size: int) -> None:
    with pytest.raises(Refused, match="between 2 and 10000"):
        submit("", arrayProperties={"size": size})


def test_in_a_drought_the_head_alone_says_why_it_waits_and_is_cancelled(
    submit: Submit, heads: Heads
) -> None:
    told: list[str] = []
    heads.tell = lambda job: told.append(job.id)
    heads.dry_up("spot")
    first, second = submit("print(1)"), submit("print(2)")
    until(lambda: first.describe().get("statusReason"))
    assert first.describe()["statusReason"] == (
        f"{NO_CAPACITY} - Service cannot fulfill the capacity requested for instance type "
        "[g5.xlarge]"
    )
    assert not second.describe().get("statusReason")
    record = end_of(first)
    assert record["statusReason"] == (
        f"Canceled by JobStateTimeLimit action due to reason: {NO_CAPACITY}"
    )
    assert record["attempts"] == []
    until(lambda: told == [first.id, second.id])
    end_of(second)
    assert told == [first.id, second.id]


def test_a_drought_dries_up_one_queue_and_has_an_end(submit: Submit, heads: Heads) -> None:
    heads.dry_up("spot")
    waiting = submit("print(1)", queue={**QUEUE, "jobStateTimeLimitActions": []})
    assert end_of(submit("print(2)", queue=OTHER_QUEUE))["status"] == "SUCCEEDED"
    assert waiting.status == "RUNNABLE"
    heads.flow("spot")
    assert end_of(waiting)["status"] == "SUCCEEDED"
    assert end_of(waiting)["statusReason"] == "Essential container in task exited"


def test_a_job_that_fits_nowhere_blocks_its_queue_until_it_is_cancelled(submit: Submit) -> None:
    giant = submit("print(1)", fits=False)
    behind = submit("print(2)")
    assert end_of(giant)["statusReason"] == (
        f"Canceled by JobStateTimeLimit action due to reason: {FITS_NOWHERE}"
    )
    assert end_of(behind)["status"] == "SUCCEEDED"
    assert giant.describe()["stoppedAt"] <= behind.describe()["startedAt"]


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.TOO_MANY_REQUESTS])
def test_an_ordered_fault_comes_as_often_as_ordered_to_whom_it_was(
    submit: Submit, faults: Faults, fault: Fault
) -> None:
    faults.order(fault, "melt-", times=2)
    assert end_of(submit("print(1)", jobName="other-a1"))["status"] == "SUCCEEDED"
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            submit("print(1)")
        assert refused.value.code == fault
    assert end_of(submit("print(1)"))["status"] == "SUCCEEDED"


def test_an_image_that_is_not_there(submit: Submit, faults: Faults) -> None:
    faults.order(Fault.NO_IMAGE, "melt-")
    record = end_of(submit("print(1)"))
    assert record["statusReason"] == "Task failed to start"
    assert record["container"]["reason"].startswith("CannotPullContainerError: ")
    assert "startedAt" not in record


def test_a_job_is_promised_no_gpu_for_here_is_none(submit: Submit) -> None:
    asked = [{"name": "GPUS", "value": "1"}, {"name": "CUDA_VISIBLE_DEVICES", "value": "0"}]
    code = "import os, sys; e = os.environ; sys.exit(e['GPUS'] + e['CUDA_VISIBLE_DEVICES'] != '0')"
    job = submit(code, containerOverrides={"environment": asked})
    assert end_of(job)["status"] == "SUCCEEDED"


def test_in_an_image_a_job_gets_what_its_definition_says(tmp_path: Path) -> None:
    image = Image(
        Path("python3"), "", tmp_path / "s", tmp_path / "l", {}, "local/image", ("engine",)
    )
    definition = {
        "command": ["python3", "-m", "x"],
        "environment": [{"name": "GPUS", "value": "1"}],
        "user": f"{os.getuid()}:{os.getgid()}",
        "readonlyRootFilesystem": True,
        "resourceRequirements": [{"type": "MEMORY", "value": "512"}],
        "mountPoints": [{"containerPath": "/scratch"}],
        "linuxParameters": {
            "sharedMemorySize": 64,
            "tmpfs": [{"containerPath": "/tmp", "size": 32, "mountOptions": ["rw", "nosuid"]}],
        },
    }
    container = PodmanContainer(image, plan_container(definition, {}, {}), "a-1", {"JOB": "j"})
    command = " ".join(container.command())
    assert command.startswith("engine run --rm --name a-1 ")
    assert command.endswith(" local/image python3 -m x")
    for words in (
        f"--user {definition['user']}",
        "--read-only --read-only-tmpfs=false",
        "--memory 512m",
        "--shm-size 64m",
        "--tmpfs /tmp:size=32m,rw,nosuid",
        f"--volume {tmp_path}/s/a-1/scratch:/scratch",
        "--env GPUS",
    ):
        assert words in command
    inside = container.environment()
    assert (inside["GPUS"], inside["CUDA_VISIBLE_DEVICES"], inside["JOB"]) == ("0", "", "j")
    assert "PYTHONPATH" not in inside


def test_overrides_that_are_too_long_fail_the_job(submit: Submit) -> None:
    environment = [{"name": "LONG", "value": "x" * 8192}]
    record = end_of(submit("print(1)", containerOverrides={"environment": environment}))
    assert record["status"] == "FAILED"
    assert record["statusReason"] == "Container Overrides length must be at most 8192"
    assert record["attempts"] == []


def test_the_largest_process_of_a_job_that_needs_too_much_memory_is_killed(
    submit: Submit,
) -> None:
    code = (
        "import subprocess, sys\n"
        "greedy = 'x = bytearray(2**28); import time; time.sleep(60)'\n"
        "sys.exit(74 if subprocess.run([sys.executable, '-c', greedy]).returncode == -9 else 0)"
    )
    memory = [{"type": "MEMORY", "value": "200"}]
    record = end_of(submit(code, containerOverrides={"resourceRequirements": memory}))
    [attempt] = record["attempts"]
    assert attempt["container"]["exitCode"] == 74
    assert attempt["container"]["reason"].startswith("OutOfMemoryError: Container killed")
