"""`deckhand local`: the cloud on this machine, for trying things out."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Final

import typer

from deckhand.cli.console import make_console
from deckhand.cli.place import REPOSITORY, RunArgument, find_local_cloud, find_place
from deckhand.domain.errors import LocalCloudError

MODULE: Final = "localcloud.lifecycle"

app = typer.Typer(
    help="A whole cloud on this machine, without an AWS account.", no_args_is_help=True
)
console = make_console()


@app.command()
def up(
    email: Annotated[str, typer.Option(help="Whom messages are for.")] = "",
) -> None:
    """Start the local cloud and deploy this repository to it."""
    _lifecycle("up", *(["--parameter", f"NotifyEmail={email}"] if email else []))


@app.command()
def down() -> None:
    """Stop the local cloud, and every run in it."""
    _lifecycle("down")


@app.command()
def status() -> None:
    """Say whether a local cloud runs, and where."""
    _lifecycle("status")


@app.command()
def interrupt(
    run: RunArgument,
    loss: Annotated[
        bool, typer.Option("--loss/--notice", help="Take the machine without a word, or warn it.")
    ],
) -> None:
    """Take the machine of a run away, as the spot market does."""
    cloud = find_local_cloud()
    if cloud is None:
        raise LocalCloudError("No local cloud is running. `deckhand local up` starts one.")
    name = find_place(None, None).run_id(run)
    host = cloud.host_of(name)
    if loss:
        cloud.lose(host)
        console.print(f"{host} is gone, and {name} with it, until the next attempt.")
    else:
        cloud.give_spot_notice(host)
        console.print(f"{host} has a spot notice: {name} has two minutes to save itself.")


def _lifecycle(*arguments: str) -> None:
    """Hand over to localcloud/, which the product knows by name only."""
    if not (REPOSITORY / "localcloud" / "lifecycle.py").exists():
        raise LocalCloudError(
            "The local cloud lives in Deckhand's repository: clone it, and `make setup` there."
        )
    command = [sys.executable, "-m", MODULE, *arguments]
    raise typer.Exit(subprocess.run(command, cwd=REPOSITORY, check=False).returncode)
