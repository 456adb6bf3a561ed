"""`deckhand runner`: what the container of an attempt does, by hand."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from deckhand.cli.console import make_console
from deckhand.domain.errors import DeckhandError
from deckhand.domain.selftest import Mark, SelfTest

MODULE: Final = "deckhand.runner.selftest"
COLOURS: Final = {Mark.PASSED: "green", Mark.FAILED: "red", Mark.LEFT_OUT: "dim"}

app = typer.Typer(help="What the container of an attempt does, by hand.", no_args_is_help=True)
console = make_console()


@app.callback()
def runner() -> None:
    """What the container of an attempt does, by hand."""


@app.command()
def selftest(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say whether this machine can do the work of an attempt; ends with 69 if it cannot."""
    # A program of its own, as an attempt is: what hangs in a driver may hold its process for ever.
    asked = [sys.executable, "-m", MODULE, "--json"]
    done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=False)
    try:
        found = SelfTest.model_validate_json(done.stdout)
    except ValidationError:
        raise DeckhandError(
            f"The self-test itself ended with exit code {done.returncode}; its words are above."
        ) from None
    if as_json:
        print(done.stdout, end="")
    else:
        console.print(_table(found))
    raise typer.Exit(done.returncode)


def _table(found: SelfTest) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column()
    table.add_column("check")
    table.add_column("seconds", justify="right")
    table.add_column()
    for check in found.checks:
        mark = f"[{COLOURS[check.mark]}]{check.mark.value}[/]"
        table.add_row(mark, check.name, f"{check.seconds:.1f}", escape(check.sentence))
    return table
