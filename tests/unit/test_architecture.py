"""The arrows between the rooms point one way: domain ← usecases ← adapters ← the edges."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "core" / "deckhand"

INSIDE = {
    "domain": {"domain"},
    "lammps": {"lammps", "domain"},
    "usecases": {"usecases", "domain"},
    "adapters": {"adapters", "usecases", "lammps", "domain"},
    "runner": {"runner", "adapters", "usecases", "lammps", "domain"},
    "cli": {"cli", "adapters", "usecases", "lammps", "domain"},
}
"""Which rooms of the package a room may import."""

AWS = {"boto3", "botocore"}
EDGES = {"aws_lambda_powertools", "localcloud", "functions", "tools", "tests"}
BANNED = {
    "domain": AWS | EDGES | {"os", "subprocess", "socket", "time", "typer", "rich", "yaml"},
    "lammps": AWS | EDGES | {"typer", "rich"},
    "usecases": AWS | EDGES | {"os", "subprocess", "time", "typer", "rich"},
    "adapters": EDGES | {"typer", "rich"},
    "runner": EDGES | {"typer", "rich"},
    "cli": EDGES,
}


def imports(text: str) -> Iterator[str]:
    """Every module a source names in an import, with full names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrow"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def wrong(room: str, names: Iterator[str]) -> list[str]:
    """The imports among *names* that *room* must not have."""
    found = []
    for name in names:
        top, _, rest = name.partition(".")
        inner = rest.partition(".")[0]
        if top == "deckhand" and inner in INSIDE and inner not in INSIDE[room]:
            found.append(name)
        if top in BANNED[room]:
            found.append(name)
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)
FUNCTIONS = sorted((ROOT / "functions").glob("*/*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_lies_below_it(path: Path) -> None:
    assert wrong(room_of(path), imports(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_functions_do_not_import_each_other(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path.read_text(encoding="utf-8"))}
    assert tops.isdisjoint({"functions", "localcloud", "boto3"})


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_function_has_one_file(path: Path) -> None:
    assert path.name == "app.py"


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("domain", "from deckhand.usecases import plan_attempt"),
        ("domain", "import boto3"),
        ("domain", "import os"),
        ("usecases", "from deckhand.adapters.s3 import Bucket"),
        ("usecases", "from deckhand import adapters"),
        ("lammps", "import botocore.session"),
        ("runner", "from aws_lambda_powertools import Logger"),
        ("adapters", "import localcloud.batch"),
    ],
)
def test_a_wrong_arrow_is_found(room: str, line: str) -> None:
    assert wrong(room, imports(line)) != []
