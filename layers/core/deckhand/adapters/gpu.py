"""The GPUs of the machine, as NVIDIA's management library tells of them."""

from __future__ import annotations

from deckhand.domain.gpu import Gpu


def visible_gpus() -> tuple[Gpu, ...]:
    """Those that this container was given; none where there is no driver."""
    return ()
