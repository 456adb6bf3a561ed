"""Attempts, checkpoints, pruning, zombies and late events in any order, against a model of them.

The model knows which checkpoints became real, whom each attempt resumed from, and nothing of S3.
A zombie is an attempt that has its verdict and goes on writing all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.checkpoint import KEEP
from deckhand.domain.cost import Prices
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Segment
from deckhand.domain.policy import Policy
from deckhand.domain.run import RunState
from deckhand.usecases.plan_attempt import PlanAttempt
from deckhand.usecases.prune_checkpoints import PruneCheckpoints
from deckhand.usecases.trusted_checkpoints import trusted_checkpoints
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeJobs, FakeLedger, FakeTopic, telling
from tests.makers import PROFILES, RUN, manifest, put_run, put_status, run_record

NO_LIMITS = Policy(
    fruitless_limit=10**6, infrastructure_limit=10**6, attempt_limit=10**6, waiting_seconds=10**9
)
FOREIGN = keys.manifest("other-0123456789abcdef", CheckpointId(1, 1))


@dataclass
class Process:
    """An attempt that lives: where it stands, and what its manifests say of the way there."""

    number: int
    parent: CheckpointId | None
    lineage: tuple[Segment, ...]
    step: int
    uploading: CheckpointId | None = None

    @property
    def origin(self) -> int:
        return self.parent.step if self.parent else 0


class Checkpoints(RuleBasedStateMachine):
    """One run from its first attempt until after its end."""

    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.bucket = FakeBucket()
        self.ledger = FakeLedger({RUN: run_record()})
        put_run(self.bucket)
        self.live: Process | None = None
        self.zombies: list[Process] = []
        self.made: dict[CheckpointId, tuple[Segment, ...]] = {}
        self.rotten: set[CheckpointId] = set()
        self.passed_over: set[CheckpointId] = set()
        self.known: set[CheckpointId] = set()
        self.swept = True

    # What attempts do -----------------------------------------------------------------------

    @precondition(lambda self: self.live is None and not self.is_closed)
    @rule()
    def attempt_begins(self) -> None:
        services = self.bucket, self.ledger, FakeJobs(), telling(FakeTopic())
        plan = PlanAttempt(*services, NO_LIMITS, PROFILES, Prices(0.2, 0.5), 300, 600)
        planned = plan(RUN, NOW)
        there = self.there()
        self.known = {*there}
        assert planned.order is not None
        assert planned.order.checkpoint == (str(there[0]) if there else "")
        parent = next((item for item in there if item not in self.rotten), None)
        self.passed_over = {item for item in there if parent is None or item > parent}
        put_status(
            self.bucket,
            planned.attempt,
            ending=None,
            resumed_from=str(parent) if parent else None,
            skipped=tuple(f"{item}: damaged" for item in self.passed_over),
        )
        lineage = self.made[parent] if parent else ()
        step = parent.step if parent else 0
        self.live = Process(planned.attempt, parent, lineage, step)

    @precondition(lambda self: self.live is not None or self.zombies)
    @rule(which=st.integers(0, 3), steps=st.integers(1, 4), late=st.booleans())
    def upload_begins(self, which: int, steps: int, late: bool) -> None:
        """An event that is late comes while the files are there, and the manifest is not."""
        self.upload(self.pick(self.processes(), which), steps)
        if late and self.made:
            self.prune(keys.manifest(RUN, max(self.made)))

    @precondition(lambda self: any(process.uploading for process in self.processes()))
    @rule(target=events, which=st.integers(0, 3))
    def manifest_is_written(self, which: int) -> str:
        uploading = [process for process in self.processes() if process.uploading]
        return self.complete(self.pick(uploading, which))

    @precondition(lambda self: self.live is not None or self.zombies)
    @rule(target=events, which=st.integers(0, 3), count=st.integers(1, 4), prompt=st.booleans())
    def checkpoints_are_made(self, which: int, count: int, prompt: bool) -> str:
        process = self.pick(self.processes(), which)
        for _ in range(count):
            self.upload(process, 1)
            key = self.complete(process)
        if prompt:
            self.prune(key)
        return key

    @precondition(lambda self: self.live is not None)
    @rule(survives=st.booleans(), followed=st.booleans())
    def attempt_is_given_up(self, survives: bool, followed: bool) -> None:
        """Its machine is lost, as far as anybody knows."""
        assert self.live is not None
        self.verdict(self.live, Verdict.INTERRUPTED)
        if survives:
            self.zombies.append(self.live)
        self.live, self.swept = None, False
        if followed:
            self.attempt_begins()

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 3))
    def zombie_dies(self, which: int) -> None:
        self.zombies.remove(self.pick(self.zombies, which))

    @precondition(lambda self: self.live is not None and len(self.made) > 5)
    @rule(target=events)
    def attempt_completes(self) -> str:
        assert self.live is not None
        self.verdict(self.live, Verdict.COMPLETED)
        self.live, self.swept = None, False
        self.ledger.close(RUN, RunState.COMPLETED, "The end.", NOW)
        return keys.report(RUN)

    @precondition(lambda self: len(self.there()) > 1)
    @rule(which=st.integers(0, 3))
    def checkpoint_rots(self, which: int) -> None:
        """Only an attempt that reads it all sees that; one that is whole is always left."""
        sound = [item for item in self.there() if item not in self.rotten]
        if len(sound) > 1:
            self.rotten.add(self.pick(sound, which))

    # What events do -------------------------------------------------------------------------

    @rule(key=events)
    def event_comes(self, key: str) -> None:
        self.prune(key)

    @rule(key=consumes(events))
    def event_comes_for_the_last_time(self, key: str) -> None:
        self.prune(key)

    @rule(key=consumes(events))
    def event_is_lost(self, key: str) -> None:
        """Nobody hears of it."""

    @rule(key=st.sampled_from([FOREIGN, keys.status(RUN, 1), keys.result(RUN, "log.lammps")]))
    def event_of_something_else_comes(self, key: str) -> None:
        before = self.bucket.sizes("")
        assert PruneCheckpoints(self.bucket, self.ledger)(key) == []
        assert self.bucket.sizes("") == before

    def prune(self, key: str) -> None:
        before = set(self.there())
        gone = set(PruneCheckpoints(self.bucket, self.ledger)(key))
        after = self.bucket.sizes("")
        assert PruneCheckpoints(self.bucket, self.ledger)(key) == []
        assert self.bucket.sizes("") == after
        assert set(self.there()) == before - gone
        assert set(self.there()) == self.wanted(before)
        self.swept = True

    # What must hold at all times ------------------------------------------------------------

    @invariant()
    def three_are_there_or_all_of_the_run(self) -> None:
        """What rots unseen counts among the three: who prunes does not read it all."""
        if not self.rotten:
            assert self.furthest({*self.made}) <= {*self.there()}

    @invariant()
    def three_are_there_or_all_of_the_way_of_the_live_attempt(self) -> None:
        """Of those, that is, that were there when it began: it may follow a zombie."""
        if self.live is not None and not self.rotten:
            assert self.furthest(self.way_of(self.live) & self.known) <= {*self.there()}

    @invariant()
    def the_newest_that_is_whole_is_there(self) -> None:
        sound = {*self.made} - self.rotten
        if sound and len(self.rotten) < KEEP:
            assert max(sound) in self.there()

    @invariant()
    def what_the_live_attempt_resumed_from_is_there(self) -> None:
        if self.live is not None and self.live.parent is not None:
            assert self.live.parent in self.there()

    @invariant()
    def a_closed_run_that_was_swept_has_nothing_torn(self) -> None:
        if self.is_closed and self.swept:
            left = {key.split("/")[3] for key in self.bucket.sizes(keys.checkpoints(RUN))}
            assert left == {str(item) for item in self.there()}

    # The model ------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        return self.ledger.runs[RUN].closed_at is not None

    def pick(self, among: Sequence[Any], which: int) -> Any:
        return among[which % len(among)]

    def upload(self, process: Process, steps: int) -> None:
        process.step += 1000 * steps
        process.uploading = CheckpointId(process.step, process.number)
        key = keys.checkpoint_file(RUN, process.uploading, "restart.zst")
        self.bucket.write(key, b"xxxx")
        self.swept = False

    def complete(self, process: Process) -> str:
        checkpoint, process.uploading = process.uploading, None
        assert checkpoint is not None
        own = Segment(attempt=process.number, from_step=process.origin, to_step=process.step)
        lineage = (*process.lineage, own)
        parent = str(process.parent) if process.parent else None
        made = manifest(checkpoint.step, checkpoint.attempt, *lineage, parent=parent)
        key = keys.manifest(RUN, checkpoint)
        assert self.bucket.create(key, made.model_dump_json().encode())
        if self.has_files(checkpoint):
            self.made[checkpoint] = lineage
            self.known.add(checkpoint)
        else:
            assert process is not self.live, f"the upload of {checkpoint} was pruned under way"
        self.swept = False
        return key

    def processes(self) -> list[Process]:
        return [*self.zombies, *([self.live] if self.live else [])]

    def there(self) -> list[CheckpointId]:
        sizes = self.bucket.sizes(keys.checkpoints(RUN))
        return [found.checkpoint_id for found in trusted_checkpoints(self.bucket, RUN, sizes)]

    def has_files(self, checkpoint: CheckpointId) -> bool:
        return bool(self.bucket.sizes(keys.checkpoint_file(RUN, checkpoint, "restart.zst")))

    def furthest(self, checkpoints: set[CheckpointId]) -> set[CheckpointId]:
        """Three of those that nobody found damaged, or all."""
        return {*sorted(checkpoints - self.passed_over, reverse=True)[:KEEP]}

    def wanted(self, before: set[CheckpointId]) -> set[CheckpointId]:
        """What pruning leaves of what was there."""
        kept = self.furthest(before)
        if len(kept) < KEEP:
            kept |= self.passed_over
        if self.live is not None:
            kept |= self.furthest(before & self.way_of(self.live))
            planned = self.ledger.runs[RUN].attempts[-1].resumed_from
            kept |= {CheckpointId.parse(planned)} if planned else set()
            kept |= {self.live.parent} if self.live.parent else set()
        return kept & before

    def way_of(self, process: Process) -> set[CheckpointId]:
        """The checkpoints that lie on the way of an attempt, its own and its ancestors'."""
        own = Segment(attempt=process.number, from_step=process.origin, to_step=process.step)
        return {
            item
            for item in self.made
            for segment in (*process.lineage, own)
            if item.attempt == segment.attempt and item.step <= segment.to_step
        }

    def verdict(self, process: Process, verdict: Verdict) -> None:
        planned = self.ledger.runs[RUN].attempt(process.number)
        assert planned is not None
        self.ledger.record_verdict(RUN, planned.model_copy(update={"verdict": verdict}))


TestCheckpoints = Checkpoints.TestCase
TestCheckpoints.settings = settings(
    max_examples=250, stateful_step_count=40, report_multiple_bugs=False
)
