"""A driver that says what a test wants, under the real binding of NVIDIA's management library."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).with_name("nvml.c")
LIBRARY: Final = "libnvidia-ml.so.1"

A100: Final = {
    "count": 1,
    "name": "NVIDIA A100-SXM4-40GB",
    "driver": "570.86.15",
    "cuda": 12080,
    "used": 2048 << 20,
    "utilisation": 30,
    "milliwatts": 150_000,
    "millijoules": 5_000_000,
    "celsius": 61,
    "reasons": 0,
    "uncorrected": 0,
}


@dataclass
class FakeDriver:
    """The library in `folder` and its figures, which may change at any time."""

    folder: Path
    figures: dict[str, object] = field(default_factory=lambda: dict(A100))

    def tell(self, **figures: object) -> None:
        """Change figures; None is one that the driver does not have."""
        self.figures |= figures
        known = {name: value for name, value in self.figures.items() if value is not None}
        text = "".join(f"{name} {value}\n" for name, value in known.items())
        partial = self._file.with_suffix(".partial")
        partial.write_text(text)
        partial.replace(self._file)

    def environment(self, libraries: str = "") -> dict[str, str]:
        """What a process must have in its environment in order to find this driver."""
        paths = [str(self.folder), *([libraries] if libraries else [])]
        return {"LD_LIBRARY_PATH": os.pathsep.join(paths), "NVML_STUB": str(self._file)}

    @property
    def _file(self) -> Path:
        return self.folder / "figures"


def make_driver(folder: Path) -> FakeDriver:
    """Compile the library; skips the test where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(folder / LIBRARY)]
    subprocess.run([*command, str(SOURCE)], check=True)
    driver = FakeDriver(folder)
    driver.tell()
    return driver
