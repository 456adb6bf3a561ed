"""`deckhand costs`: what the runs of a time have used and cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from deckhand.cli.console import make_console
from deckhand.cli.figures import dollars
from deckhand.cli.place import EndpointOption, StackOption, find_place
from deckhand.domain.account import Account, Grouping, accounts, total
from deckhand.usecases.list_costs import ListCosts

DEFAULT_TIME: Final = timedelta(days=30)

console = make_console()


def costs(
    by: Annotated[Grouping, typer.Option(help="What to sum up by.")] = Grouping.OWNER,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Runs admitted on that day (UTC) or later; 30 days back."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Show machine hours and cost of runs, and what they would have cost on demand."""
    place = find_place(stack, endpoint)
    now = datetime.now(UTC)
    begin = since.replace(tzinfo=UTC) if since else now - DEFAULT_TIME
    forecast = place.forecast
    records = ListCosts(place.runs, place.ledger, forecast)(begin, now)
    found = accounts(records, forecast.rates.fallback, by)
    if as_json:
        print(json.dumps(document(found, by, begin), indent=1))
    elif found:
        console.print(table(found, by))
        console.print(
            f"\n[dim]Runs admitted since {begin:%Y-%m-%d} UTC; machines only, not storage and "
            "network: docs/costs.md[/]",
            soft_wrap=True,
        )
    else:
        console.print(f"No run was admitted since {begin:%Y-%m-%d} UTC.")


def document(found: Sequence[Account], by: Grouping, since: datetime) -> dict[str, object]:
    return {
        "by": by.value,
        "since": since.isoformat(),
        "accounts": [item.model_dump(mode="json") for item in found],
        "total": total(found).model_dump(mode="json"),
    }


def table(found: Sequence[Account], by: Grouping) -> Table:
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column(by.value, no_wrap=True, overflow="ellipsis")
    for name in ("runs", "machine hours", "on spot", "cost", "on demand", "saved"):
        shown.add_column(name, justify="right", no_wrap=True)
    for item in found:
        shown.add_row(*_row(item))
    if len(found) > 1:
        shown.add_row(*_row(total(found)), style="bold")
    return shown


def _row(item: Account) -> tuple[str, ...]:
    return (
        escape(item.name),
        f"{item.runs:,}",
        f"{item.seconds / 3600:,.1f}",
        _percent(item.spot_share),
        dollars(item.cost),
        dollars(item.cost_on_demand),
        _percent(item.saved),
    )


def _percent(part: float | None) -> str:
    return "" if part is None else f"{100 * part:.0f} %"
