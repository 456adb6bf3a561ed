"""Plans: the right checkpoint, the right market, and the same answer twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.errors import LedgerError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.policy import Policy
from deckhand.domain.run import RunState
from deckhand.usecases.plan_attempt import PlanAttempt, Planned
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeLedger
from tests.makers import RUN, ended_attempt, manifest, put_checkpoint, run_record


@dataclass
class World:
    runs: FakeBucket = field(default_factory=FakeBucket)
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger({RUN: run_record()}))

    def plan(self) -> Planned:
        return PlanAttempt(self.runs, self.ledger, Policy())(RUN, NOW)

    def history(self, *verdicts: Verdict, advanced: bool = True) -> None:
        ended = (
            ended_attempt(number, verdict, advanced=advanced)
            for number, verdict in enumerate(verdicts, start=1)
        )
        self.ledger.runs[RUN] = run_record(attempts=tuple(ended))


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_attempt_starts_from_the_beginning_on_spot(world: World) -> None:
    planned = world.plan()
    assert (planned.decision, planned.attempt, planned.checkpoint) == ("spot", 1, "")
    assert planned.timeout_seconds == Policy().spot_seconds
    assert world.ledger.runs[RUN].attempts[0].planned_at == NOW


def test_an_attempt_resumes_from_the_furthest_checkpoint(world: World) -> None:
    for step, attempt in ((1000, 1), (3000, 1), (2000, 2)):
        put_checkpoint(world.runs, manifest(step, attempt))
    world.history(Verdict.INTERRUPTED, Verdict.INTERRUPTED)
    assert world.plan().checkpoint == "000000003000-a1"


def test_a_checkpoint_without_a_readable_manifest_or_a_file_is_passed_over(world: World) -> None:
    put_checkpoint(world.runs, manifest(1000, 1))
    world.runs.write(keys.manifest(RUN, CheckpointId(5000, 1)), b'{"schema_version": 99}')
    world.runs.write(keys.checkpoint_file(RUN, CheckpointId(4000, 1), "restart.zst"), b"xxxx")
    put_checkpoint(world.runs, manifest(3000, 1))
    world.runs.delete([keys.checkpoint_file(RUN, CheckpointId(3000, 1), "restart.zst")])
    moved = manifest(2000, 1).model_dump_json().encode()
    world.runs.write(keys.manifest(RUN, CheckpointId(6000, 1)), moved)
    assert world.plan().checkpoint == "000000001000-a1"


def test_a_repeated_plan_is_the_same_plan(world: World) -> None:
    first = world.plan()
    put_checkpoint(world.runs, manifest(1000, 1))
    assert world.plan() == first
    assert len(world.ledger.runs[RUN].attempts) == 1


def test_three_losses_buy_a_slice_on_demand(world: World) -> None:
    world.history(Verdict.INTERRUPTED, Verdict.INTERRUPTED, Verdict.INTERRUPTED)
    planned = world.plan()
    assert (planned.decision, planned.attempt) == (Market.ON_DEMAND.value, 4)
    assert planned.timeout_seconds == Policy().on_demand_seconds


def test_a_run_that_gets_nowhere_is_given_up(world: World) -> None:
    world.history(*[Verdict.INFRASTRUCTURE] * 5, advanced=False)
    planned = world.plan()
    assert (planned.decision, planned.attempt, planned.timeout_seconds) == ("give up", 5, 0)
    assert "5 attempts in a row" in planned.reason
    assert len(world.ledger.runs[RUN].attempts) == 5


def test_a_closed_run_is_not_planned(world: World) -> None:
    world.ledger.close(RUN, RunState.CANCELLED, "stopped by hand", NOW)
    planned = world.plan()
    assert (planned.decision, "stopped by hand" in planned.reason) == ("give up", True)


def test_of_two_planners_the_second_takes_over_the_plan_of_the_first(world: World) -> None:
    class Raced(FakeLedger):
        """Somebody else plans the same attempt just before."""

        def plan(self, run_id: str, attempt: AttemptRecord) -> bool:
            super().plan(run_id, attempt.model_copy(update={"timeout_seconds": 77}))
            return super().plan(run_id, attempt)

    world.ledger = Raced({RUN: run_record()})
    assert world.plan().timeout_seconds == 77


def test_an_unknown_run_is_an_error(world: World) -> None:
    world.ledger.runs.clear()
    with pytest.raises(LedgerError):
        world.plan()
