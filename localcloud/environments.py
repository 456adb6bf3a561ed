"""Where the repository keeps the interpreters and the state of its local clouds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
OWN: Final = ROOT / ".deckhand"


@dataclass(frozen=True)
class Environments:
    """Interpreters of the environments that `make setup` makes."""

    product: Path = ROOT / ".venv" / "bin" / "python"
    cloud: Path = OWN / "venvs" / "cloud" / "bin" / "python"
    sam: Path = OWN / "venvs" / "sam" / "bin" / "python"

    def missing(self) -> list[Path]:
        return [path for path in (self.product, self.cloud, self.sam) if not path.exists()]
