"""The GPUs of the machine, as NVIDIA's management library (NVML) tells of them.

In a container it shows those that the container was given
(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html);
CUDA_VISIBLE_DEVICES narrows that down, as it does for every CUDA program.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Self

from deckhand.domain.errors import GpuError
from deckhand.domain.gpu import Driver, Gpu, GpuSample
from deckhand.domain.parts import MIB

THROTTLING: Final = {
    0x08: "hardware slowdown",
    0x20: "heat (driver)",
    0x40: "heat (hardware)",
    0x80: "power brake",
}
"""Bits of the reasons why a GPU is slowed down for its own good or by its machine.

The others (idle, clocks that were set, the power limit of its kind) are how it is meant to run.
https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
"""

NARROWS: Final = "CUDA_VISIBLE_DEVICES"
PACKAGE: Final = "nvidia-ml-py"


class Nvml:
    """An open management library; the driver may hang in any of its calls.

    `with Nvml() as nvml` raises GpuError where there is no driver, or none that answers.
    """

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self.gpus: tuple[Gpu, ...] = ()

    def __enter__(self) -> Self:
        try:
            self._lib = import_module("pynvml")
        except ImportError as error:
            raise GpuError(f"The Python package {PACKAGE} is not installed here.") from error
        try:
            self._lib.nvmlInit()
        except self._lib.NVMLError as error:
            raise GpuError(f"There is no NVIDIA driver that answers: {error}.") from error
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._asked(self._lib.nvmlShutdown)

    @property
    def driver(self) -> Driver:
        version = self._asked(self._lib.nvmlSystemGetDriverVersion)
        # The second asks the libcuda of this container, which may be a newer one than the driver's:
        # https://docs.nvidia.com/deploy/cuda-compatibility/
        cuda = self._asked(self._lib.nvmlSystemGetCudaDriverVersion_v2) or self._asked(
            self._lib.nvmlSystemGetCudaDriverVersion
        )
        return Driver(
            version=version or "unknown",
            cuda=(cuda // 1000, cuda % 1000 // 10) if cuda else None,
        )

    def look(self) -> tuple[GpuSample, ...]:
        """At each of the GPUs, in their order."""
        return tuple(self._sample(handle) for handle in self._handles)

    def _open(self) -> None:
        """Find the GPUs; one that does not even tell its name is not there for anybody."""
        lib = self._lib
        found: list[tuple[Any, Gpu]] = []
        try:
            for index in range(lib.nvmlDeviceGetCount()):
                handle = lib.nvmlDeviceGetHandleByIndex(index)
                gpu = Gpu(
                    uuid=lib.nvmlDeviceGetUUID(handle),
                    name=lib.nvmlDeviceGetName(handle),
                    capability=lib.nvmlDeviceGetCudaComputeCapability(handle),
                    memory_mib=lib.nvmlDeviceGetMemoryInfo(handle).total // MIB,
                )
                found.append((handle, gpu))
        except lib.NVMLError as error:
            raise GpuError(
                f"The NVIDIA driver does not answer for GPU {len(found)}: {error}."
            ) from (error)
        kept = narrowed([gpu.uuid for _, gpu in found], os.environ.get(NARROWS))
        self._handles = [found[index][0] for index in kept]
        self.gpus = tuple(found[index][1] for index in kept)

    def _sample(self, handle: Any) -> GpuSample:  # noqa: ANN401  a pointer of the library
        lib = self._lib
        utilisation = self._asked(lib.nvmlDeviceGetUtilizationRates, handle)
        memory = self._asked(lib.nvmlDeviceGetMemoryInfo, handle)
        milliwatts = self._asked(lib.nvmlDeviceGetPowerUsage, handle)
        millijoules = self._asked(lib.nvmlDeviceGetTotalEnergyConsumption, handle)
        return GpuSample(
            utilisation=None if utilisation is None else utilisation.gpu,
            memory_mib=None if memory is None else memory.used // MIB,
            watts=None if milliwatts is None else milliwatts / 1000,
            joules=None if millijoules is None else millijoules / 1000,
            celsius=self._asked(lib.nvmlDeviceGetTemperature, handle, lib.NVML_TEMPERATURE_GPU),
            throttled=self._throttled(handle),
            uncorrected_errors=self._asked(
                lib.nvmlDeviceGetTotalEccErrors,
                handle,
                lib.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                lib.NVML_VOLATILE_ECC,
            ),
        )

    def _throttled(self, handle: Any) -> tuple[str, ...]:  # noqa: ANN401  a pointer of the library
        bits = self._asked(self._lib.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if bits is None:  # before driver 535
            bits = self._asked(self._lib.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return tuple(reason for bit, reason in THROTTLING.items() if (bits or 0) & bit)

    def _asked(self, question: Callable[..., Any], *about: Any) -> Any:  # noqa: ANN401  any figure
        """The answer, or None: not every GPU, driver or rank of virtual GPU tells every figure."""
        try:
            return question(*about)
        except self._lib.NVMLError:
            return None


def narrowed(uuids: Sequence[str], asked: str | None) -> list[int]:
    """The places of those that CUDA_VISIBLE_DEVICES leaves of these; all where it is not set.

    Indices, or UUIDs as far as they are unique; what follows one that is not there is not seen.
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#env-vars
    """
    if asked is None:
        return list(range(len(uuids)))
    kept: list[int] = []
    for word in asked.split(","):
        place = _place(uuids, word.strip())
        if place is None or place in kept:
            break
        kept.append(place)
    return kept


def _place(uuids: Sequence[str], word: str) -> int | None:
    if word.isdigit():
        return int(word) if int(word) < len(uuids) else None
    alike = [index for index, uuid in enumerate(uuids) if word and uuid.startswith(word)]
    return alike[0] if len(alike) == 1 else None
