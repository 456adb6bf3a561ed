"""What starts LAMMPS on this machine: the program, its flags, and how many ranks of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from deckhand.domain.errors import EngineError
from deckhand.domain.gpu import Gpu
from deckhand.domain.run import Run
from deckhand.runner.settings import Settings

CPU: Final = "cpu"
ARCHITECTURE: Final = re.compile(r"sm_(\d+)(\d)")
"""What an architecture's program is called behind the name of all: `lmp-sm_80`, `lmp-cpu`."""

_SUFFIX: Final = ("-sf", "-suffix")


@dataclass(frozen=True)
class Engine:
    """The command of an attempt, and the flags in it, which its checkpoints name."""

    command: tuple[str, ...]
    flags: tuple[str, ...]


def engine(
    settings: Settings, run: Run, gpus: Sequence[Gpu], pinned: tuple[str, ...] | None
) -> Engine:
    """What carries *run* on; *pinned* are the flags of the checkpoint that it goes on from.

    Raises EngineError where this machine cannot.
    """
    flags = _flags(settings, run, len(gpus), pinned)
    *launcher, name = settings.lmp
    program = find_program(name, gpus if needs_gpu(flags) else (), os.get_exec_path())
    ranks = run.options.ranks
    if ranks is None and _is_ours(settings, flags) and not launcher:
        ranks = len(gpus) if len(gpus) > 1 else None
    if ranks is not None:
        launcher = [*settings.mpirun, "-n", str(ranks)]
    return Engine((*launcher, program, *flags), flags)


def _flags(
    settings: Settings, run: Run, gpus: int, pinned: tuple[str, ...] | None
) -> tuple[str, ...]:
    """State is lost between accelerators, so what a run has begun with stays with it."""
    if pinned is None:
        return settings.lmp_flags or (run.acceleration.flags(gpus) if gpus else ())
    if pinned == settings.lmp_flags or not needs_gpu(pinned):
        return pinned
    if not gpus:
        raise EngineError(
            f"The run was begun on a GPU, with `{' '.join(pinned)}`, and this machine has none."
        )
    counts = _gpu_counts(pinned)
    return tuple(str(gpus) if at in counts else word for at, word in enumerate(pinned))


def _is_ours(settings: Settings, flags: tuple[str, ...]) -> bool:
    """Whether Deckhand chose the flags: then each GPU gets a rank, as KOKKOS has it."""
    return needs_gpu(flags) and flags != settings.lmp_flags


def needs_gpu(flags: Sequence[str]) -> bool:
    return bool(_gpu_counts(flags)) or any(
        option in _SUFFIX and word == "gpu" for option, word in pairwise(flags)
    )


def _gpu_counts(flags: Sequence[str]) -> list[int]:
    """Where the number of GPUs stands: behind the `g` of `-k on g 1`, or in `-pk gpu 1`.

    https://docs.lammps.org/Run_options.html
    """
    has_kokkos = not {"-k", "-kokkos"}.isdisjoint(flags)
    found = []
    for at in range(2, len(flags)):
        option, word = flags[at - 2 : at]
        is_kokkos = has_kokkos and word in ("g", "gpus")
        if is_kokkos or (option in ("-pk", "-package") and word == "gpu"):
            found.append(at)
    return found


def find_program(name: str, gpus: Sequence[Gpu], folders: Sequence[str]) -> str:
    """The program *name* if there is one, else the one for these GPUs, or for none.

    A CUDA program runs on its own architecture and on later ones of the same generation:
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility.
    """
    if shutil.which(name, path=os.pathsep.join(folders)):
        return name
    built = _built(name, folders)
    fitting = [what for what in built if all(_fits(what, gpu) for gpu in gpus)] if gpus else [CPU]
    best = max(fitting, key=_capability, default="")
    if best not in built:
        raise EngineError(_lack(name, gpus, sorted(built)))
    return built[best]


def _built(name: str, folders: Sequence[str]) -> dict[str, str]:
    """The programs of that name by what they were built for; earlier folders go first."""
    places = [Path(name).parent] if "/" in name else [Path(folder) for folder in folders]
    found: dict[str, str] = {}
    for place in places:
        for path in sorted(place.glob(f"{Path(name).name}-*")):
            what = path.name.removeprefix(f"{Path(name).name}-")
            is_one = what == CPU or ARCHITECTURE.fullmatch(what)
            if is_one and os.access(path, os.X_OK):
                found.setdefault(what, str(path))
    return found


def _capability(what: str) -> tuple[int, int]:
    match = ARCHITECTURE.fullmatch(what)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _fits(what: str, gpu: Gpu) -> bool:
    major, minor = _capability(what)
    return major == gpu.capability[0] and minor <= gpu.capability[1]


def _lack(name: str, gpus: Sequence[Gpu], built: Sequence[str]) -> str:
    there = ", ".join(f"{name}-{what}" for what in built) or "none of its kind"
    wanted = CPU
    machine = "a machine without a GPU"
    if gpus:
        major, minor = gpus[0].capability
        wanted = f"sm_{major}{minor}"
        machine = f"{gpus[0].name}, of compute capability {major}.{minor}"
    return (
        f"There is no program `{name}`, nor one for {machine}: there is {there}. "
        f"Build the image with {wanted} among the ARCHS of container/Dockerfile."
    )
