"""A run keeps the flags it was begun with, and gets the program of its machine."""

from __future__ import annotations

import signal
from pathlib import Path

from deckhand.domain.accelerator import Acceleration, Accelerator
from deckhand.domain.manifest import Manifest
from deckhand.domain.status import Ending, ExitCode
from tests.runner.conftest import ENGINE, PATIENCE_SECONDS, Cloud
from tests.runner.decks import BOX

MELT = {
    "in.melt": f"""
{BOX}
velocity        all create 1.0 12345
fix             bath all nvt temp 1.0 1.0 0.5
thermo          100
run             6000
"""
}


def begin(cloud: Cloud, **options: str) -> Manifest:
    """Begin the run, and interrupt it behind its first checkpoint."""
    first = cloud.start(1, **options)
    cloud.wait_for(first, 1, lambda status: status.checkpoints_written >= 1)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    return cloud.manifest(cloud.checkpoints()[-1])


def test_a_run_in_flight_keeps_its_flags(cloud: Cloud) -> None:
    cloud.admit(MELT, "in.melt")
    assert begin(cloud, LMP_FLAGS="-sf omp").lammps_flags == ("-sf", "omp")
    second = cloud.start(2, cloud.newest(), LMP_FLAGS="-sf opt")
    assert second.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(2)
    assert cloud.completion(2).lammps_flags == ("-sf", "omp")
    assert b"pair lj/cut/omp" in cloud.results(2)["log.lammps"]
    assert b"pair lj/cut/opt" not in cloud.results(2)["log.lammps"]


def test_a_machine_without_a_gpu_has_the_program_for_none(cloud: Cloud) -> None:
    kokkos = Acceleration(accelerator=Accelerator.KOKKOS)
    cloud.admit(MELT, "in.melt", acceleration=kokkos)
    image = image_of(cloud.scratch)
    process = cloud.start(1, LMP="lmp", PATH=f"{image}:/usr/bin:/bin")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert cloud.completion(1).lammps_flags == ()
    assert (image / "started").read_text() == "lmp-cpu\n"


def test_a_run_begun_on_a_gpu_does_not_go_on_without(cloud: Cloud) -> None:
    """The program of the first attempt passes the flags by: the wheel has no GPU package."""
    cloud.admit(MELT, "in.melt")
    flags = ("-sf", "gpu", "-pk", "gpu", "1")
    image = image_of(cloud.scratch)
    begin(cloud, LMP=str(image / "lmp-any"), LMP_FLAGS=" ".join(flags))
    second = cloud.start(2, cloud.newest())
    assert second.wait(PATIENCE_SECONDS) == ExitCode.IO_ERROR
    status = cloud.status(2)
    assert status is not None
    assert status.ending is Ending.IO_ERROR
    assert status.reason == (
        "The run was begun on a GPU, with `-sf gpu -pk gpu 1`, and this machine has none."
    )


def image_of(scratch: Path) -> Path:
    """A folder with programs, each of which writes down its name; `lmp-any` takes any flags."""
    image = scratch / "image"
    image.mkdir()
    for name in ("lmp-sm_80", "lmp-cpu", "lmp-any"):
        taken = 'set -- "${@: -2}"' if name == "lmp-any" else ":"
        text = f'#!/bin/bash\necho {name} >> {image}/started\n{taken}\nexec {ENGINE.lmp} "$@"\n'
        (image / name).write_text(text)
        (image / name).chmod(0o755)
    return image
