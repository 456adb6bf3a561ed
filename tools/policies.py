"""IAM policies, evaluated as AWS does within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Why our own: moto takes an Allow whose condition does not hold for a Deny and knows two operators;
MiniStack's, which enforces on the local cloud, lives in an environment of its own. A test holds
this one against MiniStack's on thousands of random policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Final

Policy = Mapping[str, Any]
"""A policy document without intrinsic functions."""

Values = str | Sequence[str]


class Verdict(Enum):
    """What policies say of a request; only ALLOWED lets it happen."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed by anything"


@dataclass(frozen=True)
class Request:
    """What is asked: an action on a resource, with the condition keys of the request."""

    action: str
    resource: str = "*"
    conditions: Mapping[str, Values] = field(default_factory=dict)

    def value_of(self, key: str) -> Values | None:
        """Condition keys know no case."""
        wanted = key.lower()
        return next((v for k, v in self.conditions.items() if k.lower() == wanted), None)


def decide(policies: Sequence[Policy], request: Request, *limits: Sequence[Policy]) -> Verdict:
    """What a principal with *policies* may do within each of *limits*.

    A limit is a permissions boundary, or the policies of a session: a Deny in it denies, and
    nothing is allowed that it does not allow as well.
    """
    for layer in (policies, *limits):
        if any(matches(item, request) for item in statements(layer, "Deny")):
            return Verdict.DENIED
    for layer in (policies, *limits):
        if not any(matches(item, request) for item in statements(layer, "Allow")):
            return Verdict.NOT_ALLOWED
    return Verdict.ALLOWED


def statements(policies: Sequence[Policy], effect: str) -> Iterator[Policy]:
    for policy in policies:
        yield from (item for item in as_list(policy["Statement"]) if item["Effect"] == effect)


def matches(statement: Policy, request: Request) -> bool:
    """Whether a statement speaks of this request; who asks is not looked at."""
    return (
        _names(statement, "Action", request.action, request, ignore_case=True)
        and _names(statement, "Resource", request.resource, request, ignore_case=False)
        and conditions_hold(statement.get("Condition", {}), request)
    )


def names_service(statement: Policy, service: str) -> bool:
    """Whether a statement of a resource's policy speaks of an AWS service."""
    principal = statement.get("Principal", {})
    if principal == "*":
        return True
    return service in as_list(principal.get("Service", []))


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def conditions_hold(blocks: Mapping[str, Mapping[str, Any]], request: Request) -> bool:
    """Every key of every operator must hold; of the values of a key any one, or none if negated."""
    return all(
        _holds(operator, request.value_of(key), as_list(expected), request)
        for operator, keys in blocks.items()
        for key, expected in keys.items()
    )


def _names(
    statement: Policy, element: str, name: str, request: Request, *, ignore_case: bool
) -> bool:
    """Whether `Action` or `Resource` names this, or `NotAction` or `NotResource` does not."""
    if element in statement:
        return _fits(name, as_list(statement[element]), request, ignore_case)
    if f"Not{element}" in statement:
        return not _fits(name, as_list(statement[f"Not{element}"]), request, ignore_case)
    return True


def _fits(name: str, patterns: Sequence[str], request: Request, ignore_case: bool) -> bool:
    filled = (_filled(pattern, request) for pattern in patterns)
    return any(item is not None and like(name, item, ignore_case) for item in filled)


_VARIABLE: Final = re.compile(r"\$\{(?P<key>[\w:/-]+)\}")


def _filled(text: str, request: Request) -> str | None:
    """Put policy variables in; None where the request has not got one: then nothing matches.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    for found in _VARIABLE.finditer(text):
        if not isinstance(request.value_of(found["key"]), str):
            return None
    return _VARIABLE.sub(lambda found: str(request.value_of(found["key"])), text)


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(value: str, pattern: str, ignore_case: bool = False) -> bool:
    """`*` is any characters, `?` is one."""
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(actual: str, expected: str) -> bool:
        try:
            return compare(float(actual), float(expected))
        except ValueError:
            return False

    return compared


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "stringequals": lambda a, e: a == e,
    "stringequalsignorecase": lambda a, e: a.lower() == e.lower(),
    "stringlike": like,
    "arnequals": like,
    "arnlike": like,
    "bool": lambda a, e: a.lower() == e.lower(),
    "numericequals": _number(lambda a, e: a == e),
    "numericlessthan": _number(lambda a, e: a < e),
    "numericlessthanequals": _number(lambda a, e: a <= e),
    "numericgreaterthan": _number(lambda a, e: a > e),
    "numericgreaterthanequals": _number(lambda a, e: a >= e),
}
_NEGATED: Final = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
}


class UnknownOperatorError(ValueError):
    """A policy has a condition that this evaluator does not know; it must not guess."""


def _holds(operator: str, actual: Values | None, expected: Sequence[Any], request: Request) -> bool:
    name = operator.lower()
    texts = [_text(value) for value in expected]
    if name == "null":
        return (actual is None) == (texts == ["true"])
    quantity, _, rest = name.rpartition(":")
    plain = rest.removesuffix("ifexists")
    negated = plain in _NEGATED
    plain = _NEGATED.get(plain, plain)
    if plain not in _OPERATORS or quantity not in ("", "forallvalues", "foranyvalue"):
        raise UnknownOperatorError(f"{operator} is not among the operators that are known here")
    if actual is None:
        absent_is_fine = rest.endswith("ifexists") or quantity == "forallvalues"
        return absent_is_fine or (negated and quantity != "foranyvalue")

    def fits(value: str) -> bool:
        filled = (_filled(text, request) for text in texts)
        found = any(item is not None and _OPERATORS[plain](value, item) for item in filled)
        return found != negated

    values = [_text(value) for value in as_list(actual)]
    return all(map(fits, values)) if quantity == "forallvalues" else any(map(fits, values))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
