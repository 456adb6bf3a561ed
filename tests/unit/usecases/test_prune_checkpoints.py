"""Pruning: three verified checkpoints stay, whatever the events do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Segment
from deckhand.usecases.prune_checkpoints import PruneCheckpoints
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeLedger
from tests.makers import (
    RUN,
    attempt_record,
    ended_attempt,
    manifest,
    piece_key,
    put_checkpoint,
    put_output,
    put_status,
    run_record,
)


def own(attempt: int, from_step: int, to_step: int) -> Segment:
    return Segment(attempt=attempt, from_step=from_step, to_step=to_step)


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


def test_a_live_attempt_keeps_three_of_its_own_beside_those_of_a_zombie(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000, 5000)
    for step in (2500, 3500):
        way = (Segment(attempt=1, from_step=0, to_step=2000),)
        put_checkpoint(world.runs, manifest(step, 2, *way, own(2, 2000, step)))
    lost = ended_attempt(1, Verdict.INTERRUPTED)
    world.ledger.runs[RUN] = run_record(
        attempts=(lost, attempt_record(2, resumed_from="000000002000-a1"))
    )
    assert world.prune() == ["000000001000-a1", "000000003000-a1"]
    assert world.left == {2000, 2500, 3500, 4000, 5000}


def test_what_a_live_attempt_took_instead_of_the_planned_one_stays(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000, 5000)
    planned = attempt_record(2, resumed_from="000000005000-a1")
    world.ledger.runs[RUN] = run_record(attempts=(planned,))
    skipped = [f"00000000{step}-a1: damaged" for step in (5000, 4000, 3000, 2000)]
    put_status(world.runs, 2, resumed_from="000000001000-a1", skipped=skipped)
    assert world.prune() == []
    put_checkpoint(world.runs, manifest(1500, 2, own(2, 1000, 1500)))
    put_checkpoint(world.runs, manifest(1700, 2, own(2, 1000, 1700)))
    assert world.prune() == ["000000002000-a1", "000000003000-a1", "000000004000-a1"]
    assert world.left == {1000, 1500, 1700, 5000}


def test_the_upload_of_a_live_attempt_is_not_swept(world: World) -> None:
    world.checkpoint(1000, 2000, 3000, 4000)
    for attempt in (1, 2):
        key = keys.checkpoint_file(RUN, CheckpointId(1500, attempt), "restart.zst")
        world.runs.write(key, b"uploading")
    lost = ended_attempt(1, Verdict.INTERRUPTED)
    world.ledger.runs[RUN] = run_record(attempts=(lost, attempt_record(2)))
    assert "000000001500-a1" in world.prune()
    assert world.runs.sizes(keys.checkpoint(RUN, CheckpointId(1500, 2)))


def test_nothing_unfinished_is_left_of_a_closed_run(world: World) -> None:
    outputs = (put_output(world.runs, 1, "log.lammps", b"to 1000\n", b"to 2000\n"),)
    way = Segment(attempt=1, from_step=0, to_step=2000, outputs=outputs)
    put_checkpoint(world.runs, manifest(2000, 1, way))
    loose = piece_key(1, "log.lammps", 16, b"more")
    torn = keys.checkpoint_file(RUN, CheckpointId(3000, 1), "restart.zst")
    for key in (loose, torn):
        world.runs.write(key, b"stored, and then the machine was gone")
    lost = ended_attempt(1, Verdict.INTERRUPTED)
    world.ledger.runs[RUN] = run_record(attempts=(lost,))
    assert world.prune() == []
    assert {loose, torn} <= world.runs.sizes("").keys()
    world.ledger.runs[RUN] = run_record(attempts=(lost,), closed_at=NOW)
    assert world.prune(keys.report(RUN)) == ["000000003000-a1"]
    assert {loose, torn}.isdisjoint(world.runs.sizes(""))
    assert len(world.runs.sizes(keys.outputs(RUN, 1))) == 2


def test_what_an_attempt_stores_that_may_live_is_not_swept(world: World) -> None:
    """A run may be closed by whoever lost sight of its attempt."""
    put_output(world.runs, 1, "log.lammps", b"stored, and the manifest is to come\n")
    world.ledger.runs[RUN] = run_record(attempts=(attempt_record(1),), closed_at=NOW)
    world.prune(keys.report(RUN))
    assert len(world.runs.sizes(keys.outputs(RUN, 1))) == 1


def test_what_was_found_damaged_stays_until_there_are_enough_others(world: World) -> None:
    world.checkpoint(1000, 2000, 3000)
    skipped = [f"00000000{step}-a1: damaged" for step in (3000, 2000)]
    put_status(world.runs, 2, skipped=skipped)
    ended = (ended_attempt(1, Verdict.INTERRUPTED), ended_attempt(2, Verdict.DECK_ERROR))
    world.ledger.runs[RUN] = run_record(attempts=ended, closed_at=NOW)
    assert world.prune(keys.report(RUN)) == []
    world.checkpoint(1100, 1200)
    assert world.prune(keys.report(RUN)) == ["000000002000-a1", "000000003000-a1"]
    assert world.left == {1000, 1100, 1200}


def test_no_output_is_swept_where_the_end_of_the_run_cannot_be_read(world: World) -> None:
    put_output(world.runs, 1, "log.lammps", b"all of it\n")
    world.runs.write(keys.completion(RUN, 1), b"damaged")
    done = ended_attempt(1, Verdict.COMPLETED)
    world.ledger.runs[RUN] = run_record(attempts=(done,), closed_at=NOW)
    world.prune(keys.report(RUN))
    assert len(world.runs.sizes(keys.outputs(RUN, 1))) == 1


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
