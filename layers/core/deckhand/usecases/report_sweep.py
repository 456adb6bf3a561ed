"""Report of a sweep: what became of each of its runs, in report.json and in a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.cost import Prices, cost, cost_on_demand
from deckhand.domain.errors import StorageError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.report import PointReport, Report, Result, compose_sweep_report, steps_lost
from deckhand.domain.sweep import Point, read_sweep
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket, Ledger

INDEX_NAME = "points.csv"


def report_sweep(
    runs: Bucket, ledger: Ledger, parent: RunRecord, closed_at: datetime, prices: Prices
) -> Report:
    """Safe to repeat. A sweep that cannot be read any more is closed all the same."""
    try:
        sweep = read_sweep(runs.read(keys.sweep(parent.run_id)), parent.run_id)
    except StorageError as error:
        return compose_sweep_report(parent, closed_at, (), problems=(str(error),))
    points = in_parallel(
        lambda point: _reported(point, ledger.run(point.run_id), prices), sweep.points
    )
    body = _table(points).encode()
    key = keys.result(parent.run_id, INDEX_NAME)
    runs.write(key, body)
    index = Result(path=INDEX_NAME, key=key, size=len(body))
    return compose_sweep_report(parent, closed_at, points, results=(index,))


def _reported(point: Point, record: RunRecord | None, prices: Prices) -> PointReport:
    attempts = record.attempts if record else ()
    return PointReport(
        index=point.index,
        run_id=point.run_id,
        variables=point.variables,
        state=record.state if record else None,
        reason=record.reason if record else "It was not begun.",
        cost=round(cost(attempts, prices), 4),
        cost_on_demand=round(cost_on_demand(attempts, prices), 4),
        attempts=len(attempts),
        interruptions=sum(1 for item in attempts if item.verdict is Verdict.INTERRUPTED),
        steps_lost=sum(steps_lost(item) for item in attempts),
        results=keys.results(point.run_id),
    )


def _table(points: Sequence[PointReport]) -> str:
    """points.csv: a line for each run, a column for each variable."""
    names = list(dict.fromkeys(name for point in points for name in point.variables))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["point", "run_id", *names, "state", "cost"])
    for point in points:
        values = [point.variables.get(name, "") for name in names]
        state = point.state.value if point.state else ""
        writer.writerow([point.index, point.run_id, *values, state, point.cost])
    return text.getvalue()
