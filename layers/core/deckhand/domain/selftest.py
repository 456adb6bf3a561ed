"""The self-test: whether a machine can do the work of an attempt, and what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from deckhand.domain.deck import Frozen
from deckhand.domain.gpu import Driver, Gpu, GpuSample
from deckhand.domain.parts import MIB

LEAST_FREE_MIB: Final = 32
LEAST_MIB_PER_SECOND: Final = 2.0
"""Scratch disks of AWS are a hundred times as large and fast: only a broken one has less."""


class Mark(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    LEFT_OUT = "left out"


class Finding(Frozen):
    """What a check has found; the sentence names the remedy where one is needed."""

    mark: Mark
    sentence: str


class Check(Frozen):
    """One check by its name, with the seconds it took."""

    name: str
    mark: Mark
    seconds: float
    sentence: str


class SelfTest(Frozen):
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return not any(check.mark is Mark.FAILED for check in self.checks)

    @property
    def seconds(self) -> float:
        return sum(check.seconds for check in self.checks)

    @property
    def reason(self) -> str:
        """What is wrong with the machine; empty where nothing is."""
        failed = [check for check in self.checks if check.mark is Mark.FAILED]
        return " ".join(f"{check.name}: {check.sentence}" for check in failed)


def passed(sentence: str) -> Finding:
    return Finding(mark=Mark.PASSED, sentence=sentence)


def failed(sentence: str) -> Finding:
    return Finding(mark=Mark.FAILED, sentence=sentence)


def left_out(sentence: str) -> Finding:
    return Finding(mark=Mark.LEFT_OUT, sentence=sentence)


def judge_gpus(promised: int, gpus: Sequence[Gpu], trouble: str) -> Finding:
    """*trouble* is why there are none, where that is known."""
    if len(gpus) < promised:
        why = f" {trouble}" if trouble else ""
        return failed(f"{promised} promised, {len(gpus)} visible.{why}")
    if not gpus:
        return left_out("No GPU was promised (GPUS).")
    kinds = ", ".join(dict.fromkeys(gpu.name for gpu in gpus))
    more = "" if len(gpus) == promised else f" ({promised} promised)"
    return passed(f"{len(gpus)} visible{more}: {kinds}.")


def judge_driver(driver: Driver | None, image: str) -> Finding:
    """An image runs on any driver that knows its major version of CUDA, or a newer one.

    https://docs.nvidia.com/deploy/cuda-compatibility/
    """
    if driver is None:
        return left_out("No GPU is visible.")
    major = image.partition(".")[0]
    if not major.isdigit() or driver.cuda is None:
        return left_out(f"Driver {driver.version}; CUDA_VERSION of the image is not known.")
    known = ".".join(map(str, driver.cuda))
    if driver.cuda[0] < int(major):
        return failed(
            f"Driver {driver.version} knows CUDA {known}, the image is made of {image}. Give the "
            "machines a newer AMI, or build the image on an older CUDA."
        )
    return passed(f"Driver {driver.version} knows CUDA {known}, the image is made of {image}.")


def judge_memory(samples: Sequence[GpuSample]) -> Finding:
    """A GPU that could not correct an error has given somebody a wrong number."""
    counts = [sample.uncorrected_errors for sample in samples]
    if not samples:
        return left_out("No GPU is visible.")
    if all(count is None for count in counts):
        return left_out("No GPU here counts errors of its memory.")
    bad = [f"GPU {place}: {count}" for place, count in enumerate(counts) if count]
    if bad:
        return failed(
            f"Errors of memory that could not be corrected since the driver was loaded "
            f"({', '.join(bad)}). The machine must be replaced, or its GPUs reset."
        )
    return passed("No error that could not be corrected since the driver was loaded.")


def judge_disk(free_bytes: int, bytes_per_second: float) -> Finding:
    free, speed = free_bytes / MIB, bytes_per_second / MIB
    text = f"{free:,.0f} MiB free, {speed:,.0f} MiB/s written."
    if free < LEAST_FREE_MIB or speed < LEAST_MIB_PER_SECOND:
        return failed(f"{text} {LEAST_FREE_MIB} and {LEAST_MIB_PER_SECOND:g} are the least.")
    return passed(text)
