"""A GPU of the machine: what it is."""

from __future__ import annotations

from deckhand.domain.deck import Frozen


class Gpu(Frozen):
    """One that an attempt was given. `capability` is its compute capability, (8, 0) for an A100
    (https://developer.nvidia.com/cuda-gpus); `memory_mib` all of its memory.
    """

    uuid: str
    name: str
    capability: tuple[int, int]
    memory_mib: int
