"""Pruning: three verified checkpoints stay, whatever the events do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.keys import CheckpointId
from deckhand.usecases.prune_checkpoints import PruneCheckpoints
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints
from tests.fakes import FakeBucket, FakeLedger
from tests.makers import RUN, attempt_record, ended_attempt, manifest, put_checkpoint, run_record


@dataclass
class World:
    runs: FakeBucket = field(default_factory=FakeBucket)
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger({RUN: run_record()}))

    def checkpoint(self, *steps: int) -> None:
        for step in steps:
            put_checkpoint(self.runs, manifest(step, 1))

    def prune(self, key: str = keys.manifest(RUN, CheckpointId(1, 1)), keep: int = 3) -> list[str]:
        return [str(item) for item in PruneCheckpoints(self.runs, self.ledger, keep)(key)]

    @property
    def left(self) -> set[int]:
        sizes = self.runs.sizes(keys.checkpoints(RUN))
        return {item.step for item in trusted_checkpoints(self.runs, RUN, sizes)}


@pytest.fixture
def world() -> World:
    return World()


def test_all_but_the_furthest_three_go(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000, 5000)
    assert world.prune() == ["000000001000-a1", "000000002000-a1"]
    assert world.left == {3000, 4000, 5000}
    assert len(world.runs.sizes(keys.checkpoints(RUN))) == 6


def test_a_closed_run_keeps_three_like_any_other(world: World) -> None:
    resumed = attempt_record(2, resumed_from="000000001000-a1")
    world.ledger.runs[RUN] = run_record(attempts=(resumed,))
    world.checkpoint(1000, 2000, 3000, 4000)
    assert world.prune() == []
    done = ended_attempt(2, Verdict.COMPLETED, resumed_from="000000001000-a1")
    world.ledger.runs[RUN] = run_record(attempts=(done,))
    assert world.prune(keys.report(RUN)) == ["000000001000-a1"]
    assert world.prune(keys.result(RUN, "log.lammps")) == []


def test_a_repeated_event_deletes_nothing_more(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000)
    world.prune()
    assert world.prune() == []
    assert world.left == {2000, 3000, 4000}


def test_the_manifest_goes_first(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000)
    world.prune()
    deleted = [key for what, key in world.runs.journal if what == "delete"]
    assert deleted[0] == keys.manifest(RUN, CheckpointId(1000, 1))
    assert len(deleted) == 2


def test_what_a_live_attempt_resumed_from_stays(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000, 5000)
    ended = ended_attempt(1, Verdict.INTERRUPTED, resumed_from="000000002000-a1")
    live = attempt_record(2, resumed_from="000000001000-a1")
    world.ledger.runs[RUN] = run_record(attempts=(ended, live))
    assert world.prune() == ["000000002000-a1"]
    assert world.left == {1000, 3000, 4000, 5000}


def test_unreadable_checkpoints_do_not_count_among_the_three(world: World) -> None:
    world.checkpoint(1000, 2000, 3000)
    world.runs.write(keys.manifest(RUN, CheckpointId(9000, 1)), b"torn")
    world.runs.write(keys.checkpoint_file(RUN, CheckpointId(8000, 1), "restart.zst"), b"uploading")
    assert world.prune() == []
    assert world.left == {1000, 2000, 3000}


def test_the_rest_of_a_deletion_that_died_is_swept_up(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000)
    world.runs.delete([keys.manifest(RUN, CheckpointId(1000, 1))])
    assert world.prune() == ["000000001000-a1"]
    assert world.runs.sizes(keys.checkpoint(RUN, CheckpointId(1000, 1))) == {}


def test_never_fewer_than_three_are_kept(world: World) -> None:
    world.checkpoint(1000, 2000, 3000)
    assert world.prune(keep=1) == []


@pytest.mark.parametrize(
    "key", ["runs/other/checkpoints/000000001000-a1/manifest.json", "runs/x/attempts/1/status.json"]
)
def test_other_keys_and_unknown_runs_prune_nothing(world: World, key: str) -> None:
    world.checkpoint(1000, 2000, 3000, 4000)
    assert world.prune(key) == []
    assert len(world.left) == 4


@given(st.permutations(list(range(1, 9))))
def test_in_any_order_of_arrival_the_furthest_three_stay(order: list[int]) -> None:
    world = World()
    for step in order:
        world.checkpoint(step * 1000)
        world.prune()
        world.prune()
    assert {6000, 7000, 8000} == world.left
