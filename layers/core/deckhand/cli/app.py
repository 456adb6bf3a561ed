"""The command `deckhand`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from deckhand.domain.errors import DeckhandError

COMMANDS: Final = {
    "submit": ("runs", "submit"),
    "list": ("runs", "list_"),
    "show": ("runs", "show"),
    "results": ("runs", "results"),
    "stop": ("steer", "stop"),
    "hold": ("steer", "hold"),
    "resume": ("steer", "resume"),
    "extend": ("steer", "extend"),
    "rerun": ("steer", "rerun"),
    "costs": ("costs", "costs"),
    "verify": ("verify", "verify"),
    "redrive": ("redrive", "redrive"),
    "check": ("check", "check"),
    "rehearse": ("rehearse", "rehearse"),
    "runner": ("runner", "app"),
    "local": ("local", "app"),
    "stack": ("stack", "app"),
}
"""Module and name of each; it is imported when it is called: `check` need not wait for boto3."""


class Commands(TyperGroup):
    """Runs a command; a mistake or a refusal is one line, never a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  typer hides the types of both
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        loaded = getattr(import_module(f"deckhand.cli.{module}"), name)
        if not isinstance(loaded, typer.Typer):
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(loaded)
            loaded = alone
        command = typer.main.get_command(loaded)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except DeckhandError as error:
            text = str(error)
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        except Exception as error:
            text = _remedy(error)
            if not text:
                raise
        print(f"deckhand: {text}", file=sys.stderr)
        raise typer.Exit(1)


def _remedy(error: Exception) -> str:
    """What to do about an answer of AWS; empty for any other error."""
    if "botocore" not in sys.modules:
        return ""
    trouble = import_module("deckhand.adapters.trouble")
    return str(trouble.remedy(error)) if isinstance(error, trouble.AwsError) else ""


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def deckhand() -> None:
    """Drop a LAMMPS deck into S3, get the finished run by e-mail."""


def main() -> None:
    app()
