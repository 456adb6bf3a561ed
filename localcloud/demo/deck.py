"""The deck of the demo: the example as it is, or shortened by its own variables."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from localcloud.environments import ROOT

EXAMPLE: Final = ROOT / "examples" / "polymer_melt"
NAME: Final = "in.melt"
SHORT: Final = {"npush": 4000, "nequil": 10000, "nprod": 24000}


def copy_deck(folder: Path, *, short: bool) -> Path:
    """Copy the example's files to *folder*; short only changes its step counts."""
    folder.mkdir(parents=True)
    for path in sorted(EXAMPLE.iterdir()):
        if path.is_file():
            shutil.copy(path, folder)
    if short:
        deck = folder / NAME
        deck.write_text(shortened(deck.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def shortened(text: str) -> str:
    for name, steps in SHORT.items():
        text, count = re.subn(
            rf"^(variable\s+{name}\s+index\s+)\d+", rf"\g<1>{steps}", text, flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(f"{NAME} has {count} index variables {name}, not one")
    return text
