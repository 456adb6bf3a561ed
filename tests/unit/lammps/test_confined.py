"""What a confined program cannot do, seen from inside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "layers/core"
HAS_NO_NETWORK = """
import socket, sys
for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_STREAM)):
    try:
        with socket.socket(family, kind) as endpoint:
            if family == socket.AF_INET:
                endpoint.connect(("127.0.0.1", int(sys.argv[1])))
                print("reached")
    except OSError as error:
        print(type(error).__name__)
print(sys.argv[-1])
"""


def confined(
    seconds: int, memory: int, code: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    bounds = [str(seconds), str(memory), str(1024**3)]
    start = [sys.executable, "-P", "-m", "deckhand.lammps.confined", *bounds]
    return python(start, code, *arguments)


def python(start: list[str], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*start, sys.executable, "-c", code, *arguments],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def port() -> str:
    """Where somebody listens on this machine."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_it_has_no_network_and_is_told_why(port: str) -> None:
    said = confined(60, 4 * 1024**3, HAS_NO_NETWORK, port).stdout.split()
    assert "reached" not in said
    assert said[-1] in ("namespace", "filter")


def test_a_filter_refuses_every_socket(port: str) -> None:
    """What remains where no namespace is to be had, as in Lambda."""
    code = (
        "from deckhand.lammps.confined import refuse_sockets\n"
        "assert refuse_sockets()\n" + HAS_NO_NETWORK
    )
    done = python([], code, port, "end")
    assert done.stdout.split() == ["PermissionError", "PermissionError", "end"], done.stderr


def test_its_memory_is_bounded() -> None:
    done = confined(60, 512 * 1024**2, "x = bytearray(1024**3)")
    assert "MemoryError" in done.stderr


def test_its_time_is_bounded() -> None:
    done = confined(1, 4 * 1024**3, "while True: pass")
    assert done.returncode < 0


def test_its_files_are_bounded(tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'wb').truncate(2 * 1024**3)"
    done = confined(60, 4 * 1024**3, code, str(tmp_path / "large"))
    assert done.returncode != 0
    assert (tmp_path / "large").stat().st_size == 0
