"""`deckhand stack create` and `diff`: what a deployment costs and changes, and doing it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Final

import typer
from rich.markup import escape

from deckhand.adapters.health import Health
from deckhand.adapters.repository import ROOT_STACK
from deckhand.adapters.session import aws_client
from deckhand.cli import stack_view as view
from deckhand.cli.console import make_console, note
from deckhand.cli.stack_target import (
    DEFAULT_ENVIRONMENT,
    EndpointOption,
    EnvOption,
    ParameterOption,
    ProfileOption,
    RegionOption,
    StackOption,
    Target,
    find_target,
)
from deckhand.domain.errors import StackError
from deckhand.domain.estimate import estimate
from deckhand.domain.list_prices import MACHINES
from deckhand.domain.parameters import Level
from deckhand.domain.stack import DEAD_ENDS, DONE, ResourceEvent, StackState
from deckhand.usecases.compare_stack import Comparison, compare_stack
from deckhand.usecases.judge_stack import next_steps
from deckhand.usecases.ports import AccountFacts
from deckhand.usecases.validate_stack import ONLY_WITH_AN_ACCOUNT

CHANGE_SET: Final = re.compile(r"arn:[\w-]+:cloudformation:\S+:changeSet/\S+")

console = make_console()


def diff(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    parameter: ParameterOption = [],  # noqa: B006  typer makes a new one
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Show what a deployment would change; what is in functions and layers is not compared."""
    target = find_target(env, region, profile, stack, endpoint, parameter)
    found = _comparison(target, target.deployed())
    view.show_comparison(console, found)
    if found.is_empty:
        console.print(f"{target.stack} has the parameters and templates of here.")
    note.print(
        "[dim]Code of functions and layers is not compared; "
        f"`deckhand stack create {target.name} --dry-run` asks AWS for a change set.[/]",
        soft_wrap=True,
    )


def create(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    parameter: ParameterOption = [],  # noqa: B006  typer makes a new one
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Everything but the deployment.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return when AWS has begun.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Create the stack of an environment, or update it; what it costs is shown first."""
    target = find_target(env, region, profile, stack, endpoint, parameter, reaches=not dry_run)
    account, why = target.reach()
    state = _updatable(target) if account else None
    _show_plan(target, state, reached=bool(account), why=why)
    if not account:
        _without_account(why, dry_run=dry_run)
        return
    word = "Update" if state else "Create"
    where = f"{target.stack} in {target.stacks.region}, account {account}"
    if not dry_run and not yes and not typer.confirm(f"{word} {where}?"):
        raise typer.Exit(1)
    change_set = _change_set(target)
    if not change_set:
        console.print(f"{target.stack} is up to date: there is nothing to change.")
        return
    view.show_planned(console, target.stacks.planned(change_set))
    if dry_run:
        target.stacks.drop(change_set, target.stack)
        console.print("A dry run: the change set is deleted again, nothing was changed.")
        return
    _execute(target, change_set, no_wait=no_wait)


def left_out(facts: AccountFacts | None, why: str) -> None:
    """Say which checks were not made."""
    if facts is None:
        note.print(
            f"[dim]Not looked at, for want of an account ({escape(why)}):[/]", soft_wrap=True
        )
    for item in ONLY_WITH_AN_ACCOUNT if facts is None else facts.left_out:
        note.print(f"[dim]  not looked at: {escape(item)}[/]", soft_wrap=True)


def _updatable(target: Target) -> StackState | None:
    """The stack that would be updated; raises StackError where AWS takes no update of it."""
    state = target.stacks.state(target.stack)
    if state is None or not state.is_deployed:
        return None
    if state.status in DEAD_ENDS:
        raise StackError(
            f"{target.stack} is in {state.status}: AWS takes no update of it. "
            f"`deckhand stack status {target.name}` says why, `deckhand stack delete "
            f"{target.name}` makes room for another."
        )
    if state.is_moving:
        raise StackError(
            f"{target.stack} is in {state.status}: wait until that is over, "
            f"`deckhand stack status {target.name}`."
        )
    return state


def _show_plan(target: Target, state: StackState | None, *, reached: bool, why: str) -> None:
    """What is wrong, what it costs, what changes; raises StackError where something is wrong."""
    deployed = state.parameters if state else {}
    values = target.repository.parameters.values(deployed, target.overrides.values)
    facts = target.facts() if reached else None
    validation = target.validation(values, ask=reached)
    found = validation(target.overrides, deployed, facts)
    view.show_findings(console, found)
    left_out(facts, why)
    if any(item.level is Level.ERROR for item in found):
        raise StackError(f"{target.environment.name} cannot be deployed: see the errors above.")
    sums = estimate(values, validation.rates, target.repository.counts())
    of_table = all(MACHINES.get(name) == rate for name, rate in validation.rates.items())
    view.show_estimate(console, sums, by_table=of_table)
    if state:
        console.print(f"{target.stack} is there: this [bold]updates[/] it.")
        view.show_comparison(console, _comparison(target, state))


def _comparison(target: Target, state: StackState) -> Comparison:
    there = {ROOT_STACK: target.stacks.template(state.stack_id)}
    for nested in target.stacks.nested(state.stack_id):
        there[nested.name] = target.stacks.template(nested.stack_id)
    here = {ROOT_STACK: target.repository.template, **dict(target.repository.nested())}
    parameters, given = target.repository.parameters, target.overrides.values
    return compare_stack(parameters, state.parameters, given, there, here)


def _without_account(why: str, *, dry_run: bool) -> None:
    if not dry_run:
        raise StackError(why)
    console.print(f"A dry run without an account: no change set is made. {why}", soft_wrap=True)


def _change_set(target: Target) -> str:
    """Build and upload; the change set of it, empty where nothing changes."""
    sam, env = target.sam(), ("--config-env", target.environment.name)
    _step(
        "sam build", lambda read: sam.run(["build", *env, "--build-dir", target.build_folder], read)
    )
    overrides = [f"{name}={value}" for name, value in target.overrides.values.items()]
    arguments = [
        *("deploy", *env, "--config-file", str(target.repository.root / "samconfig.toml")),
        *("--template-file", f"{target.build_folder}/template.yaml"),
        *("--stack-name", target.stack, "--no-progressbar"),
        *("--no-execute-changeset", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *(("--parameter-overrides", *overrides) if overrides else ()),
    ]
    said = _step("upload, change set", lambda read: sam.run(arguments, read))
    return next((found[0] for line in said if (found := CHANGE_SET.search(line))), "")


def _step(what: str, run: Callable[[Callable[[str], None]], list[str]]) -> list[str]:
    begin = time.monotonic()
    with note.status(f"{what} …"):
        said = run(lambda line: None)
    note.print(f"[green]✓[/] {what} [dim]{time.monotonic() - begin:.1f} s[/]")
    return said


def _execute(target: Target, change_set: str, *, no_wait: bool) -> None:
    state = target.stacks.state(target.stack)
    if state is None:
        raise StackError(f"{target.stack} has gone while its change set was made.")
    past = target.stacks.past(state)
    target.stacks.execute(change_set)
    if no_wait:
        console.print(f"AWS has begun. How far it is: deckhand stack status {target.name}")
        return
    failures = watch(target.stacks.follow(state, past))
    ended = target.deployed()
    if ended.status not in DONE:
        view.show_failures(console, failures)
        raise StackError(f"{target.stack} is in {ended.status}. {ended.reason}".strip())
    _tell(target, ended)


def watch(events: Iterable[ResourceEvent]) -> list[ResourceEvent]:
    """Show what happens while it does; what failed."""
    failures: list[ResourceEvent] = []
    ended = 0
    begin = time.monotonic()
    with note.status("CloudFormation …") as shown:
        for event in events:
            ended += event.ends
            if event.is_failure:
                failures.append(event)
            shown.update(f"CloudFormation … {ended} done, {escape(event.name)} {event.status}")
    note.print(f"CloudFormation [dim]{time.monotonic() - begin:.1f} s, {ended} resources[/]")
    return failures


def _tell(target: Target, state: StackState) -> None:
    console.print(f"[green]✓[/] {target.stack} is in {state.status}.")
    for name, value in sorted(state.outputs.items()):
        console.print(f"  {name}  {escape(value)}", soft_wrap=True)
    nested = tuple(target.stacks.nested(state.stack_id))
    for step in next_steps(Health(aws_client).facts(state, nested)):
        console.print(f"[yellow]→[/] {step}", soft_wrap=True)
    console.print("The way from here to the first run: docs/administration.md", soft_wrap=True)
