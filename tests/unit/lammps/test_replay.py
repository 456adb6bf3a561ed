"""Replay: a new process stands where the journal stood, and goes on as if nothing had been."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deckhand.lammps.errors import Place, ResumeError
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal, RunInProgress
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import replay
from deckhand.lammps.script import Script, parse, words
from deckhand.lammps.thermo import read_rows
from tests.engine import LMP


class Recorder(Lammps):
    """Notes what it is sent; stands at *now* as soon as it has read a restart file."""

    def __init__(self, now: int, said: str = "") -> None:
        self.now, self.said = now, said
        self.sent: list[str] = []

    def send(self, command: str, place: Place | None = None) -> None:
        self.sent.append(command)

    def step(self) -> int:
        return self.now

    def screen(self) -> str:
        return self.said


def journal_of(*commands: str) -> Journal:
    journal = Journal(deck="in.melt")
    for text in commands:
        journal.record(words(text), text, Place("in.melt", 1))
        journal.box = journal.box or text.startswith("create_box")
    return journal


def told(journal: Journal, said: str = "", attempt: int = 2) -> list[str]:
    recorder = Recorder(100, said)
    replay(recorder, journal, Path("/control/x.restart"), 100, attempt)
    return recorder.sent


READ = "read_restart /control/x.restart"


def running(journal: Journal, first: int = 0) -> Journal:
    """The journal of a checkpoint inside a run."""
    journal.run = RunInProgress(file="in.melt", line=9, first=first, last=500, begun=True)
    return journal


def test_a_dump_goes_on_behind_its_last_frame() -> None:
    journal = running(journal_of("dump t all atom 50 t.dump", "dump_modify t delay 20"))
    assert told(journal)[-3:] == [
        "dump_modify t append yes",
        "dump_modify t first no",
        "dump_modify t delay 101",
    ]


def test_a_dump_that_lammps_does_not_flush_writes_the_frame_of_the_step_again() -> None:
    journal = running(journal_of("dump t all xtc 50 t.xtc"))
    assert told(journal)[-2:] == ["dump t all xtc 50 t.xtc", "dump_modify t first no"]


def test_a_binary_dump_names_its_units_only_once() -> None:
    journal = running(journal_of("dump t all custom 50 t.bin id", "dump_modify t units yes"))
    assert "dump_modify t units no" in told(journal)
    late = running(journal_of("dump t all custom 50 t.bin id", "dump_modify t delay 200"))
    assert "dump_modify t units no" not in told(late)


def test_a_compressed_dump_is_told_plainly() -> None:
    journal = running(journal_of("dump t all atom/gz 50 t.gz", "dump_modify t compression_level 1"))
    assert "dump t all atom 50 t.gz.plain" in told(journal)
    assert not any("compression_level" in command for command in told(journal))


@pytest.mark.parametrize(
    ("written", "first", "names"), [(0, 60, "b a"), (1, 60, "a b"), (0, 20, "a b"), (1, 20, "b a")]
)
def test_the_next_of_two_restart_files_is_the_one_that_is_due(
    written: int, first: int, names: str
) -> None:
    """The run has written one at step 100, or at 50 and 100."""
    journal = running(journal_of("restart 50 a b"), first)
    journal.settings[0].toggled = written
    assert f"restart 50 {names}" in told(journal)


def test_both_ways_to_write_restart_files_are_told_again() -> None:
    both = ["restart 50 a b", "restart 100 c.*"]
    assert [command for command in told(journal_of(*both)) if command in both] == both
    assert not any(c in both for c in told(journal_of(*both, "restart 0")))


def test_settings_come_in_the_order_that_a_new_process_needs() -> None:
    journal = journal_of(
        "units lj",
        "variable q atomfile q.txt",
        "fix early all nve",
        "region outer block 0 9 0 9 0 9",
        "create_box 1 outer",
        "timestep 0.001",
        "compute c all temp",
        "variable n equal 5",
        "fix wall all wall/region inner lj126 1 1 1",
        "region inner sphere 1 1 1 1",
        "group slow dynamic all every 5",
    )
    assert told(journal) == [
        "variable n equal 5",
        "units lj",
        READ,
        "variable q atomfile q.txt",
        "region outer block 0 9 0 9 0 9",
        "region inner sphere 1 1 1 1",
        "group slow dynamic all every 5",
        "fix early all nve",
        "timestep 0.001",
        "compute c all temp",
        "fix wall all wall/region inner lj126 1 1 1",
    ]


def test_what_the_restart_file_holds_is_told_only_when_it_does_not() -> None:
    journal = journal_of("create_box 1 b", "pair_style zero 1.0", "bond_style zero")
    assert told(journal) == [READ]
    assert told(journal, said="pair style zero stores no restart info") == [
        READ,
        "pair_style zero 1.0",
    ]


def test_a_loop_goes_on_where_it_stood() -> None:
    journal = journal_of("variable i loop 5", "variable s index a b c", "create_box 1 b")
    journal.advance("i", exhausted=False)
    journal.advance("i", exhausted=False)
    journal.advance("s", exhausted=False)
    assert told(journal) == ["variable i loop 3 5", "variable s index b c", READ]


def test_noise_gets_a_seed_of_its_own_in_every_attempt() -> None:
    journal = journal_of("create_box 1 b", "fix bath all langevin 1 1 0.5 77 zero yes")
    seeds = [
        replay(Recorder(100), journal, Path("x"), step, attempt)
        for step, attempt in [(100, 2), (100, 2), (100, 3)]
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    (seed,) = seeds[0]
    assert 1 <= seed < 900_000_000
    assert told(journal)[1:] == [f"fix bath all langevin 1 1 0.5 {seed} zero yes"]


def test_a_restart_file_of_another_step_is_refused() -> None:
    with pytest.raises(ResumeError, match="stands at step 90, its manifest says 100"):
        replay(Recorder(90), journal_of("create_box 1 b"), Path("x"), 100, 2)


DECK = """\
variable i index one two three
variable k loop 3 9 pad
units lj
boundary p p p
atom_style atomic
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0
velocity all create 1.0 4928459
neigh_modify every 1 delay 0 check yes
group slow dynamic all every 10 region box
compute msd all msd
fix move all nvt temp 1.0 1.0 0.5
fix_modify move temp thermo_temp
dump traj all custom 20 traj.dump id x y z
dump_modify traj sort id units yes
thermo 20
thermo_style custom step temp pe c_msd[4]
thermo_modify format float %.8f
run 40
next k
next i
restart 60 mid.*
label again
print "> $i $k"
run 60
next k
next i
jump SELF again
print "> end $(step)"
"""


@dataclass
class Shoulder:
    """A watch that keeps what the journal said when each run began."""

    journal: Journal
    journals: list[Journal] = field(default_factory=list)
    stopping: bool = False

    def command_comes(self, command: list[str], place: Place) -> None:
        """Nothing to prepare."""

    def command_given(self, command: list[str]) -> None:
        """Nothing to note."""

    def box_made(self) -> None:
        """Nothing to arm."""

    def can_stand(self, step: int) -> bool:
        return True

    def run_comes(self, step: int) -> bool:
        return False

    def run_starts(self, step: int, *, set_up: bool) -> None:
        self.journals.append(self.journal.model_copy(deep=True))

    def run_ended(self, step: int) -> None:
        """Nothing to store."""


@contextmanager
def engine(folder: Path, log: str) -> Iterator[Lammps]:
    (folder / "control").mkdir(parents=True)
    lammps = Lammps([str(LMP), "-log", log], folder, folder / "control")
    try:
        yield lammps
        lammps.close()
    finally:
        lammps.kill()


def read_deck(_: str) -> Script:
    return parse("in.melt", DECK)


def shown(screen: str) -> list[str]:
    return [line for line in screen.splitlines() if line.startswith(">")]


def frames(dump: Path) -> list[int]:
    return [int(step) for step in re.findall(r"TIMESTEP\n(\d+)\n", dump.read_text())]


def test_a_run_resumed_in_its_middle_ends_like_the_undisturbed_one(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "in.melt").write_text(DECK)
    subprocess.run([LMP, "-in", "in.melt", "-screen", "none"], cwd=plain, check=True, timeout=60)

    first = tmp_path / "first"
    with engine(first, "log.lammps") as lammps:
        watch = Shoulder(Journal(deck="in.melt"))
        Interpreter(lammps, watch.journal, read_deck, watch).execute()
    assert frames(first / "traj.dump") == frames(plain / "traj.dump") == list(range(0, 161, 20))

    second = tmp_path / "second"
    journal = Journal.model_validate_json(watch.journals[1].model_dump_json())
    with engine(second, "log.lammps") as lammps:
        assert replay(lammps, journal, first / "mid.60", 60, attempt=2) == ()
        assert lammps.ask("$i $k $(step)") == "two 4 60"
        for kind, name in [("fix", "move"), ("dump", "traj"), ("group", "slow"), ("region", "box")]:
            assert lammps.ask(f"$(is_defined({kind},{name}))") == "1"
        watch = Shoulder(journal)
        Interpreter(lammps, journal, read_deck, watch, resumed=True).execute()
        assert journal.steps_done == lammps.step() == 160
    assert "Unused restart file global fix info" not in lammps.screen()
    assert shown(lammps.screen()) == ["> three 5", "> end 160"]
    assert frames(second / "traj.dump") == list(range(80, 161, 20))

    expected = [row for row in read_rows((plain / "log.lammps").read_bytes()) if row.step >= 60]
    got = read_rows((second / "log.lammps").read_bytes())
    assert [row.step for row in got] == [60, 80, 100, 100, 120, 140, 160]
    for one, other in zip(got, expected, strict=True):
        assert [float(value) for value in one.values] == pytest.approx(
            [float(value) for value in other.values], rel=1e-6, abs=1e-8
        )
