"""Ways of buying, side by side on one market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from benchmarks.policy.carry import Carried, Work, at, carry
from benchmarks.policy.market import HOUR, ON_DEMAND_PRICE, Market
from deckhand.domain.options import Purchase, RunOptions
from deckhand.domain.policy import Policy

SLACK: Final = 1.1
"""The deadline of a run, in times of its work after it comes."""

HOUR_SECONDS: Final = 3600
FOREVER: Final = 365 * 24 * HOUR_SECONDS


@dataclass(frozen=True)
class Way:
    """A way of buying; `in_time` says that it is told the deadline."""

    name: str
    policy: Policy = field(default_factory=Policy)
    purchase: Purchase = Purchase.SPOT_FIRST
    in_time: bool = False

    def options(self, work: Work, slack: float) -> RunOptions:
        deadline = at(work.begins) + timedelta(seconds=slack * work.seconds)
        return RunOptions(purchase=self.purchase, deadline=deadline if self.in_time else None)


def slices(hours: int) -> Policy:
    """All slices on demand of one length."""
    seconds = hours * HOUR_SECONDS
    return Policy(first_slice_seconds=seconds, on_demand_seconds=seconds)


GREEDY: Final = Policy(
    losses_before_on_demand=1,
    brief_seconds=FOREVER,
    on_demand_seconds=FOREVER,
    first_slice_seconds=FOREVER,
)

ON_DEMAND: Final = Way("on demand", purchase=Purchase.ON_DEMAND)
SPOT_ONLY: Final = Way("spot only", purchase=Purchase.SPOT_ONLY)
DECKHAND: Final = Way("Deckhand")
IN_TIME: Final = Way("Deckhand, told the deadline", in_time=True)

WAYS: Final = (
    ON_DEMAND,
    SPOT_ONLY,
    Way("greedy: one loss, then on demand", GREEDY),
    DECKHAND,
    IN_TIME,
    Way("  its deadline without safety", Policy(safety=1.0), in_time=True),
    Way("  every loss counts", Policy(brief_seconds=FOREVER)),
    Way("  slices of 2 h", slices(2)),
    Way("  slices of 6 h", slices(6)),
)


@dataclass(frozen=True)
class Row:
    """What a way of buying came to; shares are of all runs, spans in times of the work."""

    way: str
    dollars: float
    dollars_95: float
    of_on_demand: float
    span: float
    span_95: float
    missed: float
    unfinished: float
    attempts: float
    attempts_most: int


def compare(market: Market, ways: Iterable[Way], works: Sequence[Work], slack: float) -> list[Row]:
    """Every way with the same runs; spot only is left out where there is no spot."""
    rows = []
    for way in ways:
        if way.purchase is Purchase.SPOT_ONLY and not any(zone.changes for zone in market.zones):
            continue
        runs = [carry(work, market, way.policy, way.options(work, slack)) for work in works]
        rows.append(row(way.name, runs, slack))
    return rows


def row(name: str, runs: Sequence[Carried], slack: float) -> Row:
    done = [run for run in runs if run.is_finished]
    dollars = [run.dollars for run in runs]
    spans = [run.seconds / run.work.seconds for run in done]
    counts = [float(len(run.attempts)) for run in runs]
    pure = sum(run.work.seconds for run in runs) / HOUR * ON_DEMAND_PRICE
    return Row(
        way=name,
        dollars=quantile(dollars, 0.5),
        dollars_95=quantile(dollars, 0.95),
        of_on_demand=sum(dollars) / pure,
        span=quantile(spans, 0.5),
        span_95=quantile(spans, 0.95),
        missed=1 - sum(span <= slack for span in spans) / len(runs),
        unfinished=1 - len(done) / len(runs),
        attempts=quantile(counts, 0.5),
        attempts_most=int(max(counts)),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest one; not a number without any."""
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))] if ordered else float("nan")
