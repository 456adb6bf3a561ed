"""Attempts on machines with a GPU, a broken one, or none where one was promised."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from deckhand.domain.attempt import Outcome, Verdict, judge, parse_job
from deckhand.domain.status import Ending, ExitCode, Status
from tests.makers import job
from tests.nvml import FakeDriver, make_driver
from tests.runner.conftest import ENGINE, PATIENCE_SECONDS, Cloud
from tests.runner.decks import BOX
from tests.runner.test_ranks import ranks_in, wait_until

MELT = {"in.melt": f"{BOX}\nvelocity all create 1.2 4928459\nfix move all nve\nrun 6000\n"}


@pytest.fixture
def driver(cloud: Cloud, tmp_path: Path) -> FakeDriver:
    """A GPU that the job was promised; its LAMMPS is one for CPUs all the same."""
    folder = tmp_path / "driver"
    folder.mkdir()
    made = make_driver(folder)
    cloud.options = {
        **made.environment(ENGINE.environment.get("LD_LIBRARY_PATH", "")),
        "GPUS": "1",
        "GPU_SECONDS": "0.05",
        "CUDA_VERSION": "12.8.1",
        "LMP_FLAGS": "-sf opt",
    }
    cloud.admit(MELT, "in.melt")
    return made


def refused(cloud: Cloud, **options: str) -> Status:
    """The status of an attempt that its machine is not fit for."""
    begin = time.monotonic()
    process = cloud.start(1, **options)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.UNFIT_HOST, cloud.said(1)
    assert time.monotonic() - begin < PATIENCE_SECONDS / 2
    status = cloud.status(1)
    assert status is not None
    assert status.ending is Ending.UNFIT_HOST
    judged = judge(Outcome(job=parse_job(job(ExitCode=69)), status=status))
    assert judged.verdict is Verdict.UNFIT_HOST
    assert status.reason in judged.reason
    assert not (cloud.scratch / "a1" / "deck" / "in.melt").exists()
    return status


def test_an_attempt_says_what_its_gpu_does_while_lammps_runs(
    cloud: Cloud, driver: FakeDriver
) -> None:
    process = cloud.start(1)
    seen = cloud.wait_for(process, 1, lambda status: status.gpu is not None)
    assert seen.gpu is not None
    assert (seen.gpu.utilisation, seen.gpu.memory_mib) == (30.0, 2048)
    driver.tell(utilisation=90, used=3000 << 20, reasons=0x40, millijoules=5_700_000, celsius=88)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert status.gpu is not None
    use = status.gpu
    assert (use.name, use.gpus, use.memory_mib) == ("NVIDIA A100-SXM4-40GB", 1, 3000)
    assert use.utilisation is not None
    assert 30 < use.utilisation < 90
    assert (use.joules, use.celsius, use.watts) == (700.0, 88, 150.0)
    assert 0 < use.throttled["heat (hardware)"] < 1
    assert "self-test" in cloud.said(1)


def test_a_gpu_that_tells_little_is_no_reason_to_stop(cloud: Cloud, driver: FakeDriver) -> None:
    silent = ("utilisation", "milliwatts", "millijoules", "celsius", "reasons", "uncorrected")
    driver.tell(**dict.fromkeys(silent), cuda=None)
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert status.gpu is not None
    assert (status.gpu.utilisation, status.gpu.memory_mib, status.gpu.throttled) == (None, 2048, {})


def test_a_machine_without_the_gpu_it_promised_is_left(cloud: Cloud, driver: FakeDriver) -> None:
    driver.tell(count=0)
    assert refused(cloud).reason == "gpu: 1 promised, 0 visible."


def test_a_machine_without_a_driver_is_left(cloud: Cloud, driver: FakeDriver) -> None:
    driver.tell(count=None)
    assert "There is no NVIDIA driver that answers: Driver Not Loaded." in refused(cloud).reason


def test_a_gpu_whose_memory_lied_is_left(cloud: Cloud, driver: FakeDriver) -> None:
    driver.tell(uncorrected=3)
    assert "could not be corrected since the driver was loaded (GPU 0: 3)" in refused(cloud).reason


def test_a_driver_that_is_too_old_is_left(cloud: Cloud, driver: FakeDriver) -> None:
    driver.tell(cuda=11080)
    assert "knows CUDA 11.8, the image is made of 12.8.1" in refused(cloud).reason


def test_a_driver_that_hangs_is_left(cloud: Cloud, driver: FakeDriver) -> None:
    driver.tell(hang=600)
    assert refused(cloud, SELFTEST_SECONDS="2").reason.startswith("gpu: No answer within 2 s.")


def test_a_lammps_that_hangs_is_killed_and_its_machine_left(
    cloud: Cloud, driver: FakeDriver, tmp_path: Path
) -> None:
    hung, silent = tmp_path / "lmp", tmp_path / "silent"
    os.mkfifo(silent)
    hung.write_text(f"#!/bin/sh\nexec '{ENGINE.lmp}' \"$@\" 3<&0 <> '{silent}'\n")
    hung.chmod(0o700)
    status = refused(cloud, LMP=str(hung), SELFTEST_SECONDS="5")
    assert status.reason == "lammps: LAMMPS did not answer within 5 s, and was killed."
    assert wait_until(lambda: not ranks_in(cloud.scratch))


def test_a_lammps_that_dies_on_its_gpu_says_what_it_said(cloud: Cloud, driver: FakeDriver) -> None:
    reason = refused(cloud, LMP_FLAGS="-sf gpu -pk gpu 1").reason
    assert reason.startswith("lammps: LAMMPS ended with exit code 1. It said: ")
    assert "GPU package" in reason
