"""What MiniStack lacks or does differently from AWS, one file per service."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

PINNED = "1.5.33"
"""The only version of MiniStack whose private functions these patches are known to fit."""


def private(owner: ModuleType | type, name: str, *parameters: str) -> Callable[..., Any]:
    """Return a function of MiniStack that we replace, if it still takes what we expect."""
    function: Callable[..., Any] = getattr(owner, name)
    found = tuple(inspect.signature(function).parameters)
    assert found == parameters, (
        f"{owner.__name__}.{name} takes {found}, not {parameters}: not MiniStack {PINNED}?"
    )
    return function
