"""What alarms and dashboard look at is what the functions and the runner put there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from deckhand.domain.attempt import Verdict
from deckhand.domain.gpu import GpuUse
from deckhand.domain.run import RunState
from deckhand.runner.telemetry import SERVICE, metrics_of
from tools.project import ROOT, Project, load

DYNAMIC = {
    "close_run": {f"Runs{state.value.title()}" for state in RunState},
    "judge_attempt": {f"Attempts{verdict.value.title().replace(' ', '')}" for verdict in Verdict},
}
"""Where a metric is named after what happened, as the function names it."""


@pytest.fixture(scope="module")
def project() -> Project:
    return load()


def emitted(function: str) -> set[str]:
    if function == SERVICE:
        return set(metrics_of(GpuUse(name="A100", gpus=1, samples=1)))
    text = (ROOT / "functions" / function / "app.py").read_text(encoding="utf-8")
    literal = set(re.findall(r'add_metric\(\s*(?:name=)?"(\w+)"', text))
    return literal | DYNAMIC.get(function, set())


def watched(project: Project) -> Iterator[tuple[str, str]]:
    """Function and metric of every alarm and of the dashboard."""
    for alarm in project.resources("AWS::CloudWatch::Alarm"):
        if alarm.properties.get("Namespace") == {"Ref": "Namespace"}:
            [dimension] = alarm.properties["Dimensions"]
            assert dimension["Name"] == "service"
            yield dimension["Value"], alarm.properties["MetricName"]
    [board] = project.resources("AWS::CloudWatch::Dashboard")
    text = board.properties["DashboardBody"]["Fn::Sub"][0]
    for name, function in re.findall(r'"\$\{Namespace\}", "(\w+)", "service", "(\w+)"', text):
        yield function, name


def test_what_is_watched_is_emitted(project: Project) -> None:
    found = set(watched(project))
    assert {("relieve_queue", "QueuesBlocked"), ("close_run", "RunsFailed")} <= found
    assert [pair for pair in sorted(found) if pair[1] not in emitted(pair[0])] == []


def test_alarms_functions_and_attempts_mean_the_same_namespace(project: Project) -> None:
    root = project.stacks["template"]["Resources"]
    given = root["GuardRailsStack"]["Properties"]["Parameters"]["Namespace"]
    variables = root["RelieveQueue"]["Properties"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == given
    assert root["ComputeStack"]["Properties"]["Parameters"]["Namespace"] == given
    assert variables["POWERTOOLS_SERVICE_NAME"] == "relieve_queue"


def test_the_functions_that_carry_runs_are_those_of_the_state_machine(project: Project) -> None:
    root = project.stacks["template"]["Resources"]
    parameters = root["GuardRailsStack"]["Properties"]["Parameters"]
    given = [item["Ref"] for item in parameters["RunFunctions"]["Fn::Join"][1]]
    invoked = {
        name.removesuffix("Arn")
        for name in re.findall(r"\$\{(\w+)\}", project.machine_text)
        if name.removesuffix("Arn") in root
        and root[name.removesuffix("Arn")]["Type"] == "AWS::Lambda::Function"
    }
    assert set(given) == invoked
    stack = json.dumps(project.stacks["guardrails"]["Resources"]["FunctionErrorsAlarm"])
    selected = [int(index) for index in re.findall(r'"Fn::Select": \[(\d)', stack)]
    assert selected == list(range(len(given)))


def test_who_sets_nothing_pays_for_no_option(project: Project) -> None:
    defaults = {
        name: parameter.get("Default")
        for name, parameter in project.stacks["template"]["Parameters"].items()
    }
    assert defaults["Compliance"] == "none"
    assert (defaults["MonthlyBudgetDollars"], defaults["AnomalyDollars"]) == (0, 0)
    assert defaults["Dashboard"] == "no"
    resources = project.stacks["guardrails"]["Resources"]
    unconditional = {body["Type"] for body in resources.values() if "Condition" not in body}
    assert unconditional == {"AWS::CloudWatch::Alarm"}
    assert project.stacks["template"]["Resources"]["ComplianceStack"]["Condition"] == "Complies"
