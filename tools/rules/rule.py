"""What a house rule is: it looks at a resource, or at the whole project, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

from tools.project import Project, Resource, Template

ResourceRule = Callable[[Template, Resource], Iterator[str]]
ProjectRule = Callable[[Project], Iterator[str]]
ResourceRules = Mapping[str, tuple[ResourceRule, ...]]


def literals(value: Any) -> Iterator[str]:
    """The literal texts of a property, in all branches that conditions may take."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from literals(item)
    elif isinstance(value, dict) and "Fn::If" in value:
        yield from literals(value["Fn::If"][1:])
    elif isinstance(value, dict) and "Fn::Join" in value:
        yield from literals(value["Fn::Join"][1])


@cache
def enum(service: str, shape: str) -> frozenset[str]:
    """The values that AWS' own model of *service* has for *shape*."""
    model = botocore.session.get_session().get_service_model(service)
    return frozenset(model.shape_for(shape).enum)
