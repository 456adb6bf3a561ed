"""Pruning and closing that die at any operation: done again, they end as if nothing had happened.

Buckets, ledger and topic are those of the unit tests; every call of them is an operation, and the
process dies before it, after it, or hears an error of one that was done.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from botocore.exceptions import ConnectionClosedError

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.cost import Prices
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import OutputKind, Segment
from deckhand.domain.message import is_repeated
from deckhand.domain.report import Report
from deckhand.domain.run import RunState
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.prune_checkpoints import PruneCheckpoints
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints
from tests.conftest import NOW
from tests.crash.faults import ENDED, STRUCK, Counted, How, Operation, Point, Tally
from tests.fakes import FakeBucket, FakeLedger, FakeOutbox, FakeTopic, telling
from tests.makers import (
    RUN,
    attempt_record,
    ended_attempt,
    manifest,
    piece_key,
    put_checkpoint,
    put_completion,
    put_output,
    put_run,
    put_status,
    run_record,
)


class CrashError(BaseException):
    """The process is gone: nobody catches that."""


@dataclass
class World:
    """What is left of a run when a process dies."""

    bucket: FakeBucket = field(default_factory=lambda: FakeBucket("the-runs"))
    ledger: FakeLedger = field(default_factory=FakeLedger)
    topic: FakeTopic = field(default_factory=FakeTopic)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)

    @property
    def stored(self) -> dict[str, bytes | None]:
        return {key: self.bucket.read(key) for key in self.bucket.sizes("")}

    @property
    def trusted(self) -> list[CheckpointId]:
        sizes = self.bucket.sizes(keys.checkpoints(RUN))
        return [item.checkpoint_id for item in trusted_checkpoints(self.bucket, RUN, sizes)]


@dataclass
class Deed:
    """A use case on a world: how the world was, and what is done to it."""

    make: Callable[[], World]
    do: Callable[[World, Tally], object]

    def points(self) -> list[Point]:
        operations: list[Operation] = []

        def note(what: str, operation: Operation, _: str) -> None:
            if what == ENDED:
                operations.append(operation)

        self.do(self.make(), Tally(None, _die, note))
        return [Point(str(operation), how) for operation in operations for how in How]

    def undisturbed(self) -> World:
        world = self.make()
        self.do(world, Tally(None, _die))
        return world

    def struck(self, point: Point) -> World:
        """The world after a deed that met with *point*; nearly every one comes to nothing there."""
        world = self.make()
        met: list[Operation] = []

        def note(what: str, operation: Operation, _: str) -> None:
            if what == STRUCK:
                met.append(operation)

        with suppress(CrashError, ConnectionClosedError):
            self.do(world, Tally(point, _die, note))
        assert len(met) == 1
        return world


def _die() -> None:
    raise CrashError


def prune(key: str) -> Callable[[World, Tally], object]:
    def do(world: World, tally: Tally) -> object:
        runs = Counted(world.bucket, "bucket", tally)
        return PruneCheckpoints(runs, Counted(world.ledger, "ledger", tally))(key)

    return do


def close(world: World, tally: Tally) -> object:
    runs = Counted(world.bucket, "bucket", tally)
    ledger = Counted(world.ledger, "ledger", tally)
    tell = telling(Counted(world.topic, "topic", tally), Counted(world.outbox, "outbox", tally))
    closing = CloseRun(runs, ledger, tell, Prices(1.0, 4.0))
    return closing(RUN, RunState.COMPLETED, "The end.", NOW)


def with_many_checkpoints() -> World:
    """Two branches, a torn checkpoint behind them, and one that is being uploaded."""
    world = World()
    for step in (1000, 2000, 3000, 4000, 5000):
        put_checkpoint(world.bucket, manifest(step, 1))
    for step in (2500, 3500):
        way = (
            Segment(attempt=1, from_step=0, to_step=2000),
            Segment(attempt=2, from_step=2000, to_step=step),
        )
        put_checkpoint(world.bucket, manifest(step, 2, *way, parent="000000002000-a1"))
    for torn in (CheckpointId(1500, 1), CheckpointId(9000, 2)):
        world.bucket.write(keys.checkpoint_file(RUN, torn, "restart.zst"), b"torn")
    world.ledger.runs[RUN] = run_record(
        attempts=(
            ended_attempt(1, Verdict.INTERRUPTED),
            attempt_record(2, resumed_from="000000002000-a1"),
        )
    )
    return world


def with_leftovers() -> World:
    """A closed run of which an attempt has stored more than any manifest names."""
    world = with_many_checkpoints()
    put_output(world.bucket, 1, "log.lammps", b"never part of anything\n")
    named = (put_output(world.bucket, 2, "log.lammps", b"to the end\n"),)
    end = Segment(attempt=2, from_step=2000, to_step=9500, outputs=named)
    put_completion(world.bucket, manifest(9500, 2, end))
    world.ledger.runs[RUN] = run_record(
        closed_at=NOW,
        attempts=(ended_attempt(1, Verdict.INTERRUPTED), ended_attempt(2, Verdict.COMPLETED)),
    )
    return world


def with_an_end() -> World:
    """A completed run of two attempts that nobody has closed."""
    world = World()
    first = Segment(
        attempt=1,
        from_step=0,
        to_step=1000,
        outputs=(
            put_output(world.bucket, 1, "log.lammps", b"head\n", b"step 1000\n"),
            put_output(world.bucket, 1, "final.data", b"half", kind=OutputKind.WHOLE),
        ),
    )
    second = Segment(
        attempt=2,
        from_step=1000,
        to_step=5000,
        outputs=(
            put_output(world.bucket, 2, "log.lammps", b"step 5000\n"),
            put_output(world.bucket, 2, "final.data", b"whole", kind=OutputKind.WHOLE),
            put_output(world.bucket, 2, "gone.data", b"x", kind=OutputKind.WHOLE),
        ),
    )
    for number in (1, 2):
        put_status(world.bucket, number, step=1000)
    put_run(world.bucket)
    put_checkpoint(world.bucket, manifest(1000, 1, first))
    put_completion(world.bucket, manifest(5000, 2, first, second, parent="000000001000-a1"))
    # A piece that is lost must be in the report, however often it is written.
    world.bucket.delete([piece_key(2, "gone.data", 0, b"x")])
    world.ledger.runs[RUN] = run_record(
        attempts=(
            ended_attempt(1, Verdict.INTERRUPTED, 2),
            ended_attempt(2, Verdict.COMPLETED, 1, resumed_from="000000001000-a1"),
        )
    )
    return world


PRUNE = Deed(with_many_checkpoints, prune(keys.manifest(RUN, CheckpointId(3500, 2))))
SWEEP = Deed(with_leftovers, prune(keys.report(RUN)))
CLOSE = Deed(with_an_end, close)


@pytest.mark.parametrize("point", PRUNE.points(), ids=str)
def test_pruning_done_again_ends_the_same(point: Point) -> None:
    world = PRUNE.struck(point)
    assert PRUNE.undisturbed().trusted == [
        CheckpointId(5000, 1),
        CheckpointId(4000, 1),
        CheckpointId(3500, 2),
        CheckpointId(2500, 2),
        CheckpointId(2000, 1),
    ]
    assert {*PRUNE.undisturbed().trusted} <= {*world.trusted}
    PRUNE.do(world, Tally(None, _die))
    assert world.stored == PRUNE.undisturbed().stored


@pytest.mark.parametrize("point", SWEEP.points(), ids=str)
def test_sweeping_done_again_ends_the_same(point: Point) -> None:
    world = SWEEP.struck(point)
    SWEEP.do(world, Tally(None, _die))
    assert world.stored == SWEEP.undisturbed().stored
    kept = [CheckpointId(5000, 1), CheckpointId(4000, 1), CheckpointId(3500, 2)]
    assert world.trusted == kept
    assert len(world.bucket.sizes(keys.checkpoints(RUN))) == 2 * len(kept)
    assert not world.bucket.sizes(keys.outputs(RUN, 1))
    assert len(world.bucket.sizes(keys.outputs(RUN, 2))) == 1


@pytest.mark.parametrize("point", CLOSE.points(), ids=str)
def test_closing_done_again_ends_the_same(point: Point) -> None:
    world = CLOSE.struck(point)
    CLOSE.do(world, Tally(None, _die))
    expected = CLOSE.undisturbed()
    assert world.stored == expected.stored
    assert world.ledger.runs[RUN] == expected.ledger.runs[RUN]
    report = Report.model_validate_json(world.bucket.read(keys.report(RUN)) or b"")
    assert [problem.partition(":")[0] for problem in report.problems] == ["gone.data"]
    assert {item.path for item in report.results} == {"log.lammps", "final.data"}


@pytest.mark.parametrize("point", CLOSE.points(), ids=str)
def test_people_are_told_and_hear_of_it_where_it_may_be_twice(point: Point) -> None:
    world = CLOSE.struck(point)
    CLOSE.do(world, Tally(None, _die))
    assert len(world.topic.messages) <= 1
    later = telling(world.topic, world.outbox, lambda: NOW + timedelta(hours=1))
    later.again(timedelta(minutes=15))
    first, *more = world.topic.messages
    assert [is_repeated(message) for message in more] in ([], [True])
    assert more == [] or not is_repeated(first)
    assert later.again(timedelta(0)) == ()
