"""A local cloud in the background: `python -m localcloud.lifecycle up|down|status|…`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from deckhand.adapters.local_cloud import LocalCloud, running
from localcloud import processes
from localcloud.deployment import DeploymentError, Sam, stack_name
from localcloud.environments import OWN, ROOT, Environments
from localcloud.progress import Progress

STATE: Final = OWN / "cloud"
MAIL: Final = "mail"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
PAUSE_SECONDS: Final = 0.1
TAIL_LINES: Final = 20


class LifecycleError(Exception):
    """The local cloud could not be started or stopped; the text says why."""


def launch(state: Path, environments: Environments, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the emulator in a session of its own, so that a Ctrl-C is ours to pass on."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "cloud.log").open("ab") as log:
        return subprocess.Popen(
            [
                *(str(environments.cloud), "-m", "localcloud"),
                *("--state", str(state)),
                *("--job-python", str(environments.product)),
                *("--job-pythonpath", str(ROOT / "layers" / "core")),
                *arguments,
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_ready(state: Path, process: subprocess.Popen[bytes]) -> LocalCloud:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if cloud := running(state):
            return cloud
        if process.poll() is not None:
            break
        time.sleep(PAUSE_SECONDS)
    process.kill()
    log = (state / "cloud.log").read_text(errors="replace").splitlines()
    raise LifecycleError("The local cloud did not start:\n" + "\n".join(log[-TAIL_LINES:]))


def up(
    state: Path,
    progress: Progress,
    parameters: Mapping[str, str],
    *arguments: str,
    environments: Environments = Environments(),  # noqa: B008  frozen
) -> LocalCloud:
    """Start a cloud unless it runs, and deploy this repository's stack to it."""
    if missing := environments.missing():
        raise LifecycleError(f"{missing[0]} is missing. `make setup` makes it.")
    sam = Sam(state, environments)
    process = None if running(state) else launch(state, environments, *arguments)
    try:
        with progress.step("sam build") as note:
            sam.build(note)
        with progress.step("local cloud ready") as note:
            cloud = wait_until_ready(state, process) if process else running(state)
            if cloud is None:
                raise LifecycleError("The local cloud ended while the template was built.")
            note(cloud.endpoint)
        with progress.step("sam deploy") as note:
            Sam(state, environments, cloud.endpoint).deploy(note, parameters)
    except BaseException:
        if process:
            _end(process.pid)
        raise
    return cloud


def down(state: Path) -> bool:
    """Stop a cloud and everything that runs in it; False where none ran."""
    cloud = running(state)
    if cloud is None:
        return False
    _end(cloud.pid)
    return True


def _end(pid: int) -> None:
    """SIGTERM, which takes the jobs along; SIGKILL when it does not help."""
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        # Not psutil's wait: it waits on for a zombie whose parent never asks for it.
        while processes.alive(process) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        if processes.alive(process):
            process.kill()
    except psutil.NoSuchProcess:
        return
    # A child of ours is ours to bury.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def main() -> int:
    arguments, more = _parse()
    state: Path = arguments.state.absolute()
    try:
        return _COMMANDS[arguments.command](state, arguments, more)
    except (LifecycleError, DeploymentError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was started has been stopped.", file=sys.stderr)
        return 130


def _up(state: Path, arguments: argparse.Namespace, more: list[str]) -> int:
    progress = Progress()
    cloud = up(state, progress, dict(item.split("=", 1) for item in arguments.parameter), *more)
    print(f"The local cloud is up: {cloud.endpoint}, stack {stack_name()}, mail in {state / MAIL}")
    print("Next: deckhand submit examples/polymer_melt")
    return 0


def _down(state: Path, _: argparse.Namespace, __: list[str]) -> int:
    print("The local cloud is stopped." if down(state) else "No local cloud is running.")
    return 0


def _status(state: Path, _: argparse.Namespace, __: list[str]) -> int:
    cloud = running(state)
    if cloud is None:
        print("No local cloud is running. `deckhand local up` starts one.")
        return 1
    print(f"endpoint  {cloud.endpoint}\ncontrol   {cloud.control}\nstack     {stack_name()}")
    print(f"pid       {cloud.pid}\nmail      {state / MAIL}\nlogs      {state}")
    return 0


def _sam_environment(state: Path, _: argparse.Namespace, __: list[str]) -> int:
    """For `deckhand stack`, which deploys to this cloud as to any other."""
    cloud = running(state)
    if cloud is None:
        raise LifecycleError("No local cloud is running. `deckhand local up` starts one.")
    print(json.dumps(Sam(state, Environments(), cloud.endpoint).environment()))
    return 0


_COMMANDS: Final = {
    "up": _up,
    "down": _down,
    "status": _status,
    "sam-environment": _sam_environment,
}


def _parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.lifecycle",
        epilog="Other options go to `python -m localcloud`.",
    )
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--state", type=Path, default=STATE)
    parser.add_argument(
        *("--parameter", "-p"),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the template, over samconfig.toml's",
    )
    return parser.parse_known_args()


if __name__ == "__main__":
    # A SIGTERM must not leave the cloud half deployed and running.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    sys.exit(main())
