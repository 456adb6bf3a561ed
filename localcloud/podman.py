"""The container of a job attempt where there is an image for it: the same limits as on AWS."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from localcloud.container import ATTEMPT_MARKER, NO_GPU, Container

# Podman asks for more than a machine that is itself a container may give.
LIMITS: Final = ("--ulimit", "nofile=1024:20000", "--ulimit", "nproc=4096:8192")

FOR_THE_ENGINE: Final = ("PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR")


class PodmanContainer(Container):
    """One started attempt in an image; signals reach its first process through the engine.

    Every process in it has the attempt's marker in its environment, so that the loss of a host
    ends them as it ends any other. One that needs too much memory ends with 137, and without the
    reason that Batch gives for it.
    """

    def command(self) -> list[str]:
        plan = self._plan
        words = [*self._image.engine, "run", "--rm", "--name", self._name, "--no-healthcheck"]
        words += ["--network", "host", *LIMITS]
        words += ["--read-only", "--read-only-tmpfs=false"] if plan.is_read_only else []
        words += ["--user", plan.user] if plan.user else []
        words += ["--memory", f"{plan.memory_mib}m"] if plan.memory_mib else []
        words += ["--shm-size", f"{plan.shared_memory_mib}m"] if plan.shared_memory_mib else []
        for tmpfs in plan.tmpfs:
            words += ["--tmpfs", tmpfs]
        for path in plan.mount_paths:
            if not any(tmpfs.startswith(f"{path}:") for tmpfs in plan.tmpfs):
                words += ["--volume", f"{self._volume(path)}:{path}"]
        for name in self._inside():
            words += ["--env", name]
        return [*words, self._image.reference, *plan.command]

    def environment(self) -> dict[str, str]:
        """The engine's; from it podman takes the values of those that are for the container."""
        own = {name: os.environ[name] for name in FOR_THE_ENGINE if name in os.environ}
        return {**own, **self._inside()}

    def _inside(self) -> dict[str, str]:
        return {
            **self._image.environment,
            **self._plan.environment,
            **NO_GPU,
            **self._extra,
            ATTEMPT_MARKER: self._name,
        }

    def _volume(self, path: str) -> Path:
        """An empty volume, which takes over the owner of the image's folder: the job's user."""
        folder = self._folder.joinpath(*PurePosixPath(path).parts[1:])
        folder.mkdir(parents=True, exist_ok=True)
        user, _, group = self._plan.user.partition(":")
        if user.isdigit():
            os.chown(folder, int(user), int(group or user))
        return folder
