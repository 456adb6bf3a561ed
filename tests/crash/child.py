"""The runner as Batch would start it, with its operations counted and one of them struck.

The harness starts it. It is told where to strike by CRASH_AT, and writes what it does to the file
CRASH_TRACE names, line by line, so that the tale outlives it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from deckhand.adapters.folder import FolderBucket
from deckhand.runner.__main__ import main
from tests.crash.faults import Counted, Operation, Point, Tally
from tests.crash.files import CountedFiles


def start() -> int:
    trace = os.open(os.environ["CRASH_TRACE"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(what: str, operation: Operation, target: str) -> None:
        line = [what, operation.name, operation.number, operation.has_reply, target]
        os.write(trace, f"{json.dumps(line)}\n".encode())

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    where = os.environ.get("CRASH_AT", "")
    tally = Tally(Point.parse(where) if where else None, die, note)
    plain = FolderBucket.from_url

    def counted(url: str) -> Any:
        return Counted(plain(url), "bucket", tally)

    FolderBucket.from_url = counted  # type: ignore[method-assign]
    CountedFiles(tally, Path(os.environ["DECKHAND_SCRATCH"])).install()
    return main()


if __name__ == "__main__":
    sys.exit(start())
