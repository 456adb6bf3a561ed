"""The burst: its window of a second, its bill, and what it calls lost or doubled."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.burst import Burst, Measured, Site, event, lost_and_doubled, most_in_a_second, used
from benchmarks.prices import cost_of_run
from deckhand.adapters.queue import read_messages
from deckhand.domain.run import RunState
from tests.conftest import NOW
from tests.makers import run_record

RUNS = ("melt-0123456789abcdef", "film-0123456789abcdef")


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40))
def test_the_fullest_second_is_found(milliseconds: list[int]) -> None:
    moments = [NOW + timedelta(milliseconds=at) for at in milliseconds]
    counted = max(sum(0 <= at - first < 1000 for at in milliseconds) for first in milliseconds)
    assert most_in_a_second(moments) == counted


def test_the_intake_is_told_as_eventbridge_tells_it() -> None:
    body = event("bucket", "inbox/in.burst000001")
    [told] = read_messages([{"messageId": "m", "body": body}])
    assert told.key == "inbox/in.burst000001"
    assert json.loads(body)["detail"]["bucket"]["name"] == "bucket"


def test_a_seed_chooses_the_same_drops_again() -> None:
    one, same = (Burst(100, 0.2, 0.1, 7, "reject").some(0.2, "x") for _ in range(2))
    assert one == same
    assert len(set(one)) == 20


class Quiet:
    """A site where nothing is wrong, but for what a test says."""

    def __init__(self, mails: dict[str, int] | None = None, **closings: int) -> None:
        self._mails = mails or {}
        self._closings = {**dict.fromkeys(RUNS, 1), **closings}

    def mails(self) -> dict[str, int]:
        return self._mails

    def closings(self) -> dict[str, int]:
        return {run_id: number for run_id, number in self._closings.items() if number}

    def dead_letters(self) -> int:
        return 0


def measured(**change: Any) -> Measured:
    burst = Burst(2, 0.0, 0.0, 1, "reject")
    records = [
        run_record(
            run_id=run_id,
            drop=f"inbox/{name}",
            state=RunState.REJECTED,
            closed_at=NOW,
        )
        for run_id, name in zip(RUNS, burst.names, strict=True)
    ]
    given: dict[str, Any] = {
        "site": cast("Site", Quiet()),
        "burst": burst,
        "seconds": 1.0,
        "told": 0,
        "bill": {"requests": {}, "functions": {}},
        "records": records,
        "executions": [{"name": run_id, "startDate": NOW} for run_id in RUNS],
    }
    return Measured(**{**given, **change})


def broken(found: Measured) -> list[str]:
    return [claim.text for claim in lost_and_doubled(found) if not claim.holds]


def test_what_is_well_is_called_well() -> None:
    assert broken(measured()) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"records": measured().records[:1]}, "drops without a run"),
        ({"records": [*measured().records, measured().records[0]]}, "with more than one run"),
        ({"executions": measured().executions[:1]}, "runs without an execution"),
        (
            {"executions": [*measured().executions, {"name": f"{RUNS[0]}-2", "startDate": NOW}]},
            "runs with more than one execution",
        ),
        ({"site": cast("Site", Quiet({RUNS[0]: 2}))}, "more than one e-mail"),
        ({"site": cast("Site", Quiet(**{RUNS[0]: 2}))}, "runs with more than one"),
        ({"site": cast("Site", Quiet(**{RUNS[0]: 0}))}, "runs without a message"),
        (
            {"records": [r.model_copy(update={"closed_at": None}) for r in measured().records]},
            "not closed",
        ),
    ],
)
def test_what_is_lost_or_doubled_is_seen(change: dict[str, Any], text: str) -> None:
    assert any(text in claim for claim in broken(measured(**change)))


def test_the_bill_counts_what_aws_asks_of_itself() -> None:
    functions = {
        "stack-AdmitDrop-1": {"invocations": 2, "seconds": 4.0, "mebibytes": 512},
        "stack-CheckDeck-1": {"invocations": 2, "seconds": 1.0, "mebibytes": 2048},
    }
    requests = {"sqs.SendMessage": 3, "s3.put": 6, "dynamodb.Query": 8, "sns.POST": 2}
    bill = {"functions": functions, "requests": requests}
    use = used(measured(told=1, bill=bill), transitions=10)
    # Two uploads and one duplicate sent, two that grew, four to receive and to delete.
    assert use.sqs == (2 + 1 + 2 + 4) / 2
    assert (use.gigabyte_seconds, use.invocations, use.events) == (2.0, 2.0, 3.0)
    costs = cost_of_run(use)
    assert costs["Step Functions"] == pytest.approx(0.00025)
    assert costs["SNS"] == pytest.approx(0.0000205)
