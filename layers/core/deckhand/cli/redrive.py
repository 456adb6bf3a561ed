"""`deckhand redrive`: what could not be delivered, and putting it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from deckhand.adapters import connect
from deckhand.cli.console import make_console, note
from deckhand.cli.place import EndpointOption, Place, StackOption, find_place
from deckhand.usecases.redrive import Move, Planned, Redrive

QUEUES: Final = {"intake": "IntakeDeadLettersUrl", "events": "EventDeadLettersUrl"}
"""The dead-letter queues, and the outputs of the stack that name them."""

COLOURS: Final = {
    Move.PUT_BACK: "green",
    Move.INVOKE: "green",
    Move.DISCARD: "yellow",
    Move.LEAVE: "red",
}

console = make_console()


def redrive(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete those that cannot be read.")
    ] = False,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Show what could not be delivered to Deckhand, and put it back; mend the cause first."""
    letters = _redrive(find_place(stack, endpoint))
    plans: list[Planned] = []
    done: list[Planned] = []
    try:
        plans.extend(letters.plan(discard=discard))
        _show(plans)
        if not dry_run and _agreed(plans, yes=yes):
            for item in letters.carry_out(plans):
                done.append(item)
    finally:
        # Also when somebody presses Ctrl-C: what is still there can be seen again at once.
        letters.release([item for item in plans if item not in done])
    _tell(plans, done, letters.taken_by_others())


def _redrive(place: Place) -> Redrive:
    url = place.stack.output("IntakeQueueUrl")
    settings = place.stack.settings.model_copy(update={"intake_queue_url": url})
    queues = {
        name: connect.dead_letters(settings, place.stack.output(output))
        for name, output in QUEUES.items()
    }
    return Redrive(queues, connect.queue(settings), connect.functions())


def _show(plans: Sequence[Planned]) -> None:
    if not plans:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("queue", "about", "sent", "received", "what is done", "why it is there"):
        table.add_column(heading, overflow="fold")
    for item in plans:
        letter = item.letter
        table.add_row(
            item.queue,
            escape(letter.about),
            f"{letter.sent_at:%Y-%m-%d %H:%M:%S}",
            str(letter.received),
            f"[{COLOURS[item.move]}]{item.move.value}[/]: {item.reason}",
            escape(letter.why or "not known; the log of the function tells"),
        )
    console.print(table)


def _agreed(plans: Sequence[Planned], *, yes: bool) -> bool:
    movable = sum(item.move is not Move.LEAVE for item in plans)
    return bool(movable) and (yes or typer.confirm(f"Do this with {movable} of them?"))


def _tell(plans: Sequence[Planned], done: Sequence[Planned], taken: int) -> None:
    if not plans:
        console.print("There are no dead letters.")
    elif done:
        counts = {move: sum(item.move is move for item in done) for move in Move}
        told = ", ".join(f"{number} {move.value}" for move, number in counts.items() if number)
        console.print(f"{told}; {len(plans) - len(done)} left.")
    else:
        console.print(f"{len(plans)} left as they are.")
    if taken:
        note.print(
            f"{taken} more cannot be seen now: another redrive has taken them, or one that was "
            "killed. They come back within five minutes."
        )
