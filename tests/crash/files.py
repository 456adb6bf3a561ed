"""Makes operations of what a process does to the files below a folder."""

from __future__ import annotations

import builtins
import io
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.crash.faults import Tally

_CHANGES: Final = re.compile(r"[wax+]")
_OPENS_TO_CHANGE: Final = os.O_CREAT | os.O_WRONLY | os.O_RDWR

_TARGETS: Final = {"rename": 1, "replace": 1, "link": 1, "unlink": 0, "remove": 0, "truncate": 0}
"""The functions of `os` that are counted, and which argument says what becomes of which file."""

Call = Callable[..., Any]


class CountedFiles:
    """What is opened to be read is none of its business."""

    def __init__(self, tally: Tally, below: Path) -> None:
        self._tally = tally
        self._top = f"{below.resolve()}{os.sep}"

    def install(self) -> None:
        """Modules look these functions up when they call them, and so does `pathlib`."""
        for name, which in _TARGETS.items():
            setattr(os, name, self._counted(name, getattr(os, name), which))
        for name, call in (("open", self._opened(os.open)), ("fsync", self._synced(os.fsync))):
            setattr(os, name, call)
        shutil.copyfile = self._counted("copy", shutil.copyfile, 1)
        io.open = builtins.open = self._opened_as_stream(builtins.open)

    def _inside(self, path: object) -> str | None:
        """The path below the folder; None for another file, or one known by its number only."""
        if not isinstance(path, (str, os.PathLike)):
            return None
        absolute = str(Path(os.fspath(path)).absolute())
        return absolute.removeprefix(self._top) if absolute.startswith(self._top) else None

    def _do(self, name: str, target: str | None, call: Call, *given: Any, **named: Any) -> Any:
        if target is None:
            return call(*given, **named)
        with self._tally.operation(f"file.{name}", target):
            return call(*given, **named)

    def _counted(self, name: str, call: Call, which: int) -> Call:
        def counted(*given: Any, **named: Any) -> Any:
            target = self._inside(given[which]) if len(given) > which else None
            return self._do(name, target, call, *given, **named)

        return counted

    def _opened(self, call: Call) -> Call:
        def opened(path: Any, flags: int, *given: Any, **named: Any) -> Any:
            target = self._inside(path) if flags & _OPENS_TO_CHANGE else None
            return self._do("open", target, call, path, flags, *given, **named)

        return opened

    def _opened_as_stream(self, call: Call) -> Call:
        def opened(path: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            target = self._inside(path) if _CHANGES.search(mode) else None
            return self._do("open", target, call, path, mode, *given, **named)

        return opened

    def _synced(self, call: Call) -> Call:
        def synced(file: Any) -> Any:
            number = file if isinstance(file, int) else file.fileno()
            target = self._inside(Path(f"/proc/self/fd/{number}").readlink())
            return self._do("fsync", target, call, file)

        return synced
