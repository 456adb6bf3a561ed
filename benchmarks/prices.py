"""What the control plane of a run costs: counts, times the list prices of AWS in us-east-2.

Prices as of 2026, without free tiers; look them up before you rely on them. Logs, traces and alarms
depend on their settings and are not in it, nor is the machine that computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MILLION: Final = 1e6
TRANSITION: Final = 0.025 / 1000
INVOCATION: Final = 0.20 / MILLION
GIGABYTE_SECOND: Final = 0.0000133334
"""On arm64."""

SQS_REQUEST: Final = 0.40 / MILLION
EVENT: Final = 1.00 / MILLION
"""An event of S3 that a bucket sends to EventBridge."""

WRITE: Final = 0.625 / MILLION
READ: Final = 0.125 / MILLION
"""Of DynamoDB on demand: 1 KB written, 4 KB read; a consistent read of what we keep is one."""

INDEXED: Final = 2
"""A write of an item that is in the index is two."""

PUT: Final = 0.005 / 1000
"""Of S3: PUT, COPY, POST, LIST."""

GET: Final = 0.0004 / 1000
PUBLISH: Final = 0.50 / MILLION
MAIL: Final = 2.00 / 100_000


@dataclass(frozen=True)
class Use:
    """What one run used of each service."""

    transitions: float
    sqs: float
    events: float
    s3_puts: float
    s3_gets: float
    reads: float
    writes: float
    invocations: float
    gigabyte_seconds: float
    messages: float


def cost_of_run(use: Use) -> dict[str, float]:
    """US dollars by service."""
    return {
        "Step Functions": use.transitions * TRANSITION,
        "Lambda": use.invocations * INVOCATION + use.gigabyte_seconds * GIGABYTE_SECOND,
        "S3": use.s3_puts * PUT + use.s3_gets * GET,
        "DynamoDB": use.reads * READ + use.writes * WRITE * INDEXED,
        "SQS": use.sqs * SQS_REQUEST,
        "EventBridge": use.events * EVENT,
        "SNS": use.messages * (PUBLISH + MAIL),
    }
