"""The SAM CLI as a process, in an environment of its own: it cannot share one with the product."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.domain.errors import SamError

TAIL_LINES: Final = 40
ALWAYS: Final = {"SAM_CLI_TELEMETRY": "0", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@dataclass(frozen=True)
class SamCli:
    """Runs `sam` with the interpreter *python* in the folder *root*; all it says goes to *log*."""

    python: Path
    root: Path
    log: Path
    environment: Mapping[str, str]

    def run(self, arguments: Sequence[str], read: Callable[[str], None]) -> list[str]:
        """The lines that sam says; *read* gets each at once. Raises SamError."""
        if not self.python.exists():
            raise SamError("The SAM CLI is not installed here. `make setup` installs it.")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                [str(self.python), "-m", "samcli", *arguments],
                cwd=self.root,
                env={**self.environment, **ALWAYS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    read(line)
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            said = "\n".join(lines[-TAIL_LINES:])
            raise SamError(f"sam {arguments[0]} failed; all of it is in {self.log}:\n{said}")
        return lines
