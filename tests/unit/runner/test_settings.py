"""What an attempt is told by its environment."""

from __future__ import annotations

import pytest

from deckhand.domain import keys
from deckhand.domain.errors import StorageError
from deckhand.domain.sweep import Point, Sweep, point_run_id
from deckhand.runner.settings import Settings
from deckhand.runner.sweep import at_its_point
from tests.fakes import FakeBucket
from tests.makers import RUN

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


def test_a_stall_is_half_an_hour_unless_told() -> None:
    assert Settings.read(LEAST).stall_seconds == 1800
    assert Settings.read({**LEAST, "STALL_SECONDS": "0"}).stall_seconds == 0


def sweep(bucket: FakeBucket) -> Sweep:
    points = [Point(index=n, run_id=point_run_id(RUN, n), variables={"T": n}) for n in range(3)]
    made = Sweep(run_id=RUN, points=tuple(points))
    bucket.write(keys.sweep(RUN), made.model_dump_json().encode())
    return made


def test_a_child_of_an_array_works_for_its_point() -> None:
    bucket = FakeBucket()
    sweep(bucket)
    told = Settings.read({**LEAST, "SWEEP": "1", "AWS_BATCH_JOB_ARRAY_INDEX": "2"})
    assert told.run_id == RUN
    assert at_its_point(told, bucket).run_id == point_run_id(RUN, 2)


def test_a_job_that_is_no_child_works_for_the_run_it_names() -> None:
    told = Settings.read({**LEAST, "AWS_BATCH_JOB_ARRAY_INDEX": "2"})
    assert at_its_point(told, FakeBucket()) == told


@pytest.mark.parametrize("index", ["3", "0"])
def test_a_child_without_a_point_does_not_begin(index: str) -> None:
    bucket = FakeBucket()
    if index == "3":
        sweep(bucket)
    told = Settings.read({**LEAST, "SWEEP": "1", "AWS_BATCH_JOB_ARRAY_INDEX": index})
    with pytest.raises(StorageError, match=r"sweep"):
        at_its_point(told, bucket)
