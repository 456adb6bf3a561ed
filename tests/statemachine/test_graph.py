"""The state machine as a graph: nothing dangling, nothing dead, no end that forgets the user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.statemachine.engine import DEFINITION
from tools.rules.workflow import graph_findings, targets

MACHINE: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
STATES: dict[str, Any] = MACHINE["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]


def reachable(start: str, without: str = "") -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name not in seen and name != without:
            seen.add(name)
            todo.extend(targets(STATES[name]))
    return seen


def test_the_graph_is_sound() -> None:
    assert list(graph_findings(MACHINE)) == []


def test_no_way_to_an_end_goes_around_closing_the_run() -> None:
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    assert reachable(MACHINE["StartAt"]) >= ends
    # A held run is not over: somebody resumes it in an execution of its own, or stops it.
    assert reachable(MACHINE["StartAt"], without="CloseRun") & ends == {"Held"}


def test_a_run_that_could_not_be_closed_never_looks_completed() -> None:
    assert "Completed" not in reachable("TellOperator")


@pytest.mark.parametrize("name", TASKS)
def test_whatever_breaks_is_caught(name: str) -> None:
    caught = [error for catcher in STATES[name]["Catch"] for error in catcher["ErrorEquals"]]
    assert caught == ["States.ALL"]


def test_only_jobs_run_for_more_than_a_quarter_of_an_hour() -> None:
    long = {name for name in TASKS if STATES[name]["TimeoutSeconds"] > 900}
    assert long == {"RunAttempt", "DryRun"}


@pytest.mark.parametrize(
    ("states", "finding"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, "no such state: B"),
        ({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}, "B: cannot be reached"),
        ({"A": {"Type": "Pass"}}, "leads nowhere"),
        (
            {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}},
            "no path from here ends",
        ),
    ],
)
def test_a_broken_graph_is_found(states: dict[str, Any], finding: str) -> None:
    found = list(graph_findings({"StartAt": "A", "States": states}))
    assert any(finding in text for text in found)
