"""House rules for the state machine: what neither asl-validator nor cfn-lint looks at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from jsonata.jsonata import Jsonata

from tools.project import Project, Template, walk
from tools.rules.rule import ResourceRules

SUBJECT_MOST: Final = 99
"""SNS takes subjects of fewer than 100 characters."""

EXPRESSION: Final = re.compile(r"\{%(.*)%\}", re.DOTALL)
INTEGRATION: Final = re.compile(
    r"arn:aws:states:::(?:aws-sdk:)?(?P<service>[\w-]+):(?P<action>\w+)(?P<pattern>\.sync(?::2)?)?"
)
JSONPATH_FIELDS: Final = frozenset(
    {
        "InputPath",
        "OutputPath",
        "Parameters",
        "ResultPath",
        "ResultSelector",
        "SecondsPath",
        "Variable",
    }
)

JOB_SECONDS: Final = {
    "${JobDefinitionArn}": ("SpotSeconds", "OnDemandSeconds"),
    "${CheckDefinitionArn}": ("CheckSeconds",),
}
"""The parameters that say how long a job of a definition may take."""


def findings(project: Project) -> Iterator[str]:
    """Everything wrong with the state machine, one sentence each."""
    machine = project.machine
    yield from graph_findings(machine)
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield from _task_findings(name, state)
    yield from _language_findings(machine)
    yield from _substitution_findings(project)
    yield from _timeout_findings(project)


def targets(state: Template) -> Iterator[str]:
    """Names of the states that may follow *state*."""
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield branch["Next"]


def graph_findings(machine: Template) -> Iterator[str]:
    """Dangling targets, unreachable states, states from which no end is reached."""
    states = machine["States"]
    edges = {name: set(targets(state)) for name, state in states.items()}
    for name, followers in edges.items():
        yield from (f"{name}: no such state: {other}" for other in sorted(followers - set(states)))
        # A Catch alone is no way on.
        if not {"Next", "Choices"} & set(states[name]) and not _ends(states[name]):
            yield f"{name}: leads nowhere and is no end"
    reached = _closure([machine["StartAt"]], edges)
    yield from (f"{name}: cannot be reached" for name in states if name not in reached)
    for name in states:
        if not any(_ends(states[other]) for other in _closure([name], edges) if other in states):
            yield f"{name}: no path from here ends"


def _ends(state: Template) -> bool:
    return state["Type"] in ("Succeed", "Fail") or bool(state.get("End"))


def _closure(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges.get(name, ()))
    return seen


def _task_findings(name: str, state: Template) -> Iterator[str]:
    # MiniStack's interpreter takes numbers only, so this is not an expression.
    if not isinstance(state.get("TimeoutSeconds"), int):
        yield f"{name}: TimeoutSeconds is not a number of seconds"
    if not state.get("Retry"):
        yield f"{name}: no Retry"
    for retrier in state.get("Retry", ()):
        yield from _retry_findings(name, retrier)
    if not any("States.ALL" in catcher["ErrorEquals"] for catcher in state.get("Catch", ())):
        yield f"{name}: no Catch for States.ALL"
    yield from _integration_findings(name, state)


def _retry_findings(name: str, retrier: Template) -> Iterator[str]:
    if {"States.ALL", "States.TaskFailed"} & set(retrier["ErrorEquals"]):
        yield f"{name}: Retry must name the errors it is for"
    if "MaxDelaySeconds" not in retrier:
        yield f"{name}: Retry without MaxDelaySeconds"
    if retrier.get("JitterStrategy") != "FULL":
        yield f"{name}: Retry without full jitter"


def _integration_findings(name: str, state: Template) -> Iterator[str]:
    match = INTEGRATION.fullmatch(state["Resource"])
    operation = _operation(match["service"], match["action"]) if match else None
    if operation is None:
        yield f"{name}: no such integration: {state['Resource']}"
        return
    arguments = state.get("Arguments", {})
    yield from _shape_findings(f"{name}.Arguments", arguments, operation.input_shape)
    if operation.name == "Publish":
        yield from _subject_findings(name, arguments.get("Subject"))


@cache
def _operation(service: str, action: str) -> OperationModel | None:
    session = botocore.session.get_session()
    service = {"states": "stepfunctions", "sfn": "stepfunctions"}.get(service, service)
    if service not in session.get_available_services():
        return None
    # Lambda's optimized integration spells Invoke in lower case, as all do.
    name = "Invoke" if action == "invoke" else action[0].upper() + action[1:]
    model = session.get_service_model(service)
    return model.operation_model(name) if name in model.operation_names else None


def _shape_findings(where: str, value: Any, shape: Shape | None) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {name[0].upper() + name[1:]: inner for name, inner in shape.members.items()}
        required = {name[0].upper() + name[1:] for name in shape.required_members}
        yield from (f"{where}: unknown argument {key}" for key in value if key not in members)
        yield from (f"{where}: missing argument {key}" for key in sorted(required - set(value)))
        for key, inner in value.items():
            yield from _shape_findings(f"{where}.{key}", inner, members.get(key))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _shape_findings(f"{where}[{index}]", inner, shape.member)


def _subject_findings(name: str, subject: str | None) -> Iterator[str]:
    if subject is None:
        yield f"{name}: a message without a subject"
        return
    bound = re.fullmatch(r"\{%\s*\$substring\(.*,\s*0,\s*(\d+)\)\s*%\}", subject, re.DOTALL)
    most = int(bound[1]) if bound else len(subject)
    if EXPRESSION.fullmatch(subject) and not bound:
        yield f"{name}: the subject is not cut to {SUBJECT_MOST} characters"
    elif most > SUBJECT_MOST:
        yield f"{name}: the subject may have {most} characters, SNS takes {SUBJECT_MOST}"


def _language_findings(machine: Template) -> Iterator[str]:
    if machine.get("QueryLanguage") != "JSONata":
        yield "the machine is not in JSONata"
    assigned = {"states"}
    for _, value in walk(machine["States"]):
        if isinstance(value, dict):
            assigned |= set(value.get("Assign", {}))
    for path, value in walk(machine["States"]):
        if isinstance(value, dict):
            found = sorted(JSONPATH_FIELDS & set(value))
            yield from (f"{path}: {key} is JSONPath" for key in found)
        elif isinstance(value, str) and "{%" in value:
            yield from _expression_findings(path, value, assigned)


def _expression_findings(path: str, text: str, assigned: set[str]) -> Iterator[str]:
    match = EXPRESSION.fullmatch(text)
    if match is None:
        yield f"{path}: an expression must be the whole string"
        return
    expression = re.sub(r"\$\{\w+\}", "1", match[1])
    try:
        Jsonata(expression)
    except Exception as error:  # jsonata-python raises several unrelated classes
        yield f"{path}: not JSONata: {error}"
    without_strings = re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)
    for name in re.findall(r"\$([A-Za-z]\w*)\b(?!\s*\()", without_strings):
        if name not in assigned:
            yield f"{path}: variable ${name} is never assigned"


def _substitution_findings(project: Project) -> Iterator[str]:
    used = set(re.findall(r"\$\{(\w+)\}", project.machine_text))
    given = set(project.substitutions)
    yield from (f"substitution {name} is not given" for name in sorted(used - given))
    yield from (f"substitution {name} is not used" for name in sorted(given - used))


def _timeout_findings(project: Project) -> Iterator[str]:
    """A state must outlive what it waits for, or the answer comes to nobody."""
    functions = {
        resource.name: resource.properties.get("Timeout", 3)
        for resource in project.resources("AWS::Lambda::Function")
    }
    parameters = project.stacks["template"]["Parameters"]
    for name, state in project.machine["States"].items():
        seconds = state.get("TimeoutSeconds")
        if not isinstance(seconds, int):
            continue
        if name in functions and seconds <= functions[name]:
            yield f"{name}: the state waits {seconds} s for a function of {functions[name]} s"
        if ".sync" in state["Resource"]:
            definition = state["Arguments"].get("JobDefinition")
            if definition not in JOB_SECONDS:
                yield f"{name}: nobody knows how long a job of {definition} may take"
                continue
            longest = max(int(parameters[p]["MaxValue"]) for p in JOB_SECONDS[definition])
            if seconds <= longest:
                yield f"{name}: the state waits {seconds} s for a job of {longest} s"


RESOURCES: Final[ResourceRules] = {}
PROJECT: Final = (findings,)
