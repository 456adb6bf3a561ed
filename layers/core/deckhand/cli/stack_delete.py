"""`deckhand stack delete`: take a stack down, and say what stays and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from deckhand.adapters.account import Holdings
from deckhand.adapters.health import Health
from deckhand.adapters.repository import ROOT_STACK
from deckhand.adapters.session import aws_client
from deckhand.cli import stack_view as view
from deckhand.cli.console import make_console
from deckhand.cli.stack_change import watch
from deckhand.cli.stack_target import (
    DEFAULT_ENVIRONMENT,
    EndpointOption,
    EnvOption,
    ProfileOption,
    RegionOption,
    StackOption,
    Target,
    find_target,
)
from deckhand.domain.errors import StackError
from deckhand.domain.kept import Kept
from deckhand.domain.stack import StackState
from deckhand.usecases.keep_holdings import Made, what_stays

ALSO_STAYS = (
    "Not of this stack, and left alone: the bucket of the SAM CLI with uploaded code "
    "(stack aws-sam-cli-managed-default), service-linked roles, and the rule "
    "StepFunctionsGetEventsForBatchJobsRule. A KMS key of the stack ends in its waiting time."
)

console = make_console()


def delete(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    abandon_runs: Annotated[
        bool, typer.Option("--abandon-runs", help="Also while runs are open; they are lost.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what goes and what stays.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return when AWS has begun.")] = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Delete a stack with its nested stacks; buckets, ledger and images stay, and are listed."""
    target = find_target(env, region, profile, stack, endpoint)
    state = target.deployed()
    kept = _kept(target, state)
    console.print(
        f"[bold]{target.stack}[/] in {target.stacks.region} goes, with its nested stacks."
    )
    view.show_kept(console, kept)
    console.print(f"[dim]{ALSO_STAYS}[/]", soft_wrap=True)
    _refuse_while_runs_are_open(target, state, abandoned=abandon_runs)
    if dry_run:
        view.show_removal(console, kept, target.stacks.region, target.profile)
        return
    if not yes and typer.prompt("Type the stack's name to delete it") != target.stack:
        raise StackError("That is another name; nothing was deleted.")
    _delete(target, state, kept, no_wait=no_wait)


def _delete(target: Target, state: StackState, kept: list[Kept], *, no_wait: bool) -> None:
    past = target.stacks.past(state)
    target.stacks.delete(state.stack_id)
    if no_wait:
        console.print("AWS has begun.")
        return
    failures = watch(target.stacks.follow(state, past))
    ended = target.stacks.final_state(state.stack_id)
    if ended is not None and ended.status != "DELETE_COMPLETE":
        view.show_failures(console, failures)
        raise StackError(
            f"{target.stack} is in {ended.status}. {ended.reason} Mend the cause and delete again."
        )
    console.print(f"[green]✓[/] {target.stack} is deleted.")
    holdings = Holdings(aws_client, datetime.now(UTC))
    there = [item for item in kept if holdings.holding(item.resource) is not None]
    view.show_removal(console, there, target.stacks.region, target.profile)
    for item in kept:
        if item not in there:
            console.print(f"[red]Gone, though it was to stay:[/] {item.resource.physical_id}")


def _kept(target: Target, state: StackState) -> list[Kept]:
    holdings = Holdings(aws_client, datetime.now(UTC))
    return what_stays(_made(target, state), holdings.holding)


def _made(target: Target, state: StackState) -> Iterator[Made]:
    named = [(state.stack_id, ROOT_STACK)]
    named += [(item.stack_id, item.name) for item in target.stacks.nested(state.stack_id)]
    for stack_id, name in named:
        yield target.stacks.template(stack_id), target.stacks.resources(stack_id, name)


def _refuse_while_runs_are_open(target: Target, state: StackState, *, abandoned: bool) -> None:
    table = state.outputs.get("LedgerTable")
    if table is None:
        return  # never came to be: nothing can run in it
    number = Health(aws_client).open_runs(table)
    if number and not abandoned:
        at = "" if target.cloud else f" --stack {target.stack}"
        runs = "run is" if number == 1 else "runs are"
        raise StackError(
            f"{number} {runs} open in {target.stack}. `deckhand list{at}` shows them, "
            f"`deckhand stop RUN{at}` ends one and keeps its results so far. "
            "With --abandon-runs the stack is deleted all the same, and their machines with it."
        )
