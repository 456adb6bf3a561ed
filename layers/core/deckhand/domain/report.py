"""The report of a closed run: what happened, what was lost, what it cost, where the results are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from deckhand.domain.advice import Facts, advice, mean_utilisation
from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.cost import Prices, cost, cost_on_demand, per_hour
from deckhand.domain.deck import Frozen
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest
from deckhand.domain.options import Value
from deckhand.domain.run import RunState


class AttemptReport(Frozen):
    """One attempt; `steps_lost` were computed after its last checkpoint, hence twice.

    `price_per_hour` is what its cost was computed with, in US dollars.
    """

    number: int
    market: Market
    verdict: Verdict | None
    reason: str
    seconds: float
    cost: float
    price_per_hour: float | None = None
    instance_type: str | None = None
    availability_zone: str | None = None
    from_step: int | None
    reached_step: int | None
    checkpoint: str | None
    steps_lost: int
    gpu_utilisation: float | None = None


class SegmentReport(Frozen):
    attempt: int
    from_step: int
    to_step: int


class Result(Frozen):
    """An output of the deck as one object below results/; size in bytes."""

    path: str
    key: str
    size: int


class PointReport(Frozen):
    """One run of a sweep; `state` is None where it was not begun, `results` the prefix of its own.

    `index` counts from 0, like the jobs of its array.
    """

    index: int
    run_id: str
    variables: dict[str, Value]
    state: RunState | None
    reason: str
    cost: float
    cost_on_demand: float
    attempts: int
    interruptions: int
    steps_lost: int
    results: str


class Report(Frozen):
    """results/report.json. `problems` are outputs that could not be put together, and why.

    `gpu_utilisation` is the mean of its attempts in per cent, `advice` what helps if that is low.
    That of a sweep has `points` and no attempts.
    """

    schema_version: Literal[1] = 1
    run_id: str
    drop: str
    deck: str | None
    state: RunState
    reason: str
    admitted_at: datetime
    closed_at: datetime
    total_steps: int | None
    last_step: int | None
    cost: float
    cost_on_demand: float
    attempts: tuple[AttemptReport, ...]
    lineage: tuple[SegmentReport, ...]
    results: tuple[Result, ...]
    problems: tuple[str, ...]
    log_tail: tuple[str, ...]
    points: tuple[PointReport, ...] = ()
    gpu_utilisation: float | None = None
    advice: tuple[str, ...] = ()

    @property
    def interruptions(self) -> int:
        own = sum(1 for item in self.attempts if item.verdict is Verdict.INTERRUPTED)
        return own + sum(point.interruptions for point in self.points)

    @property
    def steps_lost(self) -> int:
        own = sum(item.steps_lost for item in self.attempts)
        return own + sum(point.steps_lost for point in self.points)


def compose_report(
    record: RunRecord,
    closed_at: datetime,
    prices: Prices,
    manifest: Manifest | None = None,
    results: Sequence[Result] = (),
    problems: Sequence[str] = (),
    log_tail: Sequence[str] = (),
    facts: Facts | None = None,
) -> Report:
    segments = manifest.segments if manifest else ()
    return Report(
        run_id=record.run_id,
        drop=record.drop,
        deck=record.deck,
        state=record.state,
        reason=record.reason,
        admitted_at=record.admitted_at,
        closed_at=closed_at,
        total_steps=record.total_steps,
        last_step=manifest.step if manifest else None,
        cost=round(cost(record.attempts, prices), 4),
        cost_on_demand=round(cost_on_demand(record.attempts, prices), 4),
        attempts=tuple(_attempt(item, prices) for item in record.attempts),
        lineage=tuple(
            SegmentReport(attempt=s.attempt, from_step=s.from_step, to_step=s.to_step)
            for s in segments
        ),
        results=tuple(results),
        problems=tuple(problems),
        log_tail=tuple(log_tail),
        gpu_utilisation=mean_utilisation(record.attempts),
        advice=advice(record.attempts, facts or Facts()),
    )


def compose_sweep_report(
    record: RunRecord,
    closed_at: datetime,
    points: Sequence[PointReport],
    results: Sequence[Result] = (),
    problems: Sequence[str] = (),
) -> Report:
    return Report(
        run_id=record.run_id,
        drop=record.drop,
        deck=record.deck,
        state=record.state,
        reason=record.reason,
        admitted_at=record.admitted_at,
        closed_at=closed_at,
        total_steps=None,
        last_step=None,
        cost=round(sum(point.cost for point in points), 4),
        cost_on_demand=round(sum(point.cost_on_demand for point in points), 4),
        attempts=(),
        lineage=(),
        results=tuple(results),
        problems=tuple(problems),
        log_tail=(),
        points=tuple(points),
    )


def steps_lost(record: AttemptRecord) -> int:
    """Steps an attempt computed after its last checkpoint; the next one computes them again."""
    if record.verdict in (None, Verdict.COMPLETED) or record.reached_step is None:
        return 0
    kept = record.from_step or 0
    if record.checkpoint is not None:
        kept = max(kept, CheckpointId.parse(record.checkpoint).step)
    return max(0, record.reached_step - kept)


def _attempt(record: AttemptRecord, prices: Prices) -> AttemptReport:
    return AttemptReport(
        number=record.number,
        market=record.market,
        verdict=record.verdict,
        reason=record.reason,
        seconds=record.seconds,
        cost=round(cost([record], prices), 4),
        price_per_hour=round(per_hour(record, prices), 6),
        instance_type=record.instance_type,
        availability_zone=record.availability_zone,
        from_step=record.from_step,
        reached_step=record.reached_step,
        checkpoint=record.checkpoint,
        steps_lost=steps_lost(record),
        gpu_utilisation=record.gpu_utilisation,
    )
