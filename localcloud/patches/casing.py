"""The three spellings of one Batch property: API (camel), CloudFormation and ASL (Pascal)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

USER_MAPS = frozenset({"parameters", "tags", "options", "labels", "annotations"})
"""Properties whose values are maps with keys of the user's, which nobody may respell."""


def camel(value: Any) -> Any:
    return _respell(value, str.lower)


def pascal(value: Any) -> Any:
    return _respell(value, str.upper)


def _respell(value: Any, case: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_respell(item, case) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        case(key[:1]) + key[1:]: item if key.lower() in USER_MAPS else _respell(item, case)
        for key, item in value.items()
    }
