"""The dry run that a function could not make: what a job is to carry, and what it has found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import Field, ValidationError

from deckhand.domain.deck import Frozen
from deckhand.domain.errors import StorageError
from deckhand.domain.options import Values
from deckhand.domain.run import DryRun, InputFile

_DIGITS: Final = 16


class CheckOrder(Frozen):
    """order.json: a frozen deck with what it is given from outside; `why` no function has done it.

    `check_id` names exactly this deck with these variables and these versions of its files.
    """

    schema_version: Literal[1] = 1
    run_id: str
    check_id: str
    deck: str
    inputs: tuple[InputFile, ...]
    variables: dict[str, Values] = Field(default_factory=dict)
    why: str


class CheckAnswer(Frozen):
    """answer.json: what the dry run of an order has shown. Written once; the first one stands."""

    schema_version: Literal[1] = 1
    run_id: str
    check_id: str
    dry_run: DryRun
    job_id: str | None = None


def check_id(
    deck: str, variables: Mapping[str, Values], files: Iterable[tuple[str, str, int]]
) -> str:
    """The name of the dry run of *deck*; *files* are paths with their version and size."""
    told = [deck, sorted(variables.items()), sorted(files)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:_DIGITS]


def read_order(content: bytes | None, key: str) -> CheckOrder:
    """Raises StorageError for one that is not there or cannot be read."""
    if content is None:
        raise StorageError(f"there is no {key}")
    try:
        return CheckOrder.model_validate_json(content)
    except ValidationError as error:
        raise StorageError(f"{key} cannot be read: {error.errors()[0]['msg']}") from error


def read_answer(content: bytes | None) -> CheckAnswer | None:
    """None for one that is not there or cannot be read: nothing is known then."""
    try:
        return None if content is None else CheckAnswer.model_validate_json(content)
    except ValidationError:
        return None
