"""What starts LAMMPS: the program for the machine, the flags of the run, its ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.domain.accelerator import Acceleration, Accelerator
from deckhand.domain.errors import EngineError
from deckhand.domain.gpu import Gpu
from deckhand.domain.options import RunOptions
from deckhand.domain.run import Run
from deckhand.runner.engine import Engine, engine, find_program, needs_gpu
from deckhand.runner.settings import Settings
from tests.makers import admitted_run
from tests.unit.runner.test_settings import LEAST

KOKKOS = Acceleration(accelerator=Accelerator.KOKKOS, settings=("neigh", "half"))
GPU = Acceleration(accelerator=Accelerator.GPU)
KOKKOS_FLAGS = KOKKOS.flags(1)


def gpu(major: int = 8, minor: int = 0) -> Gpu:
    return Gpu(uuid="GPU-1", name="NVIDIA A100", capability=(major, minor), memory_mib=40_960)


def run(acceleration: Acceleration = KOKKOS, ranks: int | None = None) -> Run:
    return admitted_run(acceleration=acceleration, options=RunOptions(ranks=ranks))


def told(**environment: str) -> Settings:
    return Settings.read({**LEAST, **environment})


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the programs of an image for two architectures."""
    for name in ("lmp-sm_80", "lmp-sm_86", "lmp-sm_90", "lmp-cpu", "lmp-notes"):
        program(tmp_path, name)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("gpus", "name"),
    [
        ((), "lmp-cpu"),
        ((gpu(8, 0),), "lmp-sm_80"),
        ((gpu(8, 6),), "lmp-sm_86"),
        ((gpu(8, 9),), "lmp-sm_86"),
        ((gpu(8, 9), gpu(8, 0)), "lmp-sm_80"),
        ((gpu(9, 0),), "lmp-sm_90"),
    ],
)
def test_the_program_is_that_of_the_gpus(image: Path, gpus: tuple[Gpu, ...], name: str) -> None:
    assert find_program("lmp", gpus, [str(image)]) == str(image / name)
    assert find_program(str(image / "lmp"), gpus, []) == str(image / name)


def test_a_program_of_that_very_name_goes_first(image: Path) -> None:
    program(image, "lmp")
    assert find_program("lmp", (gpu(),), [str(image)]) == "lmp"
    assert find_program(str(image / "lmp"), (), []) == str(image / "lmp")


def test_an_image_for_other_machines_says_what_it_is_for(image: Path) -> None:
    with pytest.raises(EngineError) as lack:
        find_program("lmp", (gpu(7, 5),), [str(image)])
    assert str(lack.value) == (
        "There is no program `lmp`, nor one for NVIDIA A100, of compute capability 7.5: there is "
        "lmp-cpu, lmp-sm_80, lmp-sm_86, lmp-sm_90. Build the image with sm_75 among the ARCHS of "
        "container/Dockerfile."
    )
    (image / "lmp-cpu").chmod(0o644)
    with pytest.raises(EngineError, match="for a machine without a GPU: there is lmp-sm_80"):
        find_program("lmp", (), [str(image)])
    with pytest.raises(EngineError, match="there is none of its kind"):
        find_program("lmp", (), [str(image / "nowhere")])


def test_a_machine_without_a_gpu_has_plain_lammps(image: Path) -> None:
    assert engine(told(), run(), (), None) == Engine((str(image / "lmp-cpu"),), ())


def test_a_gpu_is_used_as_the_run_says(image: Path) -> None:
    found = engine(told(), run(), (gpu(),), None)
    assert found == Engine((str(image / "lmp-sm_80"), *KOKKOS_FLAGS), KOKKOS_FLAGS)
    assert engine(told(), run(GPU), (gpu(),), None).flags == ("-sf", "gpu", "-pk", "gpu", "1")
    plain = Engine((str(image / "lmp-cpu"),), ())
    assert engine(told(), run(Acceleration()), (gpu(),), None) == plain


@pytest.mark.parametrize("gpus", [(), (gpu(),)])
def test_flags_of_the_operator_go_first(image: Path, gpus: tuple[Gpu, ...]) -> None:
    found = engine(told(LMP_FLAGS="-sf omp"), run(), gpus, None)
    assert found == Engine((str(image / "lmp-cpu"), "-sf", "omp"), ("-sf", "omp"))


def test_flags_of_the_operator_may_be_for_gpus(image: Path) -> None:
    program(image, "lmp")
    flags = ("-k", "on", "t", "2", "g", "1", "-sf", "kk")
    settings = told(LMP_FLAGS=" ".join(flags))
    two = (gpu(), gpu())
    assert engine(settings, run(), two, None) == Engine(("lmp", *flags), flags)
    assert engine(settings, run(), two, flags) == Engine(("lmp", *flags), flags)
    # What they mean is the operator's: these may be GPUs that NVIDIA's library does not know.
    assert engine(settings, run(), (), flags).flags == flags


def test_a_run_keeps_what_it_was_begun_with(image: Path) -> None:
    settings = told(LMP_FLAGS="-sf opt")
    assert engine(settings, run(), (gpu(),), ("-sf", "omp")).flags == ("-sf", "omp")
    assert engine(settings, run(), (), ()).flags == ()
    assert engine(told(), run(), (gpu(),), ()) == Engine((str(image / "lmp-cpu"),), ())
    pinned = ("-k", "on", "g", "4", "-sf", "kk")
    assert engine(settings, run(GPU), (gpu(),), pinned).flags == ("-k", "on", "g", "1", "-sf", "kk")
    gpus = (gpu(), gpu())
    assert engine(told(), run(), gpus, ("-sf", "gpu", "-pk", "gpu", "1")).flags[-1] == "2"


def test_a_run_that_was_begun_on_a_gpu_needs_one(image: Path) -> None:
    with pytest.raises(EngineError, match=r"begun on a GPU, with `-k on g 1 .*has none"):
        engine(told(), run(), (), KOKKOS_FLAGS)


def test_a_run_may_ask_for_its_ranks(image: Path) -> None:
    program(image, "lmp")
    plain = run(Acceleration())
    settings = told(LMP="mpirun -n 4 '/bin/sh'", LMP_FLAGS="-sf omp")
    assert engine(settings, plain, (), None).command == (
        "mpirun",
        "-n",
        "4",
        "/bin/sh",
        "-sf",
        "omp",
    )
    two = run(Acceleration(), ranks=2)
    assert engine(settings, two, (), None).command == ("mpirun", "-n", "2", "/bin/sh", "-sf", "omp")
    eight = engine(told(MPIRUN="srun --mpi pmix"), run(Acceleration(), ranks=8), (), None)
    assert eight.command == ("srun", "--mpi", "pmix", "-n", "8", "lmp")


def test_each_gpu_gets_a_rank_unless_told_otherwise(image: Path) -> None:
    program(image, "lmp")
    gpus = (gpu(), gpu())
    assert engine(told(), run(), gpus, None).command[:4] == ("mpirun", "-n", "2", "lmp")
    assert engine(told(), run(ranks=8), gpus, None).command[:4] == ("mpirun", "-n", "8", "lmp")
    assert engine(told(), run(Acceleration()), gpus, None).command == ("lmp",)
    operator = told(LMP_FLAGS="-sf gpu -pk gpu 2")
    assert engine(operator, run(), gpus, None).command[0] == "lmp"
    launched = told(LMP="srun -n 4 lmp")
    assert engine(launched, run(), gpus, None).command[:4] == ("srun", "-n", "4", "lmp")


def test_what_needs_a_gpu() -> None:
    assert needs_gpu(KOKKOS_FLAGS)
    assert needs_gpu(("-package", "gpu", "2", "-suffix", "gpu"))
    assert needs_gpu(("-sf", "gpu"))
    assert needs_gpu(("-k", "on", "gpus", "1", "-sf", "kk"))
    assert not needs_gpu(("-k", "on", "t", "4", "-sf", "kk"))
    assert not needs_gpu(("-sf", "omp", "-pk", "omp", "4"))
    assert not needs_gpu(())
