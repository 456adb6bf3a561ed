"""End what a local cloud started if the cloud itself dies without a chance to do it."""

from __future__ import annotations

import subprocess
import sys

from localcloud import processes
from localcloud.container import CLOUD_MARKER


class Warden:
    """A process beside the cloud that waits for the cloud's end of a pipe to close."""

    def __init__(self, cloud_id: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localcloud.warden", cloud_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Close the pipe; the warden then finds nothing left to do, or ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10.0)


def watch(cloud_id: str) -> None:
    sys.stdin.read()
    processes.kill(CLOUD_MARKER, cloud_id)


if __name__ == "__main__":
    watch(sys.argv[1])
