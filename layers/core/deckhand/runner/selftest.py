"""The self-test: each attempt's own, and `python3 -m deckhand.runner.selftest [--json]`.

Every check ends in time, whatever hangs: the driver, LAMMPS, the disk, the network.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.adapters.gpu import Nvml
from deckhand.adapters.metadata import metadata_at
from deckhand.domain import keys
from deckhand.domain.accelerator import Acceleration, Accelerator
from deckhand.domain.errors import EngineError, GpuError
from deckhand.domain.gpu import Driver, Gpu, GpuSample
from deckhand.domain.parts import MIB
from deckhand.domain.selftest import (
    Check,
    Finding,
    Mark,
    SelfTest,
    failed,
    judge_disk,
    judge_driver,
    judge_gpus,
    judge_memory,
    left_out,
    passed,
)
from deckhand.domain.status import ExitCode
from deckhand.lammps.surroundings import surroundings
from deckhand.lammps.trial import Trial, TrialError, try_out
from deckhand.runner.engine import find_program, needs_gpu
from deckhand.runner.settings import Settings
from deckhand.runner.storage import runs_bucket

WRITTEN_MIB: Final = 16
"""Small enough for the smallest scratch disk; 2 MiB/s write it in 8 s."""

GRACE_SECONDS: Final = 30.0
"""What a LAMMPS may take to die, beyond the time of its check."""

ON_AWS: Final = ("METADATA_FOLDER", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_BATCH_JOB_ID")
"""Whoever sets one of these has a metadata service."""

BY_HAND: Final = {"RUN_ID": "", "ATTEMPT": "1", "RUNS_BUCKET": ""}
"""What is no job's environment may lack."""

Compute = Callable[[tuple[Gpu, ...]], Trial]
"""Tries out the LAMMPS of an attempt on a machine with these GPUs; raises TrialError."""


@dataclass(frozen=True)
class Proven:
    """The self-test of a machine, and the GPUs that it has seen: nobody has to ask NVML again."""

    test: SelfTest
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class Sight:
    """What NVML shows; `trouble` is why it shows nothing."""

    gpus: tuple[Gpu, ...] = ()
    driver: Driver | None = None
    samples: tuple[GpuSample, ...] = ()
    trouble: str = ""


def prove_machine(settings: Settings, compute: Compute) -> Proven:
    """What an attempt asks of its machine before it fetches a deck.

    That S3 can be reached is seen by fetching.
    """
    gpus, sight = _look(settings)
    rest = _checks(settings, gpus.mark, sight, compute)
    return Proven(SelfTest(checks=(gpus, *rest)), sight.gpus)


def _checks(settings: Settings, gpus: Mark, sight: Sight, compute: Compute) -> Iterator[Check]:
    seconds = settings.selftest_seconds
    yield bounded("driver", lambda: judge_driver(sight.driver, settings.cuda), seconds)
    yield bounded("gpu memory", lambda: judge_memory(sight.samples), seconds)
    # A LAMMPS that would only wait for a GPU that is not there says nothing new.
    if gpus is Mark.PASSED:
        yield bounded("lammps", lambda: _tried(compute, sight.gpus), seconds + GRACE_SECONDS)
    else:
        yield bounded("lammps", lambda: left_out("It is tried out on visible GPUs only."), seconds)
    yield bounded("disk", lambda: _write(settings.scratch), seconds)


def _look(settings: Settings) -> tuple[Check, Sight]:
    seen: list[Sight] = []

    def look() -> Finding:
        seen.append(_sight())
        return judge_gpus(settings.gpus, seen[0].gpus, seen[0].trouble)

    check = bounded("gpu", look, settings.selftest_seconds)
    return check, seen[0] if seen and check.mark is Mark.PASSED else Sight()


def _sight() -> Sight:
    try:
        with Nvml() as nvml:
            return Sight(nvml.gpus, nvml.driver, nvml.look())
    except GpuError as error:
        return Sight(trouble=str(error))


def _tried(compute: Compute, gpus: tuple[Gpu, ...]) -> Finding:
    try:
        trial = compute(gpus)
    except (TrialError, EngineError) as error:
        return failed(str(error))
    return passed(
        f"100 steps of 864 atoms in {trial.seconds:.1f} s, with the energy they must have."
    )


def _write(scratch: Path) -> Finding:
    """Write and sync a file, as a checkpoint is written."""
    scratch.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(scratch).free
    block = os.urandom(MIB)
    began = time.monotonic()
    with tempfile.TemporaryFile(dir=scratch) as file:
        for _ in range(WRITTEN_MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return judge_disk(free, WRITTEN_MIB * MIB / max(time.monotonic() - began, 1e-6))


def bounded(name: str, check: Callable[[], Finding], seconds: float) -> Check:
    """Let *check* take so long at most; one that hangs is left behind, it ends with the process."""
    found: list[Finding] = []

    def make() -> None:
        try:
            found.append(check())
        except Exception as error:  # whatever a broken machine does is what was looked for
            found.append(failed(f"{type(error).__name__}: {error}"))

    began = time.monotonic()
    thread = threading.Thread(target=make, name=f"self-test: {name}", daemon=True)
    thread.start()
    thread.join(seconds)
    finding = found[0] if found else failed(f"No answer within {seconds:g} s.")
    took = round(time.monotonic() - began, 3)
    return Check(name=name, mark=finding.mark, seconds=took, sentence=finding.sentence)


# ---- by hand ---------------------------------------------------------------------------------


def prove_all(environment: Mapping[str, str]) -> SelfTest:
    """The checks of an attempt, and what an attempt finds out by itself: S3, metadata service."""
    with tempfile.TemporaryDirectory(prefix="deckhand-") as control:
        own = {"DECKHAND_SCRATCH": control, **BY_HAND, **environment}
        settings = Settings.read(own)
        seconds = settings.selftest_seconds

        def compute(gpus: tuple[Gpu, ...]) -> Trial:
            own = surroundings(settings.environment, Path(control) / "own")
            return try_out(_usual(settings, gpus), Path(control), seconds, own)

        first = prove_machine(settings, compute).test
        more = (
            bounded("s3", lambda: _read(settings), seconds),
            bounded("metadata", lambda: _ask_metadata(settings, environment), seconds),
        )
    return SelfTest(checks=(*first.checks, *more))


def _usual(settings: Settings, gpus: tuple[Gpu, ...]) -> tuple[str, ...]:
    """LAMMPS with KOKKOS, as most runs have it, unless LMP_FLAGS says otherwise."""
    *launcher, name = settings.lmp
    kokkos = Acceleration(accelerator=Accelerator.KOKKOS)
    flags = settings.lmp_flags or kokkos.flags(len(gpus))
    program = find_program(name, gpus if needs_gpu(flags) else (), os.get_exec_path())
    return (*launcher, program, *flags)


def _read(settings: Settings) -> Finding:
    if not settings.runs_bucket or not settings.run_id:
        return left_out("RUNS_BUCKET and RUN_ID do not say what to read.")
    there = runs_bucket(settings).read(keys.run_record(settings.run_id)) is not None
    return passed(f"{settings.runs_bucket} answers{'' if there else ', but the run is not in it'}.")


def _ask_metadata(settings: Settings, environment: Mapping[str, str]) -> Finding:
    if not any(environment.get(name) for name in ON_AWS):
        return left_out("Nothing says that this is a machine of AWS.")
    name = metadata_at(settings.metadata).instance_id()
    if name is None:
        return failed(
            f"{settings.metadata} does not answer, so no spot notice would be heard. Its hop limit "
            "must be 2 for a container; with BlockMetadata its folder must be mounted."
        )
    return passed(f"This is {name}.")


def shown(test: SelfTest) -> str:
    lines = [
        f"{check.mark.value:<8}  {check.name:<10}  {check.seconds:6.1f} s  {check.sentence}"
        for check in test.checks
    ]
    return "\n".join(lines)


def main() -> int:
    found = prove_all(os.environ)
    print(found.model_dump_json(indent=1) if "--json" in sys.argv[1:] else shown(found))
    return ExitCode.COMPLETED if found.ok else ExitCode.UNFIT_HOST


if __name__ == "__main__":
    sys.exit(main())
