"""Numbers the operations of a program as they come, and strikes at one of them.

A point is the place of a fault: an operation, named by who does what to which object, which of
those of that name it is, and how it is struck. Names have no digits: the same run of the same deck
does the same things again, but at other steps. They have the thread: what the end of an attempt
stores is not to be taken for what one more checkpoint has stored.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import ConnectionClosedError

BEGUN: Final = "begun"
ENDED: Final = "ended"
STRUCK: Final = "struck"


class How(StrEnum):
    """LOST: the operation is done, but whoever asked for it hears of an error only."""

    BEFORE = "before"
    AFTER = "after"
    LOST = "lost"


@dataclass(frozen=True)
class Operation:
    name: str
    number: int
    has_reply: bool

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


@dataclass(frozen=True)
class Point:
    operation: str
    how: How

    def __str__(self) -> str:
        return f"{self.how} {self.operation}"

    @property
    def kind(self) -> str:
        """The name of the operation without its number."""
        return self.operation.rpartition(" #")[0]

    @classmethod
    def parse(cls, text: str) -> Point:
        how, _, operation = text.partition(" ")
        return cls(operation, How(how))


@dataclass
class Tally:
    """`strike` is what happens at *point*; `note` is told of every operation and of its end."""

    point: Point | None
    strike: Callable[[], None]
    note: Callable[[str, Operation, str], None] = lambda what, operation, target: None
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def operation(self, what: str, target: str, *, has_reply: bool = False) -> Iterator[None]:
        name = f"{plain(threading.current_thread().name)}: {what} {plain(target)}"
        with self._lock:
            self._seen[name] += 1
            operation = Operation(name, self._seen[name], has_reply)
        self.note(BEGUN, operation, target)
        self._meet(operation, How.BEFORE)
        yield
        self.note(ENDED, operation, target)
        self._meet(operation, How.AFTER)
        if self._is_met(operation, How.LOST):
            raise ConnectionClosedError(endpoint_url=target)

    def _meet(self, operation: Operation, how: How) -> None:
        if self._is_met(operation, how):
            self.strike()

    def _is_met(self, operation: Operation, how: How) -> bool:
        met = self.point == Point(str(operation), how)
        if met:
            self.note(STRUCK, operation, "")
        return met


def plain(target: str) -> str:
    """A key or a path without what differs from run to run."""
    target = re.sub(r"deckhand-[^/]+", "control", target)
    target = re.sub(r"-[0-9a-f]{12}$", "-*", target)
    return re.sub(r"\d+", "*", target)


class Counted:
    """Stands before a port: every call of it is an operation."""

    def __init__(self, inner: object, kind: str, tally: Tally) -> None:
        self._inner, self._kind, self._tally = inner, kind, tally

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._inner, name)
        if not callable(member):
            return member
        call = self._stream if inspect.isgeneratorfunction(member) else self._call
        return lambda *given, **named: call(name, member, *given, **named)

    def _call(self, name: str, member: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with self._operation(name, given):
            return member(*given, **named)

    def _stream(
        self, name: str, member: Callable[..., Iterator[Any]], *given: Any, **named: Any
    ) -> Iterator[Any]:
        with self._operation(name, given):
            yield from member(*given, **named)

    def _operation(self, name: str, given: tuple[Any, ...]) -> Any:
        first = given[0] if given else ""
        first = first[0] if isinstance(first, list) and first else first
        target = first if isinstance(first, str) else ""
        return self._tally.operation(f"{self._kind}.{name}", target, has_reply=True)
