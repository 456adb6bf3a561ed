"""The programs that transfers are measured against, in an environment of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = ROOT / ".deckhand" / "rivals"
LOCK: Final = ROOT / "requirements" / "rivals.txt"


def rivals() -> Path:
    """The folder of `s5cmd` and `aws`; they are installed when they are first asked for."""
    programs = ENVIRONMENT / "bin"
    if not (programs / "s5cmd").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", ENVIRONMENT], check=True)
        subprocess.run(
            [
                *(uv, "pip", "install", "--quiet", "--require-hashes"),
                *("--python", programs / "python", "--requirement", LOCK),
            ],
            check=True,
        )
    return programs
