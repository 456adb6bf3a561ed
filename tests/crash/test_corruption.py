"""A stored checkpoint that is not what it was is seen, and the next one down the ladder taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import JOURNAL_NAME, RESTART_NAME
from deckhand.domain.status import ExitCode
from deckhand.runner.fetch import find_checkpoint
from deckhand.usecases.trusted_checkpoints import newest_checkpoint
from tests.crash.world import Plain, World
from tests.makers import RUN
from tests.runner.seams import assert_seamless

MANIFEST = "manifest.json"
Change = Callable[[bytes], bytes]
Damage = Callable[[World, CheckpointId, CheckpointId], None]


def changed(name: str, change: Change) -> Damage:
    """Damage that a file takes by itself."""

    def damage(world: World, newest: CheckpointId, _: CheckpointId) -> None:
        key = keys.checkpoint_file(RUN, newest, name)
        body = world.bucket.read(key)
        assert body is not None
        assert change(body) != body
        world.bucket.write(key, change(body))

    return damage


def removed(name: str) -> Damage:
    def damage(world: World, newest: CheckpointId, _: CheckpointId) -> None:
        world.bucket.delete([keys.checkpoint_file(RUN, newest, name)])

    return damage


def swapped(name: str) -> Damage:
    def damage(world: World, newest: CheckpointId, other: CheckpointId) -> None:
        first, second = (keys.checkpoint_file(RUN, item, name) for item in (newest, other))
        bodies = world.bucket.read(first), world.bucket.read(second)
        world.bucket.write(second, bodies[0] or b"")
        world.bucket.write(first, bodies[1] or b"")

    return damage


def taken_over(name: str) -> Damage:
    """The file of another checkpoint, beside what it is not."""

    def damage(world: World, newest: CheckpointId, other: CheckpointId) -> None:
        body = world.bucket.read(keys.checkpoint_file(RUN, other, name))
        world.bucket.write(keys.checkpoint_file(RUN, newest, name), body or b"")

    return damage


def halved(body: bytes) -> bytes:
    return body[: len(body) // 2]


def without_its_last_byte(body: bytes) -> bytes:
    return body[:-1]


def with_a_page_of_zeros(body: bytes) -> bytes:
    return body[:4096] + bytes(4096) + body[8192:]


def emptied(body: bytes) -> bytes:
    return b""


def flipped(where: float) -> Change:
    def change(body: bytes) -> bytes:
        at = int(where * (len(body) - 1))
        return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    return change


def replaced(old: bytes, new: bytes) -> Change:
    return lambda body: body.replace(old, new, 1)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "restart cut in half": (changed(RESTART_NAME, halved), "restart.zst"),
    "restart one byte short": (changed(RESTART_NAME, without_its_last_byte), "restart.zst"),
    "restart empty": (changed(RESTART_NAME, emptied), "restart.zst"),
    "a page of zeros": (changed(RESTART_NAME, with_a_page_of_zeros), "restart.zst"),
    "first byte of restart": (changed(RESTART_NAME, flipped(0.0)), "restart.zst"),
    "a byte of restart": (changed(RESTART_NAME, flipped(0.4)), "restart.zst"),
    "last byte of restart": (changed(RESTART_NAME, flipped(1.0)), "restart.zst"),
    "a byte of journal": (changed(JOURNAL_NAME, flipped(0.5)), "journal.json"),
    "journal cut in half": (changed(JOURNAL_NAME, halved), "journal.json"),
    "a byte of manifest": (changed(MANIFEST, flipped(0.5)), "manifest"),
    "manifest cut in half": (changed(MANIFEST, halved), "manifest"),
    "manifest empty": (changed(MANIFEST, emptied), "manifest"),
    "manifest of zeros": (changed(MANIFEST, lambda body: bytes(len(body))), "manifest"),
    "restart missing": (removed(RESTART_NAME), "restart.zst"),
    "journal missing": (removed(JOURNAL_NAME), "journal.json"),
    "restarts swapped": (swapped(RESTART_NAME), "restart.zst"),
    "journals swapped": (swapped(JOURNAL_NAME), "journal.json"),
    "manifest of another checkpoint": (taken_over(MANIFEST), "that of checkpoint"),
    "manifest of another run": (
        changed(MANIFEST, replaced(RUN.encode(), b"film-0123456789abcdef")),
        "belongs to run film-0123456789abcdef",
    ),
    "manifest of the future": (
        changed(MANIFEST, replaced(b'"schema_version":1', b'"schema_version":2')),
        "schema",
    ),
}
"""What can be wrong, and what the reason names."""


@pytest.fixture
def world(interrupted: World, tmp_path: Path) -> World:
    return interrupted.copy(tmp_path / "world")


def ids_of(world: World) -> list[CheckpointId]:
    """Newest first."""
    return [manifest.checkpoint_id for manifest in world.trusted()]


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_seen_and_the_next_checkpoint_taken(
    world: World, tmp_path: Path, name: str
) -> None:
    damage, named = DAMAGES[name]
    newest, second, third, *_ = ids_of(world)
    damage(world, newest, third)
    skipped: list[str] = []
    found = find_checkpoint(world.bucket, RUN, newest, tmp_path, skipped)
    assert found is not None
    assert found.manifest.checkpoint_id == second
    assert len(skipped) == 1
    assert skipped[0].startswith(f"{newest}: ")
    assert named in skipped[0]


@pytest.mark.parametrize("name", DAMAGES)
def test_the_plan_never_asks_for_what_is_further_than_the_attempt_finds(
    world: World, tmp_path: Path, name: str
) -> None:
    """The plan reads manifests and sizes only; what it takes for whole, the attempt looks into."""
    newest, second, third, *_ = ids_of(world)
    DAMAGES[name][0](world, newest, third)
    planned = newest_checkpoint(world.bucket, RUN)
    assert planned is not None
    assert planned.checkpoint_id in (newest, second)
    found = find_checkpoint(world.bucket, RUN, planned.checkpoint_id, tmp_path, [])
    assert found is not None
    assert found.manifest.checkpoint_id == second


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_ladder_is_taken_rung_by_rung(world: World, tmp_path: Path, depth: int) -> None:
    ids = ids_of(world)
    damages = ["a byte of restart", "a byte of journal", "a page of zeros"]
    for name, damaged in zip(damages[:depth], ids, strict=False):
        DAMAGES[name][0](world, damaged, ids[-1])
    skipped: list[str] = []
    found = find_checkpoint(world.bucket, RUN, ids[0], tmp_path, skipped)
    assert found is not None
    assert found.manifest.checkpoint_id == ids[depth]
    assert [text.partition(":")[0] for text in skipped] == [str(item) for item in ids[:depth]]


def test_an_attempt_goes_on_from_the_next_one_and_says_why(world: World, plain: Plain) -> None:
    newest, second, *_ = ids_of(world)
    DAMAGES["a byte of restart"][0](world, newest, second)
    attempt = world.attempt()
    assert attempt.code == ExitCode.COMPLETED, attempt.said
    status = world.status(attempt.number)
    assert status is not None
    assert status.resumed_from == str(second)
    assert [text.partition(":")[0] for text in status.skipped] == [str(newest)]
    assert "restart.zst" in status.skipped[0]
    assert_seamless(world.results(world.close(attempt.reason)), plain.results)


def test_an_attempt_begins_again_where_nothing_is_whole(world: World, plain: Plain) -> None:
    ids = ids_of(world)
    for damaged in ids:
        changed(JOURNAL_NAME, flipped(0.5))(world, damaged, damaged)
    attempt = world.attempt()
    assert attempt.code == ExitCode.COMPLETED, attempt.said
    assert "no checkpoint verifies: starting from the beginning" in attempt.said
    status = world.status(attempt.number)
    assert status is not None
    assert status.resumed_from is None
    assert [text.partition(":")[0] for text in status.skipped] == [str(item) for item in ids]
    assert_seamless(world.results(world.close(attempt.reason)), plain.results)


def test_what_the_plan_passed_over_is_told_as_well(world: World) -> None:
    """The plan sees a restart file that is too short, and asks for the checkpoint before it."""
    newest, second, *_ = ids_of(world)
    DAMAGES["restart cut in half"][0](world, newest, second)
    attempt = world.attempt()
    status = world.status(attempt.number)
    assert status is not None
    assert status.resumed_from == str(second)
    assert [text.partition(":")[0] for text in status.skipped] == [str(newest)]


def test_a_start_from_the_beginning_is_told_where_the_plan_found_nothing(world: World) -> None:
    ids = ids_of(world)
    for damaged in ids:
        changed(RESTART_NAME, halved)(world, damaged, damaged)
    attempt = world.attempt()
    status = world.status(attempt.number)
    assert status is not None
    assert [text.partition(":")[0] for text in status.skipped] == [str(item) for item in ids]
    assert "no checkpoint verifies: starting from the beginning" in attempt.said


def test_an_output_that_the_deck_may_read_belongs_to_the_checkpoint(
    world: World, plain: Plain
) -> None:
    """A file that is stored whole is brought back with the checkpoint; it may be damaged too."""
    newest = world.trusted()[0]
    pieces = [
        keys.output_piece(RUN, segment.attempt, output.path, piece.begin, piece.sha256)
        for segment in newest.segments
        for output in segment.outputs
        for piece in output.pieces
        if output.path == "half.data"
    ]
    assert pieces, "the attempt was stopped before the deck wrote it"
    world.bucket.write(pieces[-1], b"damaged")
    attempt = world.attempt()
    assert attempt.code == ExitCode.COMPLETED, attempt.said
    status = world.status(attempt.number)
    assert status is not None
    assert status.skipped[0] == (
        f"{newest.checkpoint_id}: the output half.data of attempt 1 is damaged"
    )
    assert_seamless(world.results(world.close(attempt.reason)), plain.results)
