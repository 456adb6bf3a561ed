"""What plain LAMMPS makes of the deck, and a run with four checkpoints, made once for all tests."""

from __future__ import annotations

import shutil
from typing import Final

import pytest

from tests.crash.world import Plain, World, undisturbed

TRIES: Final = ((0.7, 12), (0.5, 12), (0.9, 8), (0.9, 6), (0.3, 20))
"""When the attempt is stopped, as a share of the deck, and the checkpoints it has time for."""


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    return undisturbed(tmp_path_factory.mktemp("crash") / "undisturbed")


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> World:
    """A run whose first attempt was stopped behind its fourth checkpoint, or a later one.

    On a machine that becomes slower or faster meanwhile it takes more than one try.
    """
    for share, checkpoints in (*TRIES, *TRIES):
        world = World(tmp_path_factory.mktemp("crash") / "interrupted", plain.seconds)
        shutil.rmtree(world.folder, ignore_errors=True)
        world.folder.mkdir()
        world.admit()
        attempt = world.attempt(stop=share, checkpoints=checkpoints)
        if attempt.decision == "plan" and len(attempt.verified) >= 4:
            return world
    raise AssertionError(attempt.said)
