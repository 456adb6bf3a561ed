"""The points at which a run does not come to its true end yet, each with the reason.

A point that is mended must be struck off: `python -m tests.chaos` and the tests fail until it is.
"""

from __future__ import annotations

from typing import Final

from tests.chaos.faults import How, Point

KNOWN: Final[tuple[tuple[str, frozenset[How], str], ...]] = ()
"""Parts of requests, the ways in which they go wrong, and why."""


def known(point: Point) -> str:
    """Why this point is known to fail; empty where it has to hold."""
    for what, ways, reason in KNOWN:
        if point.how in ways and any(part in point.request for part in what.split("|")):
            return reason
    return ""
