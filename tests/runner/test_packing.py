"""Eight attempts at the same time on one machine: none of them notices the others."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from deckhand.domain.status import ExitCode
from deckhand.lammps.control import run_control
from deckhand.lammps.surroundings import surroundings
from deckhand.lammps.thermo import read_rows
from tests.engine import MPIRUN
from tests.runner.conftest import ENGINE, Cloud
from tests.runner.decks import BOX

ATTEMPTS = 8
INTERRUPTED = 3
TWO_RANKS = frozenset({2, 5})
PATIENCE_SECONDS = 90.0
DECK = "in.melt"
PROGRAM = ENGINE.lmp.name
LOG = "log.lammps"
SHARED_MEMORY = Path("/dev/shm")

Children = dict[int, list[psutil.Process]]


def deck(number: int) -> str:
    """A small box with a start of its own; the run is long enough for some checkpoints."""
    steps = 30_000 if number == INTERRUPTED else 1500 if number in TWO_RANKS else 6000
    return f"""
{BOX.replace("0 6", "0 4")}
velocity        all create 1.0 {12345 + number}
fix             bath all nvt temp 1.0 1.0 0.5
thermo          50
dump            traj all atom 500 melt.lammpstrj
fix             curve all ave/time 10 5 100 c_thermo_temp file temp.dat
run             {steps}
write_data      final.data
"""


@dataclass
class Sight:
    """What was seen of the processes of one attempt: ports they listen at, files they write."""

    ports: set[int] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    cores: list[int] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)


@dataclass
class Neighbour:
    """One of the eight: its run, its part of the machine, its attempts."""

    number: int
    cloud: Cloud
    attempt: int = 0
    sight: Sight = field(default_factory=Sight)
    held: list[psutil.Process] = field(default_factory=list)

    @property
    def launcher(self) -> tuple[str, ...]:
        return (str(MPIRUN), "-n", "2") if self.number in TWO_RANKS else ()

    def begin(self) -> None:
        self.cloud.scratch.mkdir(parents=True)
        self.cloud.admit({DECK: deck(self.number)}, DECK)
        self.go_on()

    def go_on(self) -> None:
        self.attempt += 1
        newest = self.cloud.newest() if self.cloud.checkpoints() else ""
        ranks = {"LMP": " ".join(f"'{word}'" for word in (*self.launcher, str(ENGINE.lmp)))}
        self.cloud.start(self.attempt, newest, **ranks)

    @property
    def code(self) -> int | None:
        return self.cloud.started[-1].poll()

    def processes(self, children: Children) -> list[psutil.Process]:
        """Those that its newest runner has started, and they have."""
        found = [*children[self.cloud.started[-1].pid]]
        for process in found:
            found += children[process.pid]
        return found

    def hold(self, children: Children) -> bool:
        """Let its LAMMPS stand, once all ranks are there."""
        ranks = [process for process in self.processes(children) if process.name() == PROGRAM]
        if len(ranks) == (2 if self.launcher else 1):
            self.held = ranks
            for process in ranks:
                process.suspend()
        return bool(self.held)

    def look(self, children: Children) -> None:
        """See what its processes do now; one that is about to go is not seen."""
        for process in self.processes(children):
            with contextlib.suppress(psutil.Error):
                self._look_at(process)

    def _look_at(self, process: psutil.Process) -> None:
        if process.name() == PROGRAM:
            # The most: while MPI finds out what machine it is on, it visits each core by itself.
            self.sight.cores = max(self.sight.cores, process.cpu_affinity(), key=len)
            self.sight.threads.add(process.environ().get("OMP_NUM_THREADS", "as many as there are"))
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                self.sight.ports.add(connection.laddr.port)
        for file in process.open_files():
            if file.mode != "r":
                self.sight.files.add(Path(file.path))

    def control(self, folder: Path) -> dict[str, bytes]:
        """What the run leaves in one process that is cut and continued where this was."""
        folder.mkdir()
        (folder / DECK).write_text(deck(self.number))
        lineage = self.cloud.completion(self.attempt).segments
        environment = surroundings({**os.environ, **ENGINE.environment}, folder / "tmp")
        run_control([*self.launcher, str(ENGINE.lmp)], environment, folder, DECK, lineage)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def neighbours(cloud: Cloud, tmp_path: Path) -> Iterator[list[Neighbour]]:
    made = []
    options = {"CHECKPOINT_SECONDS": "0.8", "STATUS_SECONDS": "1"}
    for number in range(ATTEMPTS):
        scratch = tmp_path / "host" / str(number)
        own = replace(cloud, run_id=f"melt-{number:016x}", scratch=scratch, started=[])
        own.options = options
        made.append(Neighbour(number, own))
    yield made
    for neighbour in made:
        neighbour.cloud.end()


def children() -> Children:
    found: Children = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        found[process.info["ppid"]].append(process)
    return found


def begin_together(neighbours: list[Neighbour]) -> None:
    """Start all; none goes on before LAMMPS stands in each and all have been seen."""
    for neighbour in neighbours:
        neighbour.begin()
    until = time.monotonic() + PATIENCE_SECONDS
    waiting = neighbours
    while waiting:
        assert time.monotonic() < until, [neighbour.number for neighbour in waiting]
        seen = children()
        waiting = [neighbour for neighbour in waiting if not neighbour.hold(seen)]
        time.sleep(0.01)
    seen = children()
    for neighbour in neighbours:
        neighbour.look(seen)
    for neighbour in neighbours:
        for process in neighbour.held:
            process.resume()


def carry(neighbours: list[Neighbour]) -> None:
    """All to their ends; one of them is told to stop, and resumed while the others go on."""
    begin_together(neighbours)
    until = time.monotonic() + PATIENCE_SECONDS
    one, asked = neighbours[INTERRUPTED], False
    while any(neighbour.code in (None, ExitCode.CHECKPOINTED) for neighbour in neighbours):
        assert time.monotonic() < until, [neighbour.code for neighbour in neighbours]
        seen = children()
        for neighbour in neighbours:
            neighbour.look(seen)
        if not asked and one.cloud.checkpoints():
            one.cloud.started[-1].send_signal(signal.SIGTERM)
            asked = True
        if asked and one.attempt == 1 and one.code == ExitCode.CHECKPOINTED:
            one.go_on()
        time.sleep(0.05)
    for neighbour in neighbours:
        said = neighbour.cloud.said(neighbour.attempt)
        assert neighbour.code == ExitCode.COMPLETED, said


@pytest.mark.skipif(not MPIRUN.exists(), reason="needs the MPI of the environment")
def test_eight_attempts_of_one_machine_do_not_collide(
    neighbours: list[Neighbour], tmp_path: Path
) -> None:
    carry(neighbours)

    assert [neighbour.attempt for neighbour in neighbours].count(2) == 1
    owners: dict[object, set[int]] = defaultdict(set)
    for neighbour in neighbours:
        number, sight = neighbour.number, neighbour.sight
        for seen in (*sight.ports, *sight.files):
            owners[seen].add(number)
        # The whole machine, and one thread of it: what a share is of it, the kernel knows.
        assert sight.cores == psutil.Process().cpu_affinity()
        assert sight.threads == {"1"}
        assert bool(sight.ports) == (number in TWO_RANKS), "only a launcher of ranks has a port"
        assert not [path for path in sight.files if not is_own(path, neighbour)]
    assert {seen: who for seen, who in owners.items() if len(who) > 1} == {}

    for neighbour in neighbours:
        assert neighbour.cloud.completion(neighbour.attempt).segments[-1].restart_files
        got = neighbour.cloud.results(neighbour.attempt)
        expected = neighbour.control(tmp_path / f"control-{neighbour.number}")
        assert got.keys() == expected.keys() - {DECK}
        assert rows(got.pop(LOG)) == rows(expected.pop(LOG)), neighbour.number
        assert got == {path: expected[path] for path in got}


def is_own(path: Path, neighbour: Neighbour) -> bool:
    """Below its scratch folder; MPI has its shared memory where the container has one."""
    if path.is_relative_to(neighbour.cloud.scratch):
        return True
    return path.parent == SHARED_MEMORY or path.name.startswith("hydra_hwloc_xmlfile_")


def rows(log: bytes) -> dict[int, tuple[str, ...]]:
    """By their steps: a control says again where it was cut what it said before."""
    return {row.step: row.values for row in read_rows(log)}
