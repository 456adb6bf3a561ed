"""What the container of a job attempt is on a laptop: command, environment, scratch folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from localcloud import processes
from localcloud.machines import needs

ATTEMPT_MARKER = "LOCALCLOUD_ATTEMPT"
"""Set in the environment of every process of an attempt, so that all of them can be found."""

CLOUD_MARKER = "LOCALCLOUD"
"""Set in everything the cloud starts, so that a warden can clean up after a cloud that crashed."""

PYTHON_COMMANDS = frozenset({"python", "python3"})
NO_GPU = {"GPUS": "0", "CUDA_VISIBLE_DEVICES": ""}
"""What stands here for a machine with GPUs has none. A job is promised none, and shown none that a
laptop may have: its LAMMPS is not built for it."""

KILLED_BY_SIGNAL = 128
MEMORY_SECONDS = 0.5
"""Between two looks at how much memory a container uses."""

MIB = 2**20


@dataclass(frozen=True)
class Image:
    """What replaces the container image: an interpreter, and what every job finds around it.

    Where there is a `reference`, jobs run in that image after all, by the container `engine`.
    """

    python: Path
    pythonpath: str
    scratch: Path
    logs: Path
    environment: Mapping[str, str]
    reference: str = ""
    engine: tuple[str, ...] = ("podman",)

    def base_environment(self) -> dict[str, str]:
        """Return the environment before Batch and the job definition add theirs.

        Nothing of the emulator's own environment leaks in but the search path and the language.
        """
        paths = [str(self.python.parent), os.environ.get("PATH", os.defpath)]
        found = {"PATH": os.pathsep.join(paths), "LANG": os.environ.get("LANG", "C.UTF-8")}
        if self.pythonpath:
            found["PYTHONPATH"] = self.pythonpath
        return {**found, **self.environment}


@dataclass(frozen=True)
class ContainerPlan:
    """What Batch decided for all attempts of one job."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    mount_paths: tuple[str, ...]
    memory_mib: int = 0
    user: str = ""
    is_read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    shared_memory_mib: int = 0


def plan_container(
    properties: Mapping[str, Any], overrides: Mapping[str, Any], parameters: Mapping[str, str]
) -> ContainerPlan:
    """Lay a submission's overrides over its job definition."""
    command = overrides.get("command") or properties.get("command") or []
    environment = {
        pair["name"]: str(pair.get("value", ""))
        for source in (properties, overrides)
        for pair in source.get("environment") or []
    }
    linux = properties.get("linuxParameters") or {}
    tmpfs = linux.get("tmpfs") or []
    mounts = [*(properties.get("mountPoints") or []), *tmpfs]
    return ContainerPlan(
        command=tuple(_substitute(word, parameters) for word in command),
        environment=environment,
        mount_paths=tuple(mount["containerPath"] for mount in mounts),
        memory_mib=needs(properties, overrides).get("MEMORY", 0),
        user=properties.get("user") or "",
        is_read_only=bool(properties.get("readonlyRootFilesystem")),
        tmpfs=tuple(
            f"{one['containerPath']}:size={one['size']}m,{','.join(one.get('mountOptions') or [])}"
            for one in tmpfs
        ),
        shared_memory_mib=linux.get("sharedMemorySize") or 0,
    )


class Container:
    """One started attempt: its process tree and its folder."""

    def __init__(
        self, image: Image, plan: ContainerPlan, name: str, extra: Mapping[str, str]
    ) -> None:
        self._image = image
        self._plan = plan
        self._name = name
        self._extra = extra
        self._folder = image.scratch / name
        self._process: subprocess.Popen[bytes] | None = None
        self.log = image.logs / f"{name}.log"
        self.is_out_of_memory = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the command; an OSError means the container cannot be started."""
        for folder in (self._folder / "home", self._folder / "tmp", self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        environment = self.environment()
        command = self.command()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self._plan.memory_mib and not self._image.reference:
            threading.Thread(target=self._limit_memory, daemon=True).start()

    def wait(self) -> int:
        """Wait for the command, then end what it left behind as a container's end does."""
        assert self._process is not None
        code = self._process.wait()
        self.kill()
        return code if code >= 0 else KILLED_BY_SIGNAL - code

    def _limit_memory(self) -> None:
        """Kill the largest process once all need too much together, as the kernel does on AWS.

        No limit of the operating system does that for a tree of processes without a cgroup.
        """
        assert self._process is not None
        while self._process.poll() is None:
            if processes.kill_largest(self._process.pid, self._plan.memory_mib * MIB):
                self.is_out_of_memory = True
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(MEMORY_SECONDS)

    def ask_to_stop(self) -> None:
        """SIGTERM to the first process only, as Docker does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        running = self._process is not None and self._process.poll() is None
        processes.kill(ATTEMPT_MARKER, self._name, self.pid if running else None)

    def remove(self) -> None:
        """Delete the scratch folder: nothing of an attempt survives its host but the log."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def command(self) -> list[str]:
        program, *arguments = self._plan.command
        is_python = program in PYTHON_COMMANDS
        return [str(self._image.python) if is_python else program, *arguments]

    def environment(self) -> dict[str, str]:
        given = {name: self._re_root(value) for name, value in self._plan.environment.items()}
        return {
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            **self._image.base_environment(),
            **given,
            **NO_GPU,
            **self._extra,
            ATTEMPT_MARKER: self._name,
        }

    def _re_root(self, value: str) -> str:
        """Turn a path on a mount into one below this attempt's folder, and make the mount."""
        for mount in self._plan.mount_paths:
            if value == mount or value.startswith(mount.rstrip("/") + "/"):
                root = self._folder.joinpath(*PurePosixPath(mount).parts[1:])
                root.mkdir(parents=True, exist_ok=True)
                return str(self._folder) + value
        return value


def environment_pairs(environment: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in environment.items()]


def _substitute(word: str, parameters: Mapping[str, str]) -> str:
    prefix = "Ref::"
    return parameters.get(word.removeprefix(prefix), word) if word.startswith(prefix) else word


def remove_all(folders: Iterable[Path]) -> None:
    for folder in folders:
        # Of a link only what it points to.
        shutil.rmtree(folder.resolve(), ignore_errors=True)
