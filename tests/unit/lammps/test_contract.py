"""The contract: every style has one class, and every sentence says what its user can do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import pytest

from deckhand.domain.run import Contract
from deckhand.lammps import styles, vocabulary
from deckhand.lammps.contract import promises
from deckhand.lammps.script import words
from deckhand.lammps.styles import plain

TABLES: dict[str, tuple[Collection[str], ...]] = {
    "fix": (
        styles.FIX_ANEW,
        styles.FIX_STORED,
        styles.FIX_RESTORED,
        styles.FIX_NOISE,
        styles.FIX_EXACT_UNLESS_TOLD,
        styles.FIX_ANOTHER_COURSE,
        styles.FIX_PARTIAL,
        styles.FIX_REFUSED,
        styles.FIX_GONE,
    ),
    "compute": (styles.COMPUTE_ANEW, styles.COMPUTE_STORED, styles.COMPUTE_REFUSED),
    "pair": (styles.PAIR_ANEW, styles.PAIR_NOISE, styles.PAIR_REFUSED),
    "bond": (styles.BOND_ANEW, styles.BOND_REFUSED),
    "angle": (styles.ANGLE_ANEW,),
    "dihedral": (styles.DIHEDRAL_ANEW,),
    "improper": (styles.IMPROPER_ANEW,),
    "kspace": (styles.KSPACE_ANEW,),
    "command": (styles.COMMAND_PLAIN, styles.COMMAND_WHOLE, styles.COMMAND_REFUSED),
}
"""For each kind of style, the tables of which a style is in exactly one."""


def of(command: str) -> Contract:
    return Contract.worst(promise.contract for promise in promises(words(command)))


@pytest.mark.parametrize("kind", TABLES)
def test_every_style_stands_in_exactly_one_table(kind: str) -> None:
    known = {plain(name) for name in vocabulary.names_of(kind)}
    found = Counter(name for table in TABLES[kind] for name in table)
    assert {name: found[name] for name in known if found[name] != 1} == {}
    assert set(found) <= known


EXACT = [
    "fix 1 all nve",
    "fix 1 all nvt/omp temp 1 1 1",
    "fix 1 all nvt temp 1 2 1",
    "fix 1 all npt/kk temp 1 1 1 iso 1 1 10",
    "fix 1 all npt iso 1 1 temp",
    "fix 1 all rigid molecule",
    "fix 1 all controller 100 1 1 0.0 0 c_t 1 v",
    "variable v internal 1",
    "fix 1 all bond/break 10 1 1.5",
    "fix 1 all wall/piston zlo vel 1",
    "fix 1 all ave/time 1 5 10 c_t ave one file x.dat",
    "fix 1 all print 10 'x $(elaplong)'",
    "fix 1 all print ${n} 'x'",
    "fix 1 all print",
    "compute 1 all msd com yes",
    "compute 1 all chunk/atom bin/1d z lower 0.1",
    "compute 1 all chunk/atom molecule ids every",
    "pair_style lj/cut 2.5",
    "pair_style hybrid lj/cut 2.5 soft 1.0",
    "pair_style gran/hooke/history 1 1 1 1 1 1",
    "bond_style fene",
    "bond_style bpm/spring",
    "fix 1 all deposit 100 1 100 7 region slab",
    "fix 1 all temp/csvr 1 1 1 5",
    "fix 1 all append/atoms zhi freq 10",
    "fix 1 all adapt 5 pair lj/cut epsilon * * v_e scale yes reset yes",
    "fix 1 all shake 1e-4 20 0 b 1",
    "fix 1 all ave/time 1 5 10 c_t file x.yaml",
    "fix 1 all ave/correlate 1 5 10 c_t",
    "fix 1 all reaxff/species 10 10 100 s.out",
    "compute 1 all event/displace 0.1",
    "dump 1 all custom 10 x.dump id x y z",
    "dump 1 all xyz 10 x.xyz",
    "dump 1 all local 10 x.dump c_1",
    "dump 1 all image 10 x.*.png type type",
    "dump 1 all atom 10 x.gz",
    "dump 1 all atom 10 x.%",
    "dump 1 all dcd 10 x.dcd",
    "dump 1 all xtc 10 x.xtc",
    "dump 1 all custom 10 x.bin id",
    "dump_modify 1 sort id flush no",
    "dump 1 all atom 10 x.*.gz",
    "dump_modify 1 sort id header yes",
    "thermo_style one",
    "thermo_style custom step temp",
    "thermo_style custom temp pe",
    "thermo_modify colname step Time",
    "package omp 4",
    "shell rm x",
    "shell rm -f x y",
    "shell 'rm -f out*.dat ?.log'",
    "variable v equal 2*elaplong",
    "variable v index 1 2",
    "shell mkdir out",
    "timer full",
    "run 5",
]

LESS = {
    "fix 1 all langevin 1 1 1 5": (Contract.STATISTICAL, "random numbers are not in a restart"),
    "fix 1 all langevin/kk 1 1 1 5": (Contract.STATISTICAL, "the same ensemble"),
    "fix 1 all temp/csld 1 1 1 5": (Contract.STATISTICAL, "draws new ones"),
    "fix 1 all append/atoms zhi freq 10 random 0.1 0.1 0.1 7": (Contract.STATISTICAL, "draws new"),
    "fix 1 all gcmc 5 20 20 1 29494 1.0 -1.5 0.1": (Contract.STATISTICAL, "picks atoms by"),
    "fix 1 all qeq/reaxff 1 0 10 1e-6 reaxff": (Contract.STATISTICAL, "first guess"),
    "fix 1 all rigid/npt molecule temp 1 1 1 iso 0 0 1": (Contract.STATISTICAL, "of the bodies"),
    "fix 1 all press/berendsen iso 0 0 1": (Contract.STATISTICAL, "the first forces"),
    "fix 1 all adapt/fep 5 pair lj/cut epsilon 1 1 v_e after yes": (
        Contract.STATISTICAL,
        "it acts",
    ),
    "fix 1 all rigid single langevin 1 1 1 5": (Contract.STATISTICAL, "draws new ones"),
    "fix 1 all bond/break 10 1 1.5 prob 0.5 7": (Contract.STATISTICAL, "draws new ones"),
    "fix 1 all npt temp 1 2 1 iso 1 1 10": (Contract.STATISTICAL, "barostat mass"),
    "fix 1 all nph temp 1 2 1": (Contract.STATISTICAL, "barostat mass"),
    "fix 1 all deform 1 x scale 2": (Contract.STATISTICAL, "the first forces"),
    "pair_style dpd 1 1 1": (Contract.STATISTICAL, "random numbers"),
    "pair_style hybrid/overlay lj/cut 2.5 dpd/tstat 1 1 1 5": (Contract.STATISTICAL, "dpd/tstat"),
    "variable v equal random(0,1,5)": (Contract.STATISTICAL, "other numbers"),
    "fix 1 all ave/time 1 5 10 c_t ave running file x": (Contract.PARTIAL_OUTPUTS, "begins again"),
    "fix 1 all ave/chunk 1 5 10 cc vx ave window 5": (Contract.PARTIAL_OUTPUTS, "Use `ave one`"),
    "fix 1 all vector 10 c_t": (Contract.PARTIAL_OUTPUTS, "its vector holds"),
    "rerun a.dump dump x y z": (Contract.REPEAT, "begins the command again"),
    "neb 0.1 0.1 5 5 5 final x": (Contract.REFUSED, "several partitions"),
    "python f file f.py": (Contract.REFUSED, "runs a program of its own. Take it out"),
    "package gpu 1": (Contract.REFUSED, "chooses accelerators"),
    "fix 1 all controller 100 1 1 1 0 c_t 1 v": (Contract.REFUSED, "summed up"),
    "fix 1 all controller 100 1 1 0 1 c_t 1 v": (Contract.REFUSED, "summed up"),
    "fix 1 all pour 5 0 1 region r mol m rigid b": (Contract.REFUSED, "degrees of freedom"),
    "fix 1 all poems molecule": (Contract.REFUSED, "its joints"),
    "fix 1 all ${style} 1": (Contract.REFUSED, "Name it"),
    "compute 1 all ${style}": (Contract.REFUSED, "Name it"),
    "fix 1 all adapt 5 pair lj/cut epsilon * * v_e scale yes": (Contract.REFUSED, "`reset yes`"),
    "fix 1 all print v_n 'x'": (Contract.REFUSED, "variable interval"),
    "fix 1 all print 10 '$(elapsed)'": (Contract.REFUSED, "`elapsed` starts again"),
    "compute 1 all smd/rho": (Contract.REFUSED, "MACHDYN"),
    "compute 1 all chunk/atom molecule ids once": (Contract.REFUSED, "remembers its chunks"),
    "pair_style smd/tlsph": (Contract.REFUSED, "MACHDYN"),
    "bond_style bpm/spring/plastic": (Contract.REFUSED, "has not been proven"),
    "bond_style bpm/spring store/local b 100 time id1": (Contract.REFUSED, "`store/local` out"),
    "bond_style hybrid harmonic quartic": (Contract.REFUSED, "may break"),
    "dump 1 all movie 10 x.mp4 type type": (Contract.REFUSED, "Use dump image"),
    "dump_modify 1 header no": (Contract.REFUSED, "Leave the header in"),
    "thermo_style custom step elapsed": (Contract.REFUSED, "`elapsed` starts again"),
    "variable v world a b": (Contract.REFUSED, "several partitions"),
    "variable v uloop 5": (Contract.REFUSED, "several partitions"),
    "variable v python f": (Contract.REFUSED, "cannot be told"),
    "variable v timer": (Contract.PARTIAL_OUTPUTS, "measures time"),
    "variable v equal 2*elapsed": (Contract.REFUSED, "Use `elaplong`"),
    "shell mv x y": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell curl x": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell 'rm x; curl y'": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell 'rm $(curl y)'": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell 'rm -rf x'": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell 'rm x' -f": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell rm": (Contract.REFUSED, "Only `shell mkdir`"),
    "shell curl 'rm x'": (Contract.REFUSED, "Only `shell mkdir`"),
    "timer timeout 1:00:00": (Contract.REFUSED, "stops and resumes"),
}


@pytest.mark.parametrize("command", EXACT)
def test_commands_that_lose_nothing(command: str) -> None:
    assert of(command) is Contract.EXACT


@pytest.mark.parametrize("command", LESS)
def test_commands_that_lose_something_say_what(command: str) -> None:
    contract, said = LESS[command]
    assert of(command) is contract
    assert any(said in promise.reason for promise in promises(words(command)))


@pytest.mark.parametrize("name", sorted(styles.FIX_REFUSED))
def test_a_refused_fix_is_refused_with_a_reason(name: str) -> None:
    (promise,) = promises(["fix", "1", "all", name])
    assert promise.contract is Contract.REFUSED
    assert promise.reason.startswith(f"fix {name} ")


@pytest.mark.parametrize("name", sorted({*styles.COMMAND_WHOLE, *styles.COMMAND_REFUSED}))
def test_whole_commands_are_never_exact(name: str) -> None:
    assert of(name) is not Contract.EXACT


def test_the_worst_contract_is_that_of_the_whole() -> None:
    assert Contract.worst([]) is Contract.EXACT
    assert Contract.worst([Contract.EXACT, Contract.REPEAT, Contract.STATISTICAL]) is (
        Contract.REPEAT
    )
    assert Contract.worst(reversed(Contract)) is Contract.REFUSED


@pytest.mark.parametrize("suffix", ["", "/kk", "/kk/host", "/gpu", "/omp", "/opt"])
def test_an_accelerator_is_no_other_style(suffix: str) -> None:
    assert plain(f"nvt{suffix}") == "nvt"
