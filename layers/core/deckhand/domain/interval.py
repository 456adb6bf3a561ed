"""How long a run goes from one checkpoint to the next.

More checkpoints cost more, fewer lose more at an interruption. The interval that costs least is
that of Young (1974, Commun. ACM 17, 530), as Daly refined it (2006, Future Gener. Comput. Syst. 22,
303, eq. 20).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from deckhand.domain.status import Ending, Status

FLOOR_SECONDS: Final = 60.0
"""Below it, requests and events cost more than the steps that they save."""

EXPECTED: Final = timedelta(hours=10)
"""Between two interruptions of a spot machine, as long as none has been seen."""

STORED_PER_INTERVAL: Final = 2
"""A checkpoint shall be in S3 long before the next one comes."""

_INTERRUPTED: Final = (Ending.SPOT_NOTICE, Ending.TERMINATED, None)


@dataclass(frozen=True)
class Interval:
    """Wall-clock *seconds* between checkpoints, and the reason in words."""

    seconds: float
    reason: str


def between_interruptions(history: Iterable[Status]) -> timedelta:
    """The time to expect until the next interruption of a spot machine.

    What the attempts before this one saw, with one interruption after `EXPECTED` added: the first
    few tell little.
    """
    lived, interruptions = EXPECTED, 1
    for status in history:
        lived += max(timedelta(), status.updated_at - status.started_at)
        interruptions += status.ending in _INTERRUPTED
    return lived / interruptions


def checkpoint_interval(
    ceiling: float, stalled: float | None, stored: float, between: timedelta | None
) -> Interval:
    """The interval that costs least, *ceiling* seconds at most.

    *stalled* seconds is what a checkpoint takes of the simulation (None while it is not known),
    *stored* seconds pass until it is in S3, *between* passes between two interruptions (None on a
    machine that is not interrupted).
    """
    if between is None:
        return Interval(ceiling, f"every {ceiling:,.0f} s, as set: no interruption is expected")
    if not stalled:
        return Interval(ceiling, f"every {ceiling:,.0f} s, as set: no checkpoint is measured yet")
    best = _daly(stalled, between.total_seconds())
    floor = max(FLOOR_SECONDS, STORED_PER_INTERVAL * stored)
    seconds = min(ceiling, max(floor, best))
    bound = ""
    if seconds > best:
        bound = f", but no less than {seconds:,.0f} s"
    elif seconds < best:
        bound = f", but {ceiling:,.0f} s at most, as set"
    return Interval(
        seconds,
        f"every {seconds:,.0f} s: a checkpoint stops the simulation for {stalled:.2g} s and an "
        f"interruption is expected every {between.total_seconds() / 3600:.1f} h, which makes "
        f"{best:,.0f} s best{bound}",
    )


def _daly(cost: float, between: float) -> float:
    if cost >= 2 * between:
        return between
    ratio = math.sqrt(cost / (2 * between))
    return math.sqrt(2 * cost * between) * (1 + ratio / 3 + ratio**2 / 9) - cost
