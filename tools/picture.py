"""The state machine as a picture, made from its ASL: `python -m tools.picture` writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tools.project import ROOT

MACHINE: Final = Path("statemachines/run_deck.asl.json")
PAGE: Final = Path("docs/state-machine.md")
BEGIN: Final = "<!-- made from statemachines/run_deck.asl.json by `python -m tools.picture` -->\n"
END: Final = "<!-- end of what is made -->\n"

CONDITION: Final = re.compile(r"\{% \$states\.input\.\w+ = '([^']+)' %\}")

State = dict[str, Any]


def picture(machine: State) -> str:
    """A Mermaid state diagram; what fails in a task is drawn as a dotted way to its Catch.

    https://mermaid.js.org/syntax/flowchart.html
    """
    lines = ["```mermaid", "flowchart TD", "    start((start)) --> " + machine["StartAt"]]
    for name, state in machine["States"].items():
        lines.append(f"    {name}{_shape(name, state)}")
        lines += [f"    {name} {arrow} {target}" for arrow, target in _ways(state)]
    return "\n".join([*lines, "```", ""])


def legend(machine: State) -> str:
    """What each state is for, by its own comment."""
    rows = ["| state | kind | what for |", "|---|---|---|"]
    for name, state in machine["States"].items():
        rows.append(f"| `{name}` | {_kind(state)} | {state.get('Comment', '')} |")
    return "\n".join([*rows, ""])


def made(root: Path) -> str:
    """The part of the page that is made."""
    machine = json.loads((root / MACHINE).read_text(encoding="utf-8"))
    return f"{BEGIN}\n{picture(machine)}\n{legend(machine)}\n{END}"


def page(root: Path) -> str:
    """The page as it should be: what is written by hand stays."""
    text = (root / PAGE).read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return before + made(root) + rest.partition(END)[2]


def _shape(name: str, state: State) -> str:
    brackets = {"Choice": "{{}}", "Wait": "([])", "Succeed": "(())", "Fail": "(())"}
    shape = brackets.get(state["Type"], "[]")
    half = len(shape) // 2
    return f"{shape[:half]}{name}{shape[half:]}"


def _kind(state: State) -> str:
    resource = str(state.get("Resource", ""))
    if resource:
        service = resource.removeprefix("arn:aws:states:::")
        return f"task, `{service}`"
    return str(state["Type"]).lower()


def _ways(state: State) -> Iterator[tuple[str, str]]:
    for choice in state.get("Choices", ()):
        found = CONDITION.fullmatch(choice["Condition"])
        said = found[1] if found else choice["Condition"].strip("{}% ")
        yield f"-- {said} -->", choice["Next"]
    if "Default" in state:
        yield "-- else -->", state["Default"]
    if "Next" in state:
        yield "-->", state["Next"]
    for catch in state.get("Catch", ()):
        if catch["Next"] != state.get("Next"):
            yield "-. fails .->", catch["Next"]


if __name__ == "__main__":
    made_page = page(ROOT)
    (ROOT / PAGE).write_text(made_page, encoding="utf-8")
