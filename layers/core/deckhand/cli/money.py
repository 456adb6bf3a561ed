"""The money of a run on the terminal: spent, expected, allowed, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.markup import escape

from deckhand.cli.figures import dollars, span
from deckhand.domain.ledger import DEFAULT_OWNER, RunRecord
from deckhand.domain.projection import about
from deckhand.usecases.forecast_run import Forecast


def money_facts(record: RunRecord, forecast: Forecast, now: datetime) -> Iterator[tuple[str, str]]:
    """Name and text of each fact that is known."""
    cost = cost_text(record, forecast)
    if cost:
        yield "cost", cost
    if not record.state.is_final:
        end = end_text(forecast, now)
        if end:
            yield "end", end
        if record.dollars is not None:
            yield "cap", cap_text(record.dollars, forecast)
    if (record.owner, record.group) != (DEFAULT_OWNER, DEFAULT_OWNER):
        yield "owner", escape(f"{record.owner}, group {record.group}")


def cost_text(record: RunRecord, forecast: Forecast) -> str:
    if record.state.is_final:
        return dollars(forecast.spent) if forecast.spent else ""
    so_far = f"{dollars(forecast.spent)} so far"
    if forecast.left is not None and forecast.in_all is not None:
        return f"{so_far}, about {dollars(forecast.in_all)} in all, by {forecast.left.basis}"
    if record.projected_cost is not None:
        return f"{so_far}, about {dollars(record.projected_cost)} in all"
    return so_far if forecast.spent else ""


def end_text(forecast: Forecast, now: datetime) -> str:
    """The time without another interruption; while nothing runs, only how much is left."""
    if forecast.left is None:
        return ""
    if forecast.ends_at is None:
        return f"about {about(forecast.left.seconds)} of computing once it has a machine"
    ends_in = span((forecast.ends_at - now).total_seconds())
    return f"about {forecast.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in {ends_in}"


def cap_text(cap: float, forecast: Forecast) -> str:
    used = f"{dollars(cap)}, {100 * forecast.spent / cap:.0f} % used"
    if forecast.in_all is not None and forecast.in_all > cap:
        return f"[yellow]{used}: it will be reached before the end, and the run held[/]"
    return used
