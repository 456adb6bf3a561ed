"""Spot markets: when a zone has machines, how long they live, and what they cost."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
SPAN: Final = 120 * DAY
"""Of a synthetic market; then it begins again, as a published trace does."""

SPOT_PRICE: Final = 0.75
ON_DEMAND_PRICE: Final = 2.74
"""US dollars for an hour of an A100, an eighth of a p4d.24xlarge in us-east-2."""


@dataclass(frozen=True)
class Zone:
    """When machines can be had: changes from none to some and back, in turn, over *span* seconds.

    A machine is taken away at the latest when there are none to be had any more.
    """

    changes: tuple[float, ...]
    span: float

    def comes(self, at: float, patience: float) -> float | None:
        """When a machine comes that is asked for now; None if it takes longer than *patience*."""
        index = bisect_right(self.changes, at % self.span)
        if index % 2:
            return at
        come = at - at % self.span + self._change(index)
        return come if come - at <= patience else None

    def ends(self, at: float) -> float:
        """Until when a machine that came at this time can be kept."""
        index = bisect_right(self.changes, at % self.span)
        return at - at % self.span + self._change(index)

    def _change(self, index: int) -> float:
        """After the last change the zone begins again."""
        if index < len(self.changes):
            return self.changes[index]
        if not self.changes:
            return math.inf
        has_machines = index % 2 == 1
        if not has_machines or self.changes[0] > 0:
            return self.span + (0.0 if has_machines else self.changes[0])
        return self.span + self.changes[1] if len(self.changes) > 1 else math.inf


@dataclass(frozen=True)
class Market:
    """A region: one spot queue for each zone, and machines on demand.

    `life` is the mean hours after which a machine is taken though others can be had, `shape` that
    of the Weibull distribution: below 1, many die young.
    """

    name: str
    zones: tuple[Zone, ...]
    on_demand: Zone
    life: float = math.inf
    shape: float = 1.0

    def lives(self, chance: Random) -> float:
        """Seconds."""
        if math.isinf(self.life):
            return math.inf
        scale = self.life * HOUR / math.gamma(1 + 1 / self.shape)
        return chance.weibullvariate(scale, self.shape)


ALWAYS: Final = Zone((0.0,), SPAN)
NEVER: Final = Zone((), SPAN)


def synthetic(seed: int) -> Iterator[Market]:
    """From mild to without any machine."""
    usual = _zones(seed, 1, every=72, lasts=2)
    dry = _zones(seed, 1, every=20, lasts=4)
    dry_zones = _zones(seed, 3, every=20, lasts=4)
    scarce = _zones(seed + 1, 1, every=30, lasts=6)[0]
    yield Market("mild: machines live 48 h", (ALWAYS,), ALWAYS, life=48)
    yield Market("ordinary: 12 h, every 3 days a drought", usual, ALWAYS, life=12, shape=0.8)
    yield Market("hard: 3 h, a drought a day", dry, ALWAYS, life=3, shape=0.7)
    yield Market("hard, 3 zones", dry_zones, ALWAYS, life=3, shape=0.7)
    yield Market("hard, and on demand scarce too", dry, scarce, life=3, shape=0.7)
    yield Market("brutal: 40 min, half of it drought", _zones(seed, 1, 8, 8), ALWAYS, life=0.66)
    yield Market("no spot at all", (NEVER,), ALWAYS)


def _zones(seed: int, count: int, every: float, lasts: float) -> tuple[Zone, ...]:
    """Zones with droughts, half of them shared by all; *every* so many hours one that *lasts*."""
    chance = Random(f"droughts {seed} {every} {lasts}")
    shared = list(_droughts(chance, 2 * every, lasts))
    return tuple(
        _zone(sorted([*shared, *_droughts(chance, 2 * every, lasts)])) for _ in range(count)
    )


def _droughts(chance: Random, every: float, lasts: float) -> Iterator[tuple[float, float]]:
    at = 0.0
    while at < SPAN:
        at += chance.expovariate(1 / (every * HOUR))
        # Of the same mean; an hour at least and thirty at most.
        hours = min(30.0, max(1.0, chance.lognormvariate(math.log(lasts) - 0.32, 0.8)))
        yield at, at + hours * HOUR
        at += hours * HOUR


def _zone(droughts: Sequence[tuple[float, float]]) -> Zone:
    """All but the droughts, which are sorted and may overlap."""
    changes = [0.0]
    for begin, end in droughts:
        if begin > changes[-1]:
            changes += [begin, end]
        else:
            changes[-1] = max(changes[-1], end)
    return Zone(tuple(change for change in changes if change < SPAN), SPAN)


def published(folder: Path) -> Iterator[Market]:
    """Traces below *folder*, a market for each region.

    A trace is {"metadata": {"gap_seconds": …}, "data": [machines that could be had, …]}.
    """
    regions: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("us-*_v100_1.json")):
        region = path.name.split("_")[0][:-1]
        regions.setdefault((path.parent.name, region), []).append(path)
    for (name, region), paths in regions.items():
        zones = tuple(_read(path) for path in paths)
        yield Market(f"{name}: {region}, {len(zones)} zones", zones, ALWAYS)


def _read(path: Path) -> Zone:
    document = json.loads(path.read_text(encoding="utf-8"))
    gap, states = float(document["metadata"]["gap_seconds"]), [n > 0 for n in document["data"]]
    changes = [gap * (index + 1) for index, (a, b) in enumerate(pairwise(states)) if a != b]
    return Zone((0.0, *changes) if states[0] else tuple(changes), gap * len(states))
