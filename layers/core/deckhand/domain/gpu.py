"""A GPU of the machine: what it is, and what it did for an attempt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from deckhand.domain.deck import Frozen


class Gpu(Frozen):
    """One that an attempt was given; `memory_mib` is all of its memory.

    `capability` is its compute capability, (8, 0) for an A100: https://developer.nvidia.com/cuda-gpus.
    """

    uuid: str
    name: str
    capability: tuple[int, int]
    memory_mib: int


class Driver(Frozen):
    """The driver of the GPUs; `cuda` is the newest CUDA that it knows, (13, 0) for 13.0."""

    version: str
    cuda: tuple[int, int] | None = None


class GpuSample(Frozen):
    """One look at a GPU; None for a figure that it does not tell.

    `utilisation` is the part of the last moment (up to a second) in which it computed anything at
    all, in per cent. `joules` are counted since the driver was loaded, and so are the
    `uncorrected_errors` of its memory. `throttled` are the reasons why it runs slower than it may.
    """

    utilisation: float | None = None
    memory_mib: int | None = None
    watts: float | None = None
    joules: float | None = None
    celsius: int | None = None
    throttled: tuple[str, ...] = ()
    uncorrected_errors: int | None = None


class GpuUse(Frozen):
    """What the `gpus` of an attempt did in the time that LAMMPS ran; None for what is not told.

    `utilisation` is their mean in per cent, `memory_mib` the most that one of them held of its
    `memory_total_mib`, `watts` the mean power and `joules` the energy of all together, `celsius`
    that of the hottest. `throttled` has the share of `samples`, from 0 to 1, in which one of them
    ran slower than it may, by its reason.
    """

    name: str
    gpus: int
    samples: int
    utilisation: float | None = None
    memory_mib: int | None = None
    memory_total_mib: int | None = None
    watts: float | None = None
    joules: float | None = None
    celsius: int | None = None
    throttled: dict[str, float] = Field(default_factory=dict)


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total, self.count = self.total + value, self.count + 1

    @property
    def value(self) -> float | None:
        return _rounded(self.total / self.count) if self.count else None


@dataclass
class Tally:
    """Looks at these GPUs, added up: those of a week take no more room than those of a minute."""

    gpus: Sequence[Gpu]
    samples: int = 0
    _utilisation: _Mean = field(default_factory=_Mean)
    _watts: _Mean = field(default_factory=_Mean)
    _memory_mib: int | None = None
    _celsius: int | None = None
    _joules: dict[str, tuple[float, float]] = field(default_factory=dict)
    _throttled: dict[str, int] = field(default_factory=dict)

    def add(self, looks: Sequence[GpuSample]) -> None:
        """One look at each of the GPUs, in their order."""
        self.samples += 1
        for look in looks:
            self._utilisation.add(look.utilisation)
        watts = _known(look.watts for look in looks)
        self._watts.add(sum(watts) if watts else None)
        self._memory_mib = _highest(self._memory_mib, *(look.memory_mib for look in looks))
        self._celsius = _highest(self._celsius, *(look.celsius for look in looks))
        for gpu, look in zip(self.gpus, looks, strict=True):
            if look.joules is not None:
                first, _ = self._joules.setdefault(gpu.uuid, (look.joules, look.joules))
                self._joules[gpu.uuid] = (first, look.joules)
        for reason in {reason for look in looks for reason in look.throttled}:
            self._throttled[reason] = self._throttled.get(reason, 0) + 1

    @property
    def use(self) -> GpuUse | None:
        """None before the first look."""
        if not self.samples or not self.gpus:
            return None
        return GpuUse(
            name=self.gpus[0].name,
            gpus=len(self.gpus),
            samples=self.samples,
            utilisation=self._utilisation.value,
            memory_mib=self._memory_mib,
            memory_total_mib=self.gpus[0].memory_mib,
            watts=self._watts.value,
            joules=self._used_joules,
            celsius=self._celsius,
            throttled={
                reason: round(times / self.samples, 3)
                for reason, times in sorted(self._throttled.items())
            },
        )

    @property
    def _used_joules(self) -> float | None:
        if not self._joules:
            return None
        return _rounded(sum(last - first for first, last in self._joules.values()))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _highest(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _rounded(value: float) -> float:
    return round(value, 1)
