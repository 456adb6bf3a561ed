"""Decks that something fell over once, and what fuzzing finds worth keeping (`make fuzz`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SEEDS = sorted((Path(__file__).parent / "seeds").iterdir())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_nothing_but_a_typed_error_comes_out(target: str, seed: Path) -> None:
    TARGETS[target](seed.read_bytes())
