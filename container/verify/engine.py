"""Buildah and Podman with a storage of their own, as root, without any service."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from localcloud.podman import LIMITS

NEEDED: Final = ("buildah", "podman", "runc", "debootstrap")

# Within a machine that is itself a container: what podman cannot have there is left out.
_RUNTIME: Final = ("--runtime", "runc", "--cgroup-manager", "cgroupfs")


class EngineError(Exception):
    """A command of the engine failed; the text is the end of what it said."""


@dataclass(frozen=True)
class Engine:
    """Images and containers below the folder *state*; what was said is in its log."""

    state: Path

    @property
    def log(self) -> Path:
        return self.state / "engine.log"

    @property
    def _storage(self) -> tuple[str, ...]:
        root, runroot = str(self.state / "storage"), str(self.state / "runroot")
        return ("--root", root, "--runroot", runroot, "--storage-driver", "overlay")

    @property
    def podman(self) -> tuple[str, ...]:
        """What a command line of podman begins with."""
        return ("podman", *self._storage, *_RUNTIME)

    def why_not(self) -> str:
        """Why this machine lets nobody mount an image; nothing where it does."""
        try:
            with self.mounted("scratch"):
                return ""
        except EngineError as error:
            return f"Images cannot be mounted here. {error}"

    def as_option(self) -> str:
        """The same, for the option of a program that starts containers itself."""
        return shlex.join(self.podman)

    def has(self, image: str) -> bool:
        done = subprocess.run([*self.podman, "image", "exists", image], check=False)
        return done.returncode == 0

    def import_folder(self, folder: Path, image: str) -> None:
        """Make an image of a root file system."""
        with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as tar:
            self._run([*self.podman, "import", "-", image], stdin=tar.stdout)
        if tar.returncode:
            raise EngineError(f"tar ended with {tar.returncode} on {folder}")

    def build(
        self, image: str, context: Path, dockerfile: Path, arguments: Mapping[str, str]
    ) -> None:
        """Build without privileges over the machine: a chroot instead of a container."""
        words = ["buildah", *self._storage, "build", "--isolation", "chroot", "--network", "host"]
        words += ["--format", "docker", "--layers", "--tag", image, "--file", str(dockerfile)]
        for name, value in arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        try:
            self._run([*words, str(context)])
        finally:
            self.unmount()

    def unmount(self) -> None:
        """Remove what a build, or a process that was killed, has left mounted."""
        self._run(["buildah", *self._storage, "rm", "--all"])

    def inspect(self, image: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(
            self._output([*self.podman, "image", "inspect", image])
        )
        return found[0]

    @contextlib.contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The root file system of an image, as a folder."""
        buildah = ["buildah", *self._storage]
        name = self._output([*buildah, "from", image]).strip()
        try:
            yield Path(self._output([*buildah, "mount", name]).strip())
        finally:
            self._run([*buildah, "rm", name])

    def run(self, image: str, command: Sequence[str], *, read_only: bool = True) -> tuple[int, str]:
        """Run a command as Batch runs it: a read-only root, a scratch volume, a small /tmp."""
        words = [*self.podman, "run", "--rm", "--no-healthcheck", "--network", "host", *LIMITS]
        words += ["--read-only", "--read-only-tmpfs=false"] if read_only else []
        words += ["--tmpfs", "/tmp:size=64m,nosuid,nodev"]
        words += [image, *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def _run(self, command: Sequence[str], stdin: IO[bytes] | None = None) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(command, stdin=stdin, stdout=log, stderr=log, check=False)
        if done.returncode:
            tail = self.log.read_text(errors="replace").splitlines()[-20:]
            raise EngineError(f"{command[0]} failed:\n" + "\n".join(tail))

    def _output(self, command: Sequence[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EngineError(f"{shlex.join(command)}: {done.stderr.strip()}")
        return done.stdout


def lacking() -> str:
    """What this machine lacks to verify an image; nothing where it lacks nothing."""
    if os.geteuid() != 0:
        return "Building a root file system takes root: sudo make verify-image"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        install = f"On Debian and Ubuntu: apt install --no-remove {' '.join(missing)}"
        return f"There is no {', '.join(missing)}. {install}"
    return ""
