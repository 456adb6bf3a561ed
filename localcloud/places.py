"""Where functions run: so many at once, and the others wait their turn."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_has_place: contextvars.ContextVar[bool] = contextvars.ContextVar("has_place", default=False)


class Places:
    """Whoever has a place keeps it for what it does within; that takes no second one."""

    def __init__(self, number: int) -> None:
        self._free = threading.BoundedSemaphore(number)

    @contextmanager
    def place(self) -> Iterator[None]:
        if _has_place.get():
            yield
            return
        with self._free:
            token = _has_place.set(True)
            try:
                yield
            finally:
                _has_place.reset(token)
