"""What plain LAMMPS makes of the deck, and a run with four checkpoints, made once for all tests."""

from __future__ import annotations

import pytest

from tests.crash.world import Plain, World, undisturbed


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    return undisturbed(tmp_path_factory.mktemp("crash") / "undisturbed")


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> World:
    """A run whose first attempt was stopped behind its fourth checkpoint, or a later one."""
    for share in (0.7, 0.5, 0.9):
        world = World(tmp_path_factory.mktemp("crash") / "interrupted", plain.seconds)
        world.folder.mkdir()
        world.admit()
        attempt = world.attempt(stop=share, checkpoints=12)
        if attempt.decision == "plan" and len(attempt.verified) >= 4:
            return world
    raise AssertionError(attempt.said)
