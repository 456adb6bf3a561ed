"""The contract of the ledger, kept by DynamoDB (moto) and by the fake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

import pytest

from deckhand.adapters.ledger import Ledger as DynamoLedger
from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.errors import LedgerError
from deckhand.domain.ledger import Wish
from deckhand.domain.options import Purchase
from deckhand.domain.run import RunState
from deckhand.usecases.ports import Ledger
from tests.conftest import NOW
from tests.fakes import FakeLedger
from tests.makers import ADMITTED, RUN, attempt_record, ended_attempt, run_record


@pytest.fixture(params=["fake", "dynamodb"])
def ledger(request: pytest.FixtureRequest, aws: Callable[[str], Any], ledger_table: str) -> Ledger:
    return FakeLedger() if request.param == "fake" else DynamoLedger(aws("dynamodb"), ledger_table)


def test_a_run_is_admitted_once(ledger: Ledger) -> None:
    first = run_record(state=RunState.CHECKING, drop="inbox/Prüfung 50%+/")
    assert ledger.admit(first) == first
    assert ledger.admit(first.model_copy(update={"admitted_at": NOW})) == first
    assert ledger.run(RUN) == first


def test_nobody_is_nobody(ledger: Ledger) -> None:
    assert ledger.run("nobody") is None
    assert ledger.recent(5) == []
    assert ledger.advance("nobody", RunState.RUNNING) is False
    ledger.mark_started("nobody", NOW)
    ledger.record_cost("nobody", 1.0)
    ledger.record_projected_cost("nobody", 1.0)
    assert ledger.since(ADMITTED) == []
    with pytest.raises(LedgerError):
        ledger.close("nobody", RunState.FAILED, "why", NOW)
    assert ledger.run("nobody") is None


def test_where_a_run_is_bought_comes_back(ledger: Ledger) -> None:
    ledger.admit(run_record())
    assert ledger.advance(RUN, RunState.CHECKING, purchase=Purchase.SPOT_ONLY)
    assert [record.purchase for record in ledger.open_runs()] == [Purchase.SPOT_ONLY]
    found = ledger.run(RUN)
    assert found is not None
    assert found.purchase is Purchase.SPOT_ONLY


def test_a_run_moves_on_until_it_is_closed(ledger: Ledger) -> None:
    ledger.admit(run_record(state=RunState.CHECKING))
    ledger.mark_started(RUN, NOW)
    assert ledger.advance(RUN, RunState.WAITING) is True
    assert ledger.advance(RUN, RunState.RUNNING, deck="in.melt", total_steps=5_000_000_000)
    ledger.close(RUN, RunState.COMPLETED, "The end.", NOW)
    assert ledger.advance(RUN, RunState.RUNNING) is False
    record = ledger.run(RUN)
    assert record == run_record(
        state=RunState.COMPLETED,
        reason="The end.",
        started_at=NOW,
        closed_at=NOW,
        deck="in.melt",
        total_steps=5_000_000_000,
    )


def test_the_first_to_close_wins(ledger: Ledger) -> None:
    ledger.admit(run_record())
    first = ledger.close(RUN, RunState.CANCELLED, "by hand", NOW)
    second = ledger.close(RUN, RunState.FAILED, "later", NOW + timedelta(seconds=1))
    assert second == first
    assert (second.state, second.reason, second.closed_at) == (RunState.CANCELLED, "by hand", NOW)


def test_an_attempt_is_planned_once_and_judged_once(ledger: Ledger) -> None:
    ledger.admit(run_record())
    planned = attempt_record(1, reason="Spot is the cheaper market.")
    assert ledger.plan(RUN, planned) is True
    assert ledger.plan(RUN, planned.model_copy(update={"market": Market.ON_DEMAND})) is False
    judged = ended_attempt(
        1, Verdict.INTERRUPTED, 1.23456, checkpoint="000000001000-a1", reached_step=7, advanced=True
    )
    assert ledger.record_verdict(RUN, judged) is True
    assert ledger.record_verdict(RUN, ended_attempt(1, Verdict.DECK_ERROR)) is False
    assert ledger.record_verdict(RUN, ended_attempt(2, Verdict.DECK_ERROR)) is False
    record = ledger.run(RUN)
    assert record is not None
    assert record.attempts == (judged,)


def test_attempts_come_oldest_first_beyond_the_ninth(ledger: Ledger) -> None:
    ledger.admit(run_record())
    for number in range(1, 13):
        ledger.plan(RUN, attempt_record(number))
    record = ledger.run(RUN)
    assert record is not None
    assert [item.number for item in record.attempts] == list(range(1, 13))


@pytest.mark.parametrize("cost", [0.0, 0.1 + 0.2, 1234.5678, 1e-7])
def test_a_cost_comes_back_as_it_was(ledger: Ledger, cost: float) -> None:
    ledger.admit(run_record())
    ledger.record_cost(RUN, cost)
    ledger.record_projected_cost(RUN, cost * 2)
    record = ledger.run(RUN)
    assert record is not None
    assert (record.cost, record.projected_cost) == (cost, cost * 2)


def test_the_newest_runs_come_first_without_their_attempts(ledger: Ledger) -> None:
    for number in range(5):
        at = ADMITTED + timedelta(milliseconds=number)
        ledger.admit(run_record(run_id=f"run-{number}", admitted_at=at))
        ledger.plan(f"run-{number}", attempt_record(1))
    assert [item.run_id for item in ledger.recent(3)] == ["run-4", "run-3", "run-2"]
    assert len(ledger.recent(50)) == 5
    assert all(item.attempts == () for item in ledger.recent(50))


def test_the_runs_that_are_not_closed(ledger: Ledger) -> None:
    for number in range(3):
        ledger.admit(run_record(run_id=f"melt-{number:016x}", state=RunState.RUNNING))
    ledger.close(f"melt-{1:016x}", RunState.FAILED, "it broke", NOW)
    assert {run.run_id for run in ledger.open_runs()} == {f"melt-{0:016x}", f"melt-{2:016x}"}


def test_a_wish_is_heard_once_and_never_after_the_end(ledger: Ledger) -> None:
    ledger.admit(run_record())
    assert ledger.express(RUN, Wish.HOLD, NOW) is True
    assert ledger.express(RUN, Wish.STOP, NOW) is False
    assert ledger.express(RUN, Wish.STOP, NOW + timedelta(seconds=1)) is True
    record = ledger.run(RUN)
    assert record is not None
    assert (record.wish, record.steered_at) == (Wish.STOP, NOW + timedelta(seconds=1))
    ledger.close(RUN, RunState.CANCELLED, "stopped", NOW)
    assert ledger.express(RUN, Wish.HOLD, NOW + timedelta(hours=1)) is False
    assert ledger.express("nobody-0123456789abcdef", Wish.HOLD, NOW) is False


def test_a_run_that_was_closed_goes_on_in_its_next_round(ledger: Ledger) -> None:
    first = ledger.admit(run_record())
    ledger.express(RUN, Wish.STOP, NOW)
    ledger.close(RUN, RunState.CANCELLED, "stopped", NOW)
    later = NOW + timedelta(hours=1)
    change = {"steered_at": later, "forgiven": 2, "dollars": 40.5, "extensions": (500, 20)}
    assert ledger.begin_round(first, later, **change) is True
    assert ledger.begin_round(first, later, **change) is False
    record = ledger.run(RUN)
    assert record is not None
    assert (record.state, record.round, record.closed_at) == (RunState.RUNNING, 2, None)
    assert (record.wish, record.started_at, record.steered_at) == (None, later, later)
    assert (record.forgiven, record.dollars, record.extensions) == (2, 40.5, (500, 20))
    assert [run.run_id for run in ledger.open_runs()] == [RUN]
    ledger.close(RUN, RunState.COMPLETED, "again", later)
    assert list(ledger.open_runs()) == []


def test_a_round_can_keep_a_wish(ledger: Ledger) -> None:
    record = ledger.admit(run_record())
    ledger.begin_round(record, NOW, wish=Wish.HOLD, taken_up=1)
    begun = ledger.run(RUN)
    assert begun is not None
    assert (begun.wish, begun.taken_up) == (Wish.HOLD, 1)


def test_a_round_that_somebody_asks_for_too_late_is_not_begun(ledger: Ledger) -> None:
    record = ledger.admit(run_record())
    ledger.express(RUN, Wish.HOLD, NOW)
    assert ledger.begin_round(record, NOW, steered_at=NOW) is False
    assert ledger.begin_round(record, NOW, steered_at=NOW + timedelta(seconds=1)) is True


def test_attempts_are_let_go_once_in_a_while(ledger: Ledger) -> None:
    minute = timedelta(minutes=1)
    assert ledger.begin_relief(NOW, 2 * minute) is True
    assert ledger.begin_relief(NOW, 2 * minute) is False
    assert ledger.begin_relief(NOW + minute, 2 * minute) is False
    assert ledger.begin_relief(NOW + 3 * minute, 2 * minute) is True
    assert ledger.recent(5) == []
    assert list(ledger.open_runs()) == []


def test_runs_are_found_from_their_admission_on(ledger: Ledger) -> None:
    for number in range(5):
        at = ADMITTED + timedelta(milliseconds=number)
        ledger.admit(run_record(run_id=f"run-{number}", admitted_at=at))
        ledger.plan(f"run-{number}", attempt_record(1))
    found = ledger.since(ADMITTED + timedelta(milliseconds=2))
    assert [item.run_id for item in found] == ["run-4", "run-3", "run-2"]
    assert all(item.attempts == () for item in found)
    assert len(ledger.since(ADMITTED.astimezone(timezone(timedelta(hours=5))))) == 5
    assert ledger.since(ADMITTED + timedelta(seconds=1)) == []


def test_a_list_shows_a_sweep_and_not_its_points(ledger: Ledger) -> None:
    ledger.admit(run_record(points=2))
    for index in range(2):
        name = f"melt-p000{index}-0123456789abcdef"
        ledger.admit(run_record(run_id=name, parent=RUN, point=index, admitted_at=NOW))
    assert [item.run_id for item in ledger.recent(5)] == [RUN]
    assert len(ledger.since(ADMITTED)) == 3
    assert [item.point for item in ledger.since(NOW)] in ([0, 1], [1, 0])
    opened = {item.run_id: item.point for item in ledger.open_runs()}
    assert set(opened.values()) == {None, 0, 1}
    assert ledger.advance(RUN, RunState.RUNNING, points_done=2)
    record = ledger.run(RUN)
    assert record is not None
    assert (record.points, record.points_done) == (2, 2)


def test_what_a_run_cost_is_not_known_while_it_goes_on_again(ledger: Ledger) -> None:
    ledger.admit(run_record())
    ledger.close(RUN, RunState.FAILED, "why", NOW)
    ledger.record_cost(RUN, 3.0)
    record = ledger.run(RUN)
    assert record is not None
    assert ledger.begin_round(record, NOW)
    again = ledger.run(RUN)
    assert again is not None
    assert again.cost is None
