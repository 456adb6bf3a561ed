"""Each house rule is shown the faults it is there for; a rule that cannot fail guards nothing."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.unit.rules.damage import Faults
from tools import rules
from tools.project import Project, load

CONCERNS = [
    import_module(f"tests.unit.rules.{concern.__name__.rpartition('.')[2]}")
    for concern in rules.CONCERNS
]
"""A file of faults for each file of rules."""

FAULTS: Faults = {name: fault for concern in CONCERNS for name, fault in concern.FAULTS.items()}
ROOM = Path(rules.__file__).parent


@pytest.fixture(scope="module")
def sound() -> Project:
    return load()


def test_the_project_keeps_its_rules(sound: Project) -> None:
    assert rules.findings(sound) == []


def test_no_two_faults_have_one_name() -> None:
    names = Counter(name for concern in CONCERNS for name in concern.FAULTS)
    assert [name for name, times in names.items() if times > 1] == []


@pytest.fixture(scope="module")
def told(sound: Project) -> tuple[dict[str, list[str]], set[tuple[str, int]]]:
    """What is said of every fault, and the lines of the rules that were reached."""
    reached: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, _: Any) -> Any:
        folder, _, name = frame.f_code.co_filename.rpartition("/")
        if folder != str(ROOM):
            return None
        if event == "line":
            reached.add((name, frame.f_lineno))
        return note

    found = {}
    for name, (damage, _) in FAULTS.items():
        project = deepcopy(sound)
        damage(project)
        before = sys.gettrace()
        sys.settrace(note)
        try:
            found[name] = rules.findings(project)
        finally:
            sys.settrace(before)
    return found, reached


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, told: Any) -> None:
    found = told[0][fault]
    assert any(FAULTS[fault][1] in text for text in found), found


def test_every_sentence_is_said_of_a_fault(told: Any) -> None:
    unsaid = [f"{name}:{line}" for name, line in sentences() if (name, line) not in told[1]]
    assert not unsaid, "\n".join(unsaid)


def sentences() -> list[tuple[str, int]]:
    """File and line of every sentence that is yielded, alone or by a generator."""
    return [
        (path.name, said.lineno)
        for path in sorted(ROOM.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for said in [_said(node)]
        if said is not None
    ]


def _said(node: ast.AST) -> ast.expr | None:
    value = node.value if isinstance(node, ast.Yield | ast.YieldFrom) else None
    if isinstance(value, ast.GeneratorExp):
        value = value.elt
    return value if isinstance(value, ast.Constant | ast.JoinedStr) else None
