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
def test_variables_belong_into_run_yaml(flags: str) -> None:
    with pytest.raises(ValueError, match="variables"):
        Settings.read({**LEAST, "LMP_FLAGS": flags})


def test_a_run_may_ask_for_its_ranks() -> None:
    settings = Settings.read({**LEAST, "LMP": "mpirun -n 4 '/my lmp'", "LMP_FLAGS": "-sf omp"})
    assert settings.command(None) == ("mpirun", "-n", "4", "/my lmp", "-sf", "omp")
    assert settings.command(2) == ("mpirun", "-n", "2", "/my lmp", "-sf", "omp")
    other = Settings.read({**LEAST, "MPIRUN": "srun --mpi pmix"})
    assert other.command(8) == ("srun", "--mpi", "pmix", "-n", "8", "lmp")


def test_a_stall_is_half_an_hour_unless_told() -> None:
    assert Settings.read(LEAST).stall_seconds == 1800
    assert Settings.read({**LEAST, "STALL_SECONDS": "0"}).stall_seconds == 0
