"""A sweep on the terminal: its runs, and what their results are called."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from deckhand.cli.figures import dollars
from deckhand.cli.place import Place
from deckhand.cli.view import COLOURS
from deckhand.domain import keys
from deckhand.domain.cost import cost
from deckhand.domain.ledger import RunRecord
from deckhand.domain.report import Result
from deckhand.domain.run import RunState
from deckhand.domain.sweep import Point, read_sweep
from deckhand.usecases.parallel import in_parallel

MOST_SHOWN = 50


def points_of(place: Place, record: RunRecord) -> tuple[Point, ...]:
    if not record.points:
        return ()
    return read_sweep(place.runs.read(keys.sweep(record.run_id)), record.run_id).points


def runs_of(place: Place, record: RunRecord) -> list[RunRecord]:
    """The runs of a sweep that there are; of any other run, none."""
    points = points_of(place, record)
    found = in_parallel(lambda point: place.ledger.run(point.run_id), points)
    return [item for item in found if item is not None]


def points_table(place: Place, record: RunRecord) -> Table:
    """The runs of a sweep, those that did not complete in front."""
    points = points_of(place, record)
    records = {item.run_id: item for item in runs_of(place, record)}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("variables", "state"):
        table.add_column(name)
    table.add_column("cost", justify="right")
    table.add_column("run", no_wrap=True)
    ordered = sorted(points, key=lambda point: _is_completed(records.get(point.run_id)))
    prices = place.forecast.rates.fallback
    for point in ordered[:MOST_SHOWN]:
        mine = records.get(point.run_id)
        state = mine.state.value if mine else "not begun"
        colour = COLOURS.get(mine.state, "cyan") if mine else "dim"
        spent = cost(mine.attempts, prices) if mine else 0.0
        table.add_row(escape(point.label), f"[{colour}]{state}[/]", dollars(spent), point.run_id)
    if len(points) > MOST_SHOWN:
        table.add_row(f"and {len(points) - MOST_SHOWN:,} more", "", "", "")
    return table


def results_of(place: Place, run_id: str) -> list[Result]:
    """The results of a run, and of the runs of a sweep in a folder for each."""
    record = place.ledger.run(run_id)
    points = points_of(place, record) if record else ()
    below = in_parallel(lambda point: list(_results(place, point.run_id, point.name)), points)
    return [*_results(place, run_id), *(item for items in below for item in items)]


def _results(place: Place, run_id: str, folder: str = "") -> Iterator[Result]:
    prefix = keys.results(run_id)
    for key, size in place.runs.sizes(prefix).items():
        inside = key.removeprefix(prefix)
        yield Result(path=f"{folder}/{inside}" if folder else inside, key=key, size=size)


def _is_completed(record: RunRecord | None) -> bool:
    return record is not None and record.state is RunState.COMPLETED
