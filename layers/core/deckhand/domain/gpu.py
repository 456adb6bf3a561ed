"""A GPU of the machine: what it is."""

from __future__ import annotations

from deckhand.domain.deck import Frozen


class Gpu(Frozen):
    """One that an attempt was given; `memory_mib` is all of its memory.

    `capability` is its compute capability, (8, 0) for an A100: https://developer.nvidia.com/cuda-gpus.
    """

    uuid: str
    name: str
    capability: tuple[int, int]
    memory_mib: int
