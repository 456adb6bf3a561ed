"""What many looks at several GPUs come to."""

from __future__ import annotations

from deckhand.domain.gpu import Gpu, GpuSample, Tally

GPUS = tuple(Gpu(uuid=f"GPU-{n}", name="A100", capability=(8, 0), memory_mib=40960) for n in (0, 1))


def test_nothing_is_known_before_the_first_look() -> None:
    assert Tally(GPUS).use is None


def test_means_sums_and_the_most() -> None:
    tally = Tally(GPUS)
    tally.add(
        (
            GpuSample(utilisation=80, memory_mib=900, watts=100, joules=5_000, celsius=50),
            GpuSample(utilisation=40, memory_mib=100, watts=200, joules=9_000, celsius=70),
        )
    )
    tally.add(
        (
            GpuSample(utilisation=100, memory_mib=800, watts=300, joules=5_500, celsius=60),
            GpuSample(
                utilisation=20, memory_mib=1000, watts=200, joules=9_250, throttled=("heat",)
            ),
        )
    )
    use = tally.use
    assert use is not None
    assert (use.gpus, use.samples, use.utilisation) == (2, 2, 60.0)
    assert (use.watts, use.joules) == (400.0, 750.0)
    assert (use.memory_mib, use.memory_total_mib, use.celsius) == (1000, 40960, 70)
    assert use.throttled == {"heat": 0.5}


def test_a_figure_that_is_not_told_is_none_and_one_gpu_may_tell_what_the_other_does_not() -> None:
    tally = Tally(GPUS)
    tally.add((GpuSample(utilisation=70), GpuSample()))
    use = tally.use
    assert use is not None
    assert (use.utilisation, use.watts, use.joules, use.memory_mib) == (70.0, None, None, None)
