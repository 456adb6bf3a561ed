"""`deckhand stack`: the stack of an environment, from the first check to the last bucket."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from deckhand.adapters.health import Health
from deckhand.adapters.session import aws_client
from deckhand.cli import stack_view as view
from deckhand.cli.console import make_console
from deckhand.cli.stack_change import create, diff, left_out
from deckhand.cli.stack_delete import delete
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
from deckhand.domain.parameters import Level
from deckhand.domain.stack import ResourceEvent
from deckhand.usecases.judge_stack import StackFacts, next_steps

JsonOption = Annotated[bool, typer.Option("--json", help="For a program.")]

app = typer.Typer(
    help="The stack of an environment: check it, create it, look at it, delete it.",
    no_args_is_help=True,
)
console = make_console()


@app.command()
def validate(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    parameter: ParameterOption = [],  # noqa: B006  typer makes a new one
    offline: Annotated[bool, typer.Option("--offline", help="Ask no account.")] = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Check the parameters of an environment against the template, the machines, the account."""
    target = find_target(env, region, profile, stack, endpoint, parameter, reaches=False)
    account, why = ("", "--offline was given") if offline else target.reach()
    state = target.stacks.state(target.stack) if account else None
    deployed = state.parameters if state else {}
    values = target.repository.parameters.values(deployed, target.overrides.values)
    facts = target.facts() if account else None
    validation = target.validation(values, ask=bool(account))
    found = validation(target.overrides, deployed, facts)
    view.show_findings(console, found)
    left_out(facts, why)
    errors = sum(item.level is Level.ERROR for item in found)
    console.print(
        f"{env}: {errors} error{'' if errors == 1 else 's'}, {len(found) - errors} to think about, "
        f"{len(values)} parameters."
    )
    raise typer.Exit(1 if errors else 0)


@app.command()
def status(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    as_json: JsonOption = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Say how a stack stands, and what is still to be done about it; 1 if something is wrong."""
    target = find_target(env, region, profile, stack, endpoint)
    facts = _facts(target)
    if as_json:
        print(json.dumps({**asdict(facts), "next": list(next_steps(facts))}, indent=1))
    else:
        view.show_facts(console, facts)
        if not facts.state.is_sound and not facts.state.is_moving:
            view.show_failures(console, _failures(target, facts))
        for step in next_steps(facts):
            console.print(f"[yellow]→[/] {step}", soft_wrap=True)
    raise typer.Exit(0 if facts.is_sound else 1)


@app.command()
def outputs(
    env: EnvOption = DEFAULT_ENVIRONMENT,
    as_json: JsonOption = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    stack: StackOption = "",
    endpoint: EndpointOption = "",
) -> None:
    """Print what a stack is called by others: buckets, queues, the image repository."""
    state = find_target(env, region, profile, stack, endpoint).deployed()
    if as_json:
        print(json.dumps(dict(state.outputs), indent=1))
        return
    width = max((len(name) for name in state.outputs), default=0)
    for name, value in sorted(state.outputs.items()):
        print(f"{name:<{width}}  {value}")


def _facts(target: Target) -> StackFacts:
    state = target.deployed()
    nested = tuple(target.stacks.nested(state.stack_id))
    return Health(aws_client).facts(state, nested)


def _failures(target: Target, facts: StackFacts) -> list[ResourceEvent]:
    """The newest failures of a stack and its nested ones, the oldest of them first."""
    stacks = [(facts.state.stack_id, ""), *((item.stack_id, item.name) for item in facts.nested)]
    events = [event for stack in stacks for event in target.stacks.events(*stack)]
    return [event for event in reversed(events) if event.is_failure]


app.command()(create)
app.command()(diff)
app.command()(delete)
