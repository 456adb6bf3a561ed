"""Start a local cloud in the foreground: `python -m localcloud --state DIR --job-python PYTHON`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psutil

from localcloud.settings import Settings, enter_environment
from localcloud.warden import Warden

CHATTY_LOGGERS = ("kms", "samtranslator.metrics.metrics")
"""They warn at every start, of things that no laptop needs."""


def main() -> int:
    arguments = _parse()
    settings = Settings(
        state=arguments.state.absolute(),
        # Not resolved: the interpreter of a virtual environment is a link.
        job_python=arguments.job_python.absolute(),
        job_pythonpath=os.pathsep.join(
            str(Path(p).absolute()) for p in arguments.job_pythonpath.split(os.pathsep) if p
        ),
        job_image=arguments.job_image,
        job_engine=tuple(shlex.split(arguments.job_engine)),
        port=arguments.port,
        notice_seconds=arguments.notice_seconds,
        job_slots=arguments.job_slots,
        function_slots=arguments.function_slots,
        grace_seconds=arguments.grace_seconds,
        queue_haste=arguments.queue_haste,
    )
    if pid := _living_cloud(settings.card):
        print(f"A local cloud with this state runs already, pid {pid}.", file=sys.stderr)
        return 1
    settings.sweep()
    listener = socket.create_server(("127.0.0.1", settings.port))
    cloud_id = uuid.uuid4().hex
    warden = Warden(cloud_id)
    enter_environment(settings, listener.getsockname()[1], cloud_id)
    tempfile.tempdir = str(settings.temporary)
    # MiniStack writes some things relative to the working directory.
    os.chdir(settings.temporary)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    if arguments.die_with is not None:
        _die_with(arguments.die_with)
    # MiniStack reads its settings when it is imported.
    from localcloud.emulator import serve

    try:
        serve(settings, listener)
    finally:
        warden.dismiss()
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    add = parser.add_argument
    add("--state", type=Path, required=True, help="folder for everything the cloud writes")
    add("--job-python", type=Path, required=True, help="interpreter that runs the jobs' python3")
    add("--job-pythonpath", default="", help="PYTHONPATH of the jobs")
    add("--job-image", default="", help="run the jobs in this container image after all")
    add("--job-engine", default="podman", help="what runs containers, with its own options")
    add("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    add("--notice-seconds", type=float, default=120.0, help="from a spot notice to the loss")
    add("--job-slots", type=int, default=2, help="jobs that run at once")
    add("--function-slots", type=int, default=4, help="functions that run at once")
    add("--grace-seconds", type=float, default=30.0, help="from a job's SIGTERM to its SIGKILL")
    add("--queue-haste", type=float, default=1.0, help="how much sooner queues cancel their heads")
    add("--die-with", type=int, metavar="PID", help="stop when this process is gone")
    return parser.parse_args()


def _living_cloud(card: Path) -> int | None:
    """Return the process of a cloud that has not cleaned up its card because it still runs."""
    try:
        pid = int(json.loads(card.read_text())["pid"])
        return pid if "localcloud" in psutil.Process(pid).cmdline() else None
    except (OSError, ValueError, psutil.Error):
        return None


def _die_with(pid: int) -> None:
    def watch() -> None:
        while psutil.pid_exists(pid):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
