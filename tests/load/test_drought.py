"""A day without spot machines: what is to be had on demand is used, and everybody gets there."""

from __future__ import annotations

from itertools import pairwise

import pytest

from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.cost import cost
from deckhand.domain.run import RunState
from tests.load.batch import ON_DEMAND
from tests.load.clock import EPOCH
from tests.load.drought import (
    BEGINS,
    HOUR,
    LASTS,
    MINUTE,
    ON_DEMAND_VCPUS,
    PRICES,
    VCPUS,
    World,
    cleared,
    longest_still,
    most_attempts,
    verdicts,
)

ENDS = BEGINS + LASTS


@pytest.fixture(scope="module")
def world() -> World:
    return World(relieves=True).sail()


@pytest.fixture(scope="module")
def alone() -> World:
    return World(relieves=False).sail()


def test_every_run_completes_within_its_cap(world: World) -> None:
    for record in world.ledger.runs.values():
        assert record.state is RunState.COMPLETED, record.reason
        assert record.dollars is not None
        assert cost(record.attempts, PRICES) <= record.dollars


def test_what_is_to_be_had_on_demand_is_used_and_no_more(world: World) -> None:
    assert max(vcpus for _, vcpus in world.batch.usage[ON_DEMAND]) == ON_DEMAND_VCPUS
    assert world.share_used(BEGINS + 20 * MINUTE, ENDS) > 0.9


def test_the_room_on_demand_is_taken_within_the_first_hour(world: World, alone: World) -> None:
    room = ON_DEMAND_VCPUS // VCPUS
    assert alone.moved(BEGINS, BEGINS + HOUR) <= 6
    moved = world.moved(BEGINS, BEGINS + HOUR)
    assert room <= moved <= room + 6, "those that AWS itself lets go come on top"


def test_nobody_is_moved_while_there_is_spot(world: World) -> None:
    assert world.moved(0, BEGINS) == 0


def test_after_the_drought_nobody_waits_on_demand(world: World) -> None:
    assert world.longest_on_demand_queue > 0
    assert cleared(world) <= 20 * MINUTE
    late = [
        attempt
        for record in world.ledger.runs.values()
        for before, attempt in pairwise(record.attempts)
        if before.verdict is Verdict.NO_CAPACITY
        and attempt.market is Market.ON_DEMAND
        and (attempt.planned_at - EPOCH).total_seconds() > ENDS + MINUTE
    ]
    assert late == []


def test_nobody_starves(world: World) -> None:
    assert longest_still(world) < LASTS + 24 * HOUR


def test_waiting_uses_up_no_attempts(world: World) -> None:
    assert verdicts(world)[Verdict.NO_CAPACITY] > 0
    assert most_attempts(world) < 50


def test_people_hear_of_a_run_once_in_the_end_and_once_for_every_slice(world: World) -> None:
    told = [(item.run_id, item.event, item.occasion) for item in world.topic.messages]
    assert len(set(told)) == len(told)
    ends = [item.run_id for item in world.topic.messages if item.event.value == "run_completed"]
    assert sorted(ends) == sorted(world.ledger.runs)


def test_the_same_seed_gives_the_same_voyage(world: World) -> None:
    again = World(relieves=True).sail()
    assert again.attempts() == world.attempts()
