"""Stacks on the terminal: what is wrong, what it costs, what changes, what stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deckhand.cli.figures import dollars
from deckhand.domain import list_prices
from deckhand.domain.estimate import STORED_TB, Estimate, Full
from deckhand.domain.kept import GB, Kept, removal
from deckhand.domain.parameters import Finding, Level
from deckhand.domain.stack import NESTED, PlannedChange, ResourceEvent, StackState
from deckhand.domain.template_diff import Change
from deckhand.usecases.compare_stack import Comparison
from deckhand.usecases.judge_stack import StackFacts

COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow"}
CHANGE_COLOURS: Final = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow"}
PLACES_SHOWN: Final = 4
NOT_IN_IT: Final = (
    "Not in it: what runs write to S3, logs and traces, requests, traffic through a NAT gateway "
    f"({dollars(list_prices.NAT_GATEWAY_GB)} a GB), taxes. docs/costs.md tells what a run costs."
)
TIERS_SHOWN: Final = {
    "while they are read": "INTELLIGENT_TIERING",
    "untouched for 30 days": "STANDARD_IA",
    "for 90 days": "GLACIER_IR",
}
"""The tiers that S3 moves results to by itself, by the storage class of the same price."""


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    for item in findings:
        where = f"{item.where}: " if item.where else ""
        word = f"[{COLOURS[item.level]}]{item.level.value}[/]"
        console.print(f"{word}  {escape(f'{where}{item.about}: {item.text}')}", soft_wrap=True)


def show_estimate(console: Console, found: Estimate, *, by_table: bool) -> None:
    source = "by" if by_table else "machines by what AWS or MachinePrices says, the rest by"
    console.print(f"[bold]What it costs[/], {source} list prices of {list_prices.AS_OF}")
    table = _table("", "a month")
    for item in found.idle:
        table.add_row(item.what, dollars(item.month))
    table.add_row("[bold]while nothing runs[/]", f"[bold]{dollars(found.idle_month)}[/]")
    console.print(table)
    for market in found.full:
        if market.machines:
            console.print(f"all of {market.market}: {_full_text(market)}", soft_wrap=True)
    console.print(
        f"[bold]at the most[/] {dollars(found.most_hour)} an hour, "
        f"{dollars(found.most_month)} in a month of full machines: SpotMaxvCpus and "
        "OnDemandMaxvCpus are the cap. AWS Batch may go above each by one machine.",
        soft_wrap=True,
    )
    if found.unpriced:
        names = ", ".join(found.unpriced)
        console.print(f"[yellow]not in it[/], for want of a price: {names}", soft_wrap=True)
    tiers = ", ".join(f"{dollars(found.stored[v])} {k}" for k, v in TIERS_SHOWN.items())
    console.print(f"{STORED_TB} TB of results, a month: {tiers}", soft_wrap=True)
    console.print(f"[dim]{NOT_IN_IT}[/]", soft_wrap=True)


def _full_text(full: Full) -> str:
    machines = " or ".join(f"{number} {name}" for name, number in full.machines.items())
    now = dollars(full.least)
    if full.most > full.least:
        now = f"{now} to {dollars(full.most)}"
    ceiling = f", never above {dollars(full.ceiling)}" if full.ceiling > full.most else ""
    return f"{machines}, {now} an hour{ceiling}"


def show_comparison(console: Console, found: Comparison) -> None:
    if found.values:
        table = _table("parameter", "now", "then")
        for value in found.values:
            table.add_row(value.name, _value(value.old), _value(value.new))
        console.print(table)
    if found.resources:
        table = _table("stack", "what", "of", "is", "where")
        for item in found.resources:
            places = ", ".join(item.details[:PLACES_SHOWN])
            more = len(item.details) - PLACES_SHOWN
            colour = CHANGE_COLOURS[item.change]
            table.add_row(
                *(item.stack, item.name, item.what, f"[{colour}]{item.change.value}[/]"),
                escape(places + (f" and {more} more" if more > 0 else "")),
            )
        console.print(table)


def _value(value: str | None) -> str:
    return "[dim]none[/]" if value is None else escape(value) or "[dim]empty[/]"


def show_planned(console: Console, changes: Iterable[PlannedChange]) -> None:
    found = list(changes)
    if all(item.action == "Add" for item in found):
        nested = sum(item.kind == NESTED for item in found)
        console.print(
            f"change set: {len(found)} resources are made, {nested} of them nested stacks"
        )
        return
    table = _table("change set", "resource", "type", "replaced")
    for item in found:
        table.add_row(item.action, item.name, item.kind, item.replacement)
    console.print(table)


def show_failures(console: Console, events: Iterable[ResourceEvent]) -> None:
    for event in events:
        stack = f"{event.stack}/" if event.stack else ""
        line = f"{stack}{event.name} {event.status}: {event.reason}"
        console.print(f"[red]✗[/] {escape(line)}", soft_wrap=True)


def show_facts(console: Console, facts: StackFacts) -> None:
    table = _table()
    for state, name in _named(facts):
        colour = "green" if state.is_sound else "yellow" if state.is_moving else "red"
        reason = f" [dim]{escape(state.reason)}[/]" if state.reason else ""
        table.add_row(name, f"[{colour}]{state.status}[/]{reason}")
    if facts.image:
        pushed = {True: "[green]pushed[/]", False: "[red]not pushed[/]", None: "not told"}
        table.add_row("image", f"{pushed[facts.image_pushed]} [dim]{escape(facts.image)}[/]")
    for address, confirmed in facts.subscribers:
        word = "[green]confirmed[/]" if confirmed else "[yellow]not confirmed[/]"
        table.add_row("messages", f"{word} {escape(address)}")
    for queue in facts.queues:
        colour = "green" if queue.is_sound else "red"
        table.add_row("batch", f"[{colour}]{queue.state} {queue.status}[/] {escape(queue.name)}")
    if facts.open_runs is not None:
        table.add_row("runs open", str(facts.open_runs))
    console.print(table)


def _named(facts: StackFacts) -> list[tuple[StackState, str]]:
    nested = [(item, f"  {item.name}") for item in facts.nested]
    return [(facts.state, facts.state.name), *nested]


def show_kept(console: Console, kept: Sequence[Kept]) -> None:
    table = _table("what stays", "type", "size", "a month")
    for item in kept:
        table.add_row(
            escape(item.resource.physical_id), item.resource.kind, _size(item), dollars(item.month)
        )
    console.print(table)


def show_removal(console: Console, kept: Sequence[Kept], region: str, profile: str) -> None:
    if kept:
        console.print("To remove these for ever, results and all:")
    for item in kept:
        for command in removal(item.resource, region, profile):
            console.print(f"  {escape(command)}", soft_wrap=True, highlight=False)


def _size(item: Kept) -> str:
    holding = item.holding
    if not holding.known:
        return ""
    more = "more than " if holding.at_least else ""
    return f"{more}{holding.size / GB:,.2f} GB, {holding.items:,} items"


def _table(*headings: str) -> Table:
    table = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        show_header=any(headings),
        padding=(0, 2, 0, 0),
    )
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
