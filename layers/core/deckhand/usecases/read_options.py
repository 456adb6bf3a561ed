"""Read run.yaml."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

import yaml
from pydantic import ValidationError

from deckhand.domain.deck import OPTIONS_NAME
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.options import RunOptions

MAX_BYTES: Final = 1024 * 1024
"""A list of ten thousand points fits."""

EXAMPLES: Final = {
    "deck": "deck: in.melt",
    "variables": "variables: {T: 1.0, N: 50000}",
    "instance": "instance: standard",
    "gpus": "gpus: 1",
    "ranks": "ranks: 4",
    "accelerator": "accelerator: kokkos (or gpu, or plain)",
    "checkpoint_minutes": "checkpoint_minutes: 10",
    "hours": "hours: 48",
    "dollars": "dollars: 40",
    "deadline": "deadline: 2026-12-24T18:00:00Z",
    "purchase": "purchase: spot-first (or spot-only, or on-demand)",
    "owner": "owner: ada",
    "group": "group: polymers",
    "window": "window: nights (or weekends)",
    "notify": "notify: [ada@example.org]",
    "tell_start": "tell_start: true",
    "priority": "priority: 5 (0 to 9)",
    "sweep": "sweep: {T: [0.9, 1.0, 1.1], seed: [1, 2]}",
}
"""A line of run.yaml for each of its keys."""


def read_options(content: bytes) -> RunOptions:
    """The options of a run; raises DropRejectedError, naming the line or the key."""
    if len(content) > MAX_BYTES:
        size = len(content)
        raise DropRejectedError(f"{OPTIONS_NAME} has {size} bytes; {MAX_BYTES} is the most.")
    document = _load(content)
    if document is None:
        return RunOptions()
    if not isinstance(document, dict):
        raise DropRejectedError(
            f"{OPTIONS_NAME} must hold `key: value` lines, e.g. `deck: in.melt`."
        )
    for key in document:
        if key not in RunOptions.model_fields:
            raise DropRejectedError(_unknown(str(key)))
    try:
        return RunOptions.model_validate(document)
    except ValidationError as error:
        raise DropRejectedError(_mistake(error)) from error


def _mistake(error: ValidationError) -> str:
    first = error.errors()[0]
    # Pydantic also names the alternatives of a type that it tried, in brackets.
    place = [str(part) for part in first["loc"] if "[" not in str(part)]
    key = place[0] if place else "sweep"
    said = first["msg"].removeprefix("Value error, ")
    return f"{OPTIONS_NAME}: `{'.'.join(place) or key}`: {said}. Write it like `{EXAMPLES[key]}`."


def _load(content: bytes) -> Any:  # noqa: ANN401  a YAML document can be anything
    try:
        return yaml.safe_load(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DropRejectedError(f"{OPTIONS_NAME} is not UTF-8 text. Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DropRejectedError(f"{OPTIONS_NAME}{line} is not YAML: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DropRejectedError(f"{OPTIONS_NAME} is not YAML.") from error


def _unknown(key: str) -> str:
    known = list(RunOptions.model_fields)
    near = get_close_matches(key, known, n=1, cutoff=0.0)
    return (
        f"{OPTIONS_NAME} has the unknown key `{key[:60]}`. "
        f"Did you mean `{near[0] if near else known[0]}`?"
    )
