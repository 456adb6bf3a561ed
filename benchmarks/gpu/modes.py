"""The ways in which a LAMMPS may compute on this machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.attempts import lammps_environment

_ON_A_GPU: Final = re.compile(r"CUDA|HIP|OpenCL|SYCL", re.IGNORECASE)
_API: Final = re.compile(r"^(KOKKOS|GPU) package API:(.*)$", re.MULTILINE)
_VERSION: Final = re.compile(r"Massively Parallel Simulator - (.+)")

PLAIN: Final = "plain"
FLAGS: Final = {
    PLAIN: "",
    "kokkos": "-k on g 1 -sf kk -pk kokkos gpu/aware off",
    "kokkos-half": "-k on g 1 -sf kk -pk kokkos gpu/aware off neigh half newton on",
    "gpu": "-sf gpu -pk gpu 1",
}
"""What Deckhand may start LAMMPS with, by the names that `--modes` knows."""

PACKAGE: Final = {"kokkos": "KOKKOS", "kokkos-half": "KOKKOS", "gpu": "GPU"}


@dataclass(frozen=True)
class Mode:
    """One program in one way; *program* may have a launcher before it."""

    program: tuple[str, ...]
    name: str
    version: str

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(FLAGS[self.name].split())

    def __str__(self) -> str:
        return f"{Path(self.program[-1]).name} {self.name}"


def modes_of(program: Sequence[str]) -> list[Mode]:
    """All of a program, the fastest to be expected first, its plain one last."""
    said = subprocess.run(
        [*program, "-h"],
        env=lammps_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,  # the GPU package ends with an error where it finds no device
    ).stdout
    version = _VERSION.search(said)
    if version is None:
        raise RuntimeError(f"{' '.join(program)} does not say which LAMMPS it is:\n{said[-500:]}")
    names = [*names_of(said), PLAIN]
    return [Mode(tuple(program), name, version[1].strip()) for name in names]


def names_of(said: str) -> list[str]:
    """The modes that need a GPU, by what `lmp -h` says."""
    packages = {name for name, api in _API.findall(said) if _ON_A_GPU.search(api)}
    return [name for name, package in PACKAGE.items() if package in packages]
