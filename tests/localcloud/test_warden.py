"""The warden: nothing lingers after a cloud that died without a word."""

from __future__ import annotations

import os
import subprocess
import sys

from localcloud.container import CLOUD_MARKER
from localcloud.warden import Warden

SLEEP = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]


def sleeper(cloud_id: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, CLOUD_MARKER: cloud_id}
    process = subprocess.Popen(SLEEP, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_the_end_of_the_cloud_ends_what_it_started_and_nothing_else() -> None:
    with sleeper("this-cloud") as ours, sleeper("another-cloud") as theirs:
        warden = Warden("this-cloud")
        assert ours.poll() is None
        warden.dismiss()
        assert ours.wait(5) == -9
        assert theirs.poll() is None
        theirs.kill()
