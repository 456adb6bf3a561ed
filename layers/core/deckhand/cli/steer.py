"""What a person wants of a run that there is: stop, hold, resume, extend, run it once more."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from deckhand.cli.console import make_console
from deckhand.cli.place import EndpointOption, RunArgument, StackOption, find_place
from deckhand.domain.steering import Request, Verb

console = make_console()


def stop(run: RunArgument, stack: StackOption = None, endpoint: EndpointOption = None) -> None:
    """End a run: a last checkpoint, its results so far, a message."""
    _ask(run, Verb.STOP, stack, endpoint)


def hold(run: RunArgument, stack: StackOption = None, endpoint: EndpointOption = None) -> None:
    """Let a run rest after a last checkpoint; it costs nothing until it is resumed."""
    _ask(run, Verb.HOLD, stack, endpoint)


def resume(
    run: RunArgument,
    dollars: Annotated[
        float | None, typer.Option(min=0.01, help="What it may cost in all, in US dollars.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="Machine time it may use in all.")
    ] = None,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Let a held, stopped or failed run go on from its newest checkpoint."""
    _ask(run, Verb.RESUME, stack, endpoint, dollars=dollars, hours=hours)


def extend(
    run: RunArgument,
    steps: Annotated[int, typer.Option(min=1, help="Steps after the deck's end.")],
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Give a completed run more steps, as if its deck ended with one more `run`."""
    _ask(run, Verb.EXTEND, stack, endpoint, steps=steps)


def rerun(run: RunArgument, stack: StackOption = None, endpoint: EndpointOption = None) -> None:
    """Run the same files once more, as a run of its own, from the first step."""
    _ask(run, Verb.RERUN, stack, endpoint)


def _ask(
    name: str, verb: Verb, stack: str | None, endpoint: str | None, **more: float | None
) -> None:
    place = find_place(stack, endpoint)
    run_id = place.run_id(name)
    record = place.ledger.run(run_id)
    said = {"round": record.round if record else None, "token": uuid4().hex, **more}
    request = Request.model_validate({"run_id": run_id, "verb": verb, **said})
    steered = place.steering.ask(request)
    console.print(f"{run_id}: {steered.done}", soft_wrap=True)
    console.print(f"Next: deckhand show {steered.run_id} --follow", soft_wrap=True)
