"""Variables that a deck is given on this machine: those of run.yaml, then those of `--var`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from deckhand.domain.options import RunOptions, Values

HINT = "--var"

Told = Annotated[
    list[str] | None,
    typer.Option(
        HINT,
        metavar="NAME=VALUE",
        help="As LAMMPS' own -var, before run.yaml; the name again gives it a further value.",
    ),
]


def variables_of(options: RunOptions, told: Sequence[str]) -> dict[str, Values]:
    """Those of a run with these options; of a sweep, those of its first point.

    Raises typer.BadParameter for a *told* one that is not `NAME=VALUE`.
    """
    sweep = options.sweep
    point: dict[str, Values] = {}
    if isinstance(sweep, dict):
        point = {name: values[0] for name, values in sweep.items()}
    elif sweep is not None:
        point = dict(sweep[0])
    return {**options.variables, **point, **_read(told)}


def _read(told: Sequence[str]) -> dict[str, Values]:
    found: dict[str, tuple[str, ...]] = {}
    for text in told:
        name, sign, value = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=HINT)
        found[name] = (*found.get(name, ()), value)
    try:
        return RunOptions.model_validate({"variables": found}).variables
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint=HINT) from None
