"""What the self-test makes of what it has found."""

from __future__ import annotations

import pytest

from deckhand.domain.gpu import Driver, Gpu, GpuSample
from deckhand.domain.parts import MIB
from deckhand.domain.selftest import (
    Check,
    Mark,
    SelfTest,
    judge_disk,
    judge_driver,
    judge_gpus,
    judge_memory,
)

A100 = Gpu(uuid="GPU-0", name="A100", capability=(8, 0), memory_mib=40960)


@pytest.mark.parametrize(
    ("promised", "visible", "mark", "sentence"),
    [
        (0, 0, Mark.LEFT_OUT, "No GPU was promised (GPUS)."),
        (0, 1, Mark.PASSED, "1 visible (0 promised): A100."),
        (1, 1, Mark.PASSED, "1 visible: A100."),
        (2, 1, Mark.FAILED, "2 promised, 1 visible. Because."),
        (1, 8, Mark.PASSED, "8 visible (1 promised): A100."),
    ],
)
def test_as_many_gpus_as_were_promised(
    promised: int, visible: int, mark: Mark, sentence: str
) -> None:
    found = judge_gpus(promised, [A100] * visible, "Because.")
    assert (found.mark, found.sentence) == (mark, sentence)


@pytest.mark.parametrize(
    ("cuda", "image", "mark"),
    [
        ((12, 2), "12.8.1", Mark.PASSED),  # minor versions are compatible
        ((13, 0), "12.8.1", Mark.PASSED),
        ((11, 8), "12.8.1", Mark.FAILED),
        ((12, 8), "", Mark.LEFT_OUT),
        (None, "12.8.1", Mark.LEFT_OUT),
    ],
)
def test_a_driver_serves_the_cuda_of_the_image(
    cuda: tuple[int, int] | None, image: str, mark: Mark
) -> None:
    assert judge_driver(Driver(version="570", cuda=cuda), image).mark is mark


@pytest.mark.parametrize(
    ("counts", "mark"),
    [
        ((), Mark.LEFT_OUT),
        ((None, None), Mark.LEFT_OUT),
        ((0, None), Mark.PASSED),
        ((0, 1), Mark.FAILED),
    ],
)
def test_memory_that_lied_is_not_worked_with(counts: tuple[int | None, ...], mark: Mark) -> None:
    found = judge_memory([GpuSample(uncorrected_errors=count) for count in counts])
    assert found.mark is mark
    assert ("GPU 1: 1" in found.sentence) is (mark is Mark.FAILED)


@pytest.mark.parametrize(
    ("free", "speed", "mark"),
    [(40, 3, Mark.PASSED), (31, 500, Mark.FAILED), (50_000, 1, Mark.FAILED)],
)
def test_only_a_broken_disk_fails(free: int, speed: int, mark: Mark) -> None:
    assert judge_disk(free * MIB, speed * MIB).mark is mark


def test_the_reason_names_what_failed_and_nothing_else() -> None:
    checks = [
        Check(name=name, mark=mark, seconds=0.5, sentence=f"{name} it is.")
        for name, mark in (("gpu", Mark.PASSED), ("disk", Mark.FAILED), ("s3", Mark.LEFT_OUT))
    ]
    test = SelfTest(checks=tuple(checks))
    assert (test.ok, test.reason, test.seconds) == (False, "disk: disk it is.", 1.5)
    assert SelfTest(checks=(checks[0], checks[2])).ok
