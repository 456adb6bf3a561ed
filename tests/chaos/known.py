"""The points at which a run does not come to its true end yet, each with the reason.

A point that is mended must be struck off: `python -m tests.chaos` and the tests fail until it is.
"""

from __future__ import annotations

from typing import Final

from tests.chaos.faults import How, Point

KNOWN: Final[tuple[tuple[str, frozenset[How], str], ...]] = (
    (
        "machine: CloseRun",
        frozenset({How.ABORTED_BEFORE}),
        "nobody takes up a run whose execution was aborted",
    ),
    (
        "machine: CheckDeck|machine: PlanAttempt|machine: SubmitJob|machine: JudgeAttempt",
        frozenset({How.ABORTED_BEFORE, How.ABORTED_AFTER}),
        "nobody takes up a run whose execution was aborted",
    ),
    (
        "check_deck: s3.GetObject|plan_attempt: s3.GetObject|judge_attempt: s3.GetObject"
        "|close_run: s3.GetObject",
        frozenset({How.TORN}),
        "an answer of S3 that breaks off (ResponseStreamingError) is in no Retry of the machine",
    ),
    (
        "close_run: sns.Publish",
        frozenset({How.REFUSED, How.BROKEN, How.UNREACHABLE}),
        "MessageNotSentError is in no Retry of CloseRun, so the operator is told instead",
    ),
    (
        "close_run: dynamodb.UpdateItem run message_at",
        frozenset({How.TWICE}),
        "a claim that the SDK has tried again takes itself for somebody else's, and is silent",
    ),
)
"""Parts of requests, the ways in which they go wrong, and why."""


def known(point: Point) -> str:
    """Why this point is known to fail; empty where it has to hold."""
    for what, ways, reason in KNOWN:
        if point.how in ways and any(part in point.request for part in what.split("|")):
            return reason
    return ""
