"""What an attempt is told by its environment."""

from __future__ import annotations

import pytest

from deckhand.runner.settings import Settings

LEAST = {
    "RUN_ID": "melt-0123456789abcdef",
    "ATTEMPT": "2",
    "RUNS_BUCKET": "runs",
    "DECKHAND_SCRATCH": "/scratch",
}


def test_a_command_with_its_words() -> None:
    settings = Settings.read({**LEAST, "LMP": "mpirun -n 2 '/my lmp'", "LMP_FLAGS": "-k on g 1"})
    assert settings.lmp == ("mpirun", "-n", "2", "/my lmp")
    assert settings.lmp_flags == ("-k", "on", "g", "1")
    assert Settings.read(LEAST).lmp == ("lmp",)


@pytest.mark.parametrize("flags", ["-var x 1", "-sf omp -v x 1 2 3"])
def test_variables_belong_into_the_deck(flags: str) -> None:
    with pytest.raises(ValueError, match="variables"):
        Settings.read({**LEAST, "LMP_FLAGS": flags})
