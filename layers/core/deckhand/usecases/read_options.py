"""Read run.yaml."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import ValidationError

from deckhand.domain.deck import OPTIONS_NAME
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.options import RunOptions

MAX_BYTES = 64 * 1024


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
        first = error.errors()[0]
        raise DropRejectedError(f"{OPTIONS_NAME}: `{first['loc'][0]}`: {first['msg']}.") from error


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
