"""The calls made of this cloud, one of each kind: who, what, on what, and whether allowed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FILE: Final = "calls.jsonl"
"""In the state of a cloud."""

_VARIES: Final = re.compile(r"[0-9a-f]{8,}|\d+")
"""Numbers and digests: what tells calls of one kind apart."""


@dataclass(frozen=True)
class Call:
    """One decision of the policies."""

    who: str
    """A role as `role/session`, or a service."""

    action: str
    resource: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    allowed: bool = True

    @property
    def kind(self) -> tuple[str, ...]:
        conditions = json.dumps(self.conditions, sort_keys=True)
        role = self.who.partition("/")[0]
        told = (role, self.action, self.resource, conditions, str(self.allowed))
        return tuple(_VARIES.sub("#", text) for text in told)


class Calls:
    """Writes the first call of each kind to a file, a line of JSON each, as it comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()
        path.unlink(missing_ok=True)

    def note(self, call: Call) -> None:
        with self._lock:
            if call.kind in self._seen:
                return
            self._seen.add(call.kind)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(vars(call), sort_keys=True, default=str) + "\n")


def read(path: Path) -> list[Call]:
    """What a cloud has written so far."""
    if not path.exists():
        return []
    return [Call(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
