"""What a new process is told so that the promise of a style is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.lammps.errors import Place
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import replay, reseed, state_lost
from deckhand.lammps.script import words
from tests.makers import journal_of

STEP = 100


class Recorder(Lammps):
    """Notes what it is sent; has inserted 30 particles, whoever asks."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, command: str, place: Place | None = None) -> None:
        self.sent.append(command)

    def ask(self, text: str) -> str:
        return "0.5 30"

    def step(self) -> int:
        return STEP

    def screen(self) -> str:
        return ""


def told(*commands: str, attempt: int = 2) -> list[str]:
    """What a resumed process is sent behind `read_restart`."""
    recorder = Recorder()
    replay(recorder, journal_of(*commands), Path("/x.restart"), STEP, attempt)
    return recorder.sent[1:]


def seed_of(command: str, index: int) -> int:
    return int(words(command)[index])


@pytest.mark.parametrize(
    ("command", "index"),
    [
        ("pair_style dpd 1.0 1.0 77", 4),
        ("fix 1 all langevin 1 1 1 77", 7),
        ("fix 1 all bond/create 10 1 1 1.2 1 prob 0.5 77", 11),
        ("fix 1 all temp/csvr 1 1 1 77", 7),
    ],
)
def test_noise_is_never_replayed(command: str, index: int) -> None:
    second, third = (told(command, attempt=attempt)[0] for attempt in (2, 3))
    seeds = {77, seed_of(second, index), seed_of(third, index)}
    assert len(seeds) == 3
    assert words(second)[:index] == words(command)[:index]


def test_a_pair_style_with_a_seed_is_told_before_its_coefficients() -> None:
    style, *rest = told("pair_style dpd 1 1 77", "pair_coeff * * 25 4.5", "pair_modify shift yes")
    assert style.startswith("pair_style dpd 1 1 ")
    assert rest == ["pair_coeff * * 25 4.5", "pair_modify shift yes"]


@pytest.mark.parametrize(
    ("style", "again"),
    [
        ("eff/cut 5000 limit/eradius", True),
        ("hybrid/overlay lj/cut 2.5 lj/cut/tip4p/long 1 2 1 1 0.1 8.5", True),
        ("amoeba", True),
        ("lj/cut 2.5", False),
        ("lj/cut/coul/long 8.5", False),
    ],
)
def test_settings_that_a_restart_file_leaves_out_are_told_again(style: str, again: bool) -> None:
    assert told(f"pair_style {style}") == ([f"pair_style {style}"] if again else [])


def test_what_shell_rm_has_removed_is_not_removed_again() -> None:
    assert told("shell rm a", "shell 'rm -f a*'", "shell mkdir b") == ["shell mkdir b"]


def test_a_fix_pour_inserts_what_is_left() -> None:
    journal = journal_of(*["fix p all pour 500 1 77 region slab"])
    journal.poured = {"p": 120}
    recorder = Recorder()
    replay(recorder, journal, Path("/x.restart"), STEP, 2)
    assert words(recorder.sent[-1])[:6] == ["fix", "p", "all", "pour", "380", "1"]


def test_a_process_that_goes_on_is_told_what_a_new_one_is() -> None:
    commands = ["fix p all pour 500 1 77 region slab", "fix l all langevin 1 1 1 77"]
    journal, recorder = journal_of(*commands), Recorder()
    reseed(recorder, journal, STEP, 2)
    new = journal_of(*commands)
    new.poured = {"p": 30}
    other = Recorder()
    replay(other, new, Path("/x.restart"), STEP, 2)
    assert recorder.sent == other.sent[1:]


def test_a_process_that_goes_on_keeps_what_its_fixes_remember() -> None:
    commands = ["fix g all gle 6 1 1 77 a.A", "fix c all temp/csvr 1 1 1 77", "fix n all nve"]
    recorder = Recorder()
    reseed(recorder, journal_of(*commands), STEP, 2)
    assert recorder.sent == []


def test_a_fix_that_has_its_seed_from_the_pair_style_is_made_anew() -> None:
    recorder = Recorder()
    reseed(recorder, journal_of(*["pair_style dpd/fdt 1 1 77", "fix s all shardlow"]), STEP, 2)
    assert recorder.sent[-1] == "fix s all shardlow"


SAID = """\
Unused restart file global fix info:
  fix style: SRP, fix ID: srp
Unused restart file peratom fix info:
  fix style: STORE/ATOM, fix ID: bins_COMPUTE_STORE
  fix style: property/atom, fix ID: bond_age
Neighbor list info ...
"""


def test_state_that_no_fix_takes_up_is_found() -> None:
    chunks = journal_of(*["compute bins all chunk/atom bin/1d z lower 0.1"])
    lost = ["fix style: SRP, fix ID: srp", "fix style: property/atom, fix ID: bond_age"]
    assert state_lost(SAID, chunks) == lost
    assert len(state_lost(SAID, journal_of(*["compute bins all msd"]))) == 3
    assert state_lost("Neighbor list info ...\n", chunks) == []
