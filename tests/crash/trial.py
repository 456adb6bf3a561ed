"""One crash point tried: the attempt is struck there, and what is left must carry the run on.

After the fault every checkpoint that had become real is whole and the newest of all is among them.
A resume reaches the end, the results have the rows and frames of a run that nobody disturbed, and
once the run is closed and pruned nothing lies about that no manifest names.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from deckhand.domain import keys
from deckhand.domain.checkpoint import KEEP
from deckhand.domain.manifest import Manifest
from deckhand.domain.report import Report
from deckhand.domain.verification import Condition
from deckhand.usecases.verify_results import results_in_cloud, verify_results
from tests.crash.faults import BEGUN, ENDED, How, Point
from tests.crash.world import Attempt, Plain, World
from tests.makers import RUN
from tests.runner.seams import assert_seamless

ATTEMPTS: Final = 3
"""The most that carry the run to its end after a fault."""


class Scenario(StrEnum):
    """What the attempt that is struck is about."""

    BEGIN = "begin"
    STOP = "stop"
    RESUME = "resume"


@dataclass(frozen=True)
class Moment:
    """How many checkpoints an attempt has about time for, and the share of the deck, if it stops.

    LAMMPS is paced by the wall clock, so that no two attempts do quite the same: whether a restart
    file comes too early to be kept, or how many checkpoints there are, differs. Other moments bring
    an attempt to what it did not do at the first one.
    """

    checkpoints: int
    stop: float


FIRST: Final = Moment(4, 0.35)
MOMENTS: Final = (FIRST, Moment(12, 0.6), Moment(100, 0.45), Moment(1, 0.25), Moment(40, 0.8))
"""In the order in which they are tried."""

BY_THE_CLOCK: Final = "file.unlink control/auto.*.restart"
"""Removes a restart file that came too early to be kept. How many do is for the clock to say, and
so no attempt does it twice for sure: the first stands for all."""

ROUNDS: Final = 6
"""How many times all moments are tried before a point counts as not reached."""

BEFORE_RESUME: Final = (0.6, 0.4, 0.2)
"""Shares for the attempt before the one that resumes: the machine may have become faster."""


@dataclass
class Trial:
    """What came of a point; `problems` break a promise, `orphans` are what is left over."""

    scenario: Scenario
    point: Point
    reached: bool = False
    tries: int = 0
    code: int = 0
    attempts: int = 0
    problems: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """What is to be said of it; only "ok" is."""
        if self.problems:
            return "BROKEN"
        if not self.reached:
            return "NOT REACHED"
        return "ORPHANS" if self.orphans else "ok"


def prepare(scenario: Scenario, folder: Path, plain: Plain) -> World:
    """The world in which an attempt of this scenario begins."""
    for share in BEFORE_RESUME:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        world = World(folder, plain.seconds)
        world.admit()
        if scenario is not Scenario.RESUME:
            return world
        first = world.attempt(stop=share)
        if first.decision == "plan" and first.verified:
            return world
    raise AssertionError(f"no checkpoint to resume from: {first.said}")


def points_of(attempt: Attempt) -> list[Point]:
    """Every way to strike each operation of an attempt, in the order in which they began."""
    ended = {step.operation for step in attempt.steps if step.what == ENDED}
    found = []
    for step in attempt.steps:
        name = str(step.operation)
        if step.what != BEGUN or (BY_THE_CLOCK in name and step.operation.number > 1):
            continue
        found.append(Point(name, How.BEFORE))
        if step.operation in ended:
            found.append(Point(name, How.AFTER))
        if step.operation in ended and step.operation.has_reply:
            found.append(Point(name, How.LOST))
    return found


def count(scenario: Scenario, prepared: World, folder: Path) -> list[Point]:
    """The points of an attempt that nothing strikes, at the first of the moments.

    Besides those of what only attempts at other moments do. One that ends otherwise than attempts
    of this scenario should does not count.
    """
    points: dict[Point, None] = {}
    for moment in MOMENTS:
        attempt = _attempt(scenario, prepared.copy(folder), moment)
        shutil.rmtree(folder)
        if attempt.decision == ("plan" if scenario is Scenario.STOP else "close"):
            kinds = {point.kind for point in points}
            points |= {point: None for point in points_of(attempt) if point.kind not in kinds}
    assert points, f"no attempt that ends as it should: {attempt.said}"
    return [*points]


def _attempt(
    scenario: Scenario, world: World, moment: Moment, point: Point | None = None
) -> Attempt:
    stop = moment.stop if scenario is Scenario.STOP else 0.0
    return world.attempt(point, stop=stop, checkpoints=moment.checkpoints)


def tried(scenario: Scenario, point: Point, prepared: World, folder: Path, plain: Plain) -> Trial:
    """Strike an attempt at *point*, carry the run on, and see what is left."""
    trial = Trial(scenario, point)
    try:
        for moment in MOMENTS * ROUNDS:
            if not trial.reached:
                _strike(trial, moment, prepared, folder, plain)
    except subprocess.TimeoutExpired as error:
        trial.problems.append(f"an attempt hangs: {error}")
    if trial.word == "ok":
        shutil.rmtree(folder)
    return trial


def _strike(trial: Trial, moment: Moment, prepared: World, folder: Path, plain: Plain) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    world = prepared.copy(folder)
    trial.tries += 1
    before = world.trusted()
    struck = _attempt(trial.scenario, world, moment, trial.point)
    trial.code = struck.code
    if struck.was_struck:
        trial.reached = True
        _judge(trial, world, before, struck, plain.results)


def _judge(
    trial: Trial, world: World, before: list[Manifest], struck: Attempt, expected: dict[str, bytes]
) -> None:
    def hold(what: str, claim: Callable[[], object]) -> None:
        try:
            claim()
        except AssertionError as error:
            trial.problems.append(f"{what}: {str(error)[:1000]}\n{struck.said}")

    hold("checkpoints", lambda: assert_whole(world, before, struck))
    if struck.verified:
        world.prune(keys.manifest(RUN, struck.verified[-1]))
    hold("checkpoints after pruning", lambda: assert_kept(world, before, struck))
    last = struck
    while last.decision == "plan" and last.number - struck.number < ATTEMPTS:
        last = world.attempt()
    trial.attempts = last.number
    if last.code != 0 or last.decision != "close":
        trial.problems.append(f"not carried on ({last.code}): {last.reason}\n{last.said}")
        return
    report = world.close(last.reason)
    hold("problems of the report", lambda: _assert_none(report.problems))
    hold("results", lambda: assert_seamless(world.results(report), expected))
    hold("certificate", lambda: _assert_certified(world))
    world.prune(keys.report(RUN))
    trial.orphans = list(orphans(world, report))


def _assert_none(problems: tuple[str, ...]) -> None:
    assert not problems, problems


def _assert_certified(world: World) -> None:
    found = verify_results(results_in_cloud(world.bucket, RUN)).files
    wrong = [file for file in found if file.condition is not Condition.OK]
    assert found, "the certificate is empty"
    assert not wrong, wrong


def assert_whole(world: World, before: list[Manifest], struck: Attempt) -> None:
    """What became real is there to its last byte, and what did not is not to be seen."""
    there = world.trusted()
    ids = [manifest.checkpoint_id for manifest in there]
    made = [manifest.checkpoint_id for manifest in before] + struck.verified
    assert {*made} <= {*ids}, f"{made} were verified, {ids} are there"
    assert {*ids} <= {*made, *struck.begun}, f"{made} were verified, {ids} are there"
    for manifest in there:
        _assert_files(world, manifest)


def assert_kept(world: World, before: list[Manifest], struck: Attempt) -> None:
    made = {manifest.checkpoint_id for manifest in before} | {*struck.verified}
    ids = [manifest.checkpoint_id for manifest in world.trusted()]
    wanted = sorted(made, reverse=True)[:KEEP]
    assert {*wanted} <= {*ids} or len(ids) >= KEEP, f"{wanted} were verified, {ids} are kept"
    assert not made or ids[0] >= max(made), f"{max(made)} was the newest, {ids} are kept"


def _assert_files(world: World, manifest: Manifest) -> None:
    for file in manifest.files:
        key = keys.checkpoint_file(RUN, manifest.checkpoint_id, file.name)
        body = world.bucket.read(key) or b""
        assert hashlib.sha256(body).hexdigest() == file.sha256, f"{key} is damaged"
    for segment in manifest.segments:
        for output in segment.outputs:
            for piece in output.pieces:
                key = keys.output_piece(
                    RUN, segment.attempt, output.path, piece.begin, piece.sha256
                )
                body = world.bucket.read(key) or b""
                assert hashlib.sha256(body).hexdigest() == piece.sha256, f"{key} is damaged"


def orphans(world: World, report: Report) -> Iterator[str]:
    """The objects of a closed run that neither a manifest nor the report names."""
    named = {keys.run_record(RUN), keys.report(RUN), keys.result(RUN, "report.txt")}
    named.add(keys.certificate(RUN))
    named |= {item.key for item in report.results}
    for manifest in (*world.trusted(), *world.completions()):
        named |= set(_named_by(manifest))
    for attempt in world.ledger.runs[RUN].attempts:
        named |= {keys.status(RUN, attempt.number), keys.completion(RUN, attempt.number)}
    for key in world.bucket.sizes(keys.run(RUN)):
        if key not in named and not key.startswith(keys.deck(RUN)):
            yield key


def _named_by(manifest: Manifest) -> Iterator[str]:
    if manifest.files:
        yield keys.manifest(RUN, manifest.checkpoint_id)
    for file in manifest.files:
        yield keys.checkpoint_file(RUN, manifest.checkpoint_id, file.name)
    for segment in manifest.segments:
        for output in segment.outputs:
            for piece in output.pieces:
                yield keys.output_piece(
                    RUN, segment.attempt, output.path, piece.begin, piece.sha256
                )
            if (head := output.head) is not None:
                yield keys.output_head(RUN, segment.attempt, output.path, head.begin, head.sha256)
