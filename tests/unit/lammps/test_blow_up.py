"""Simulations that really blow up, each in its own way, and what a person is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.lammps.blow_up import evidence_of, remedy_of
from deckhand.lammps.errors import Place
from deckhand.lammps.failure import explain
from tests.runner.decks import chains
from tests.unit.lammps.test_failure import died

ATOMS = """
units lj
atom_style atomic
lattice fcc 0.8442
region b block 0 4 0 4 0 4
create_box 1 b
create_atoms 1 box
mass 1 1.0
pair_style lj/cut 2.5
pair_coeff * * 1 1
thermo 1
"""

CHAINS = """
units lj
atom_style molecular
read_data chains.data
pair_style lj/cut 1.12
pair_coeff * * 1 1
special_bonds lj 0 1 1
bond_style none
angle_style none
dihedral_style none
thermo 1
fix move all nve
neigh_modify every 1 delay 0 check no
"""

CHARGES = """
units real
atom_style charge
region b block 0 20 0 20 0 20
create_box 2 b
create_atoms 1 random 40 1 b
create_atoms 2 random 40 2 b
mass * 10
set type 1 charge 1
set type 2 charge -1
pair_style lj/cut/coul/long 8
pair_coeff * * 0.1 1.0
kspace_style pppm 1e-4
neigh_modify every 100 delay 100 check no
fix move all nve
"""

EXTRA = "extra/bond/per/atom 2 extra/angle/per/atom 2 extra/special/per/atom 4"
WATER = f"""
units real
atom_style full
region b block 0 12 0 12 0 12
create_box 2 b bond/types 1 angle/types 1 {EXTRA}
mass * 16
molecule w w.mol
create_atoms 0 random 5 77 b mol w 5
pair_style zero 5
pair_coeff * *
bond_style harmonic
bond_coeff 1 450 1.0
angle_style harmonic
angle_coeff 1 55 104.5
fix move all nve
fix rigid all shake 1e-4 20 0 b 1 a 1
"""

AT_ONE_POINT = """water whose first hydrogen lies in its oxygen

3 atoms
2 bonds
1 angles

Coords

1 0 0 0
2 0 0 0
3 -0.24 0.927 0

Types

1 1
2 2
3 2

Charges

1 0
2 0
3 0

Bonds

1 1 1 2
2 1 1 3

Angles

1 1 2 1 3
"""

HOT = "velocity all create 1e4 5\ntimestep 0.05\n"

WAYS = {
    "lost atoms": (
        f"{ATOMS}fix move all nve\nvelocity all create 1e7 1\nneigh_modify every 1 delay 5\n",
        "Lost atoms: original 256 current 0. The time step may be too large",
    ),
    "atoms on top of each other": (
        f"{ATOMS}create_atoms 1 single 0 0 0\nneigh_modify every 1 delay 0 check no\n"
        "fix move all nve\n",
        "Non-numeric atom coords - simulation unstable. TotEng is inf in the last thermo row.",
    ),
    "a barostat": (
        f"{ATOMS}displace_atoms all random 0.2 0.2 0.2 5\ntimestep 0.05\n"
        "fix move all npt temp 1 1 0.01 iso 1e6 1e6 0.001\n",
        "Non-numeric pressure - simulation unstable. A force or a pressure is no number",
    ),
    "a torn bond": (
        f"{CHAINS}bond_style harmonic\nbond_coeff 1 1 0.97\n{HOT}",
        "Bond atoms 4 5 missing on proc 0 at step 2. Temp went from 1e+04 at most to 1.5e+20.",
    ),
    "a torn angle": (
        f"{CHAINS}angle_style harmonic\nangle_coeff 1 1 120\n{HOT}",
        "Angle atoms 1 2 3 missing on proc 0 at step 2.",
    ),
    "a torn dihedral": (
        f"{CHAINS}dihedral_style opls\ndihedral_coeff 1 1 1 1 1\n{HOT}",
        "Dihedral atoms 1 2 3 4 missing on proc 0 at step 2.",
    ),
    "an overstretched bond": (
        f"{CHAINS}comm_modify cutoff 6\nbond_style fene\nbond_coeff 1 30 1.5 1 1\n"
        "velocity all create 10 5\ntimestep 0.015\nneigh_modify every 20 delay 20\n",
        "Bad FENE bond. A bond was overstretched, beyond what FENE bears.",
    ),
    "a bond through the box": (
        f"{CHAINS}bond_style harmonic\nbond_coeff 1 0.001 0.97\n"
        "velocity all create 5 5\nneigh_modify cluster yes\n",
        "Bond extent > half of periodic box length. A bond reaches over half of the box",
    ),
    "charges far from their grid": (
        f"{CHARGES}velocity all create 1e6 4\ntimestep 5\n",
        "Out of range atoms - cannot compute PPPM. Atoms moved too far in one step.",
    ),
    "a constraint without a direction": (
        WATER,
        "Shake determinant = 0.0. The atoms of a rigid bond or angle lie in one place",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_called_a_blow_up_and_quoted(tmp_path: Path, way: str) -> None:
    commands, says = WAYS[way]
    (tmp_path / "chains.data").write_text(chains())
    (tmp_path / "w.mol").write_text(AT_ONE_POINT)
    deck = f"{commands}run 1000\n"
    error = died(tmp_path, deck)
    assert error.place == Place("in.melt", deck.count("\n"))
    first, *lines = str(error).splitlines()
    assert first.startswith(f"in.melt, line {deck.count(chr(10))}: The simulation blew up: {says}")
    assert lines[-1].startswith("  ERROR")
    assert ".cpp" not in str(error)
    assert len(lines) <= 8


def test_warnings_are_counted_by_their_kind(tmp_path: Path) -> None:
    (tmp_path / "chains.data").write_text(chains())
    error = died(tmp_path, f"{WAYS['an overstretched bond'][0]}run 1000\n")
    names, *rows, warning, _ = str(error).splitlines()[1:]
    assert names.split()[:2] == ["Step", "Temp"]
    assert [int(row.split()[0]) for row in rows] == [16, 17, 18]
    assert warning.startswith("  WARNING: FENE bond too long: 19 ")
    assert warning.endswith("(the last of 8 like it)")


SCREEN = """Setting up Verlet run ...
Per MPI rank memory allocation (min/avg/max) = 3.1 | 3.1 | 3.1 Mbytes
   Step          Temp          TotEng
         0   1.0            -5.0
       100   1.1            -5.1
       200   0.9            -5.0
       300   5.5e+09        8.0e+09
"""
RUN = [("run 1000 upto start 0 stop 1000 pre yes post yes", Place("in.melt", 9))]


def test_a_temperature_that_explodes_is_one_whatever_lammps_says() -> None:
    error = explain(f"{SCREEN}ERROR: Neighbor list overflow\n", 1, RUN)
    assert str(error).splitlines()[0] == (
        "in.melt, line 9: The simulation blew up: Neighbor list overflow. "
        "Temp went from 1 at most to 5.5e+09."
    )
    silent = explain(SCREEN, -11, RUN)
    assert str(silent).startswith(
        "in.melt, line 9: The simulation blew up: LAMMPS was ended by Segmentation fault without a "
        "word. Temp went"
    )


def test_a_command_behind_a_run_that_exploded_is_told_as_it_is() -> None:
    last = "Last input line: fixx 1 all nve\n"
    error = explain(f"{SCREEN}ERROR: Unknown command: fixx\n{last}", 1, RUN)
    assert str(error).startswith("LAMMPS says: Unknown command: fixx")
    later = [*RUN, ("write_data x", Place("in.melt", 10))]
    assert str(explain(SCREEN, -11, later)).startswith("LAMMPS was ended by Segmentation fault")


def test_only_the_run_that_ended_is_quoted() -> None:
    again = SCREEN.replace("5.5e+09", "1.0").replace("8.0e+09", "-5")
    evidence = evidence_of(f"{SCREEN}WARNING: of old\n{again}")
    assert evidence.explosion == ""
    assert [line.split()[0] for line in evidence.lines] == ["Step", "100", "200", "300"]


def test_a_table_of_days_is_read_from_its_end() -> None:
    table = "".join(f"{step:10d}   1.0            -5.0\n" for step in range(400, 60_000))
    evidence = evidence_of(SCREEN.replace("5.5e+09", "1.0") + table)
    assert [line.split()[0] for line in evidence.lines] == ["Step", "59997", "59998", "59999"]


def test_rows_of_several_lines_are_quoted_whole() -> None:
    row = (
        "------------ Step {} ----- CPU =            0 (sec) -------------\n"
        "TotEng   =        -5.0000 KinEng   =         1.5000 Temp     =         {}\n"
        "PotEng   =        -6.5000 E_bond   =         0.0000 E_angle  =         0.0000\n"
    )
    text = "Per MPI rank memory allocation (min/avg/max) = 3 | 3 | 3 Mbytes\n"
    text += "".join(row.format(step, temp) for step, temp in ((0, "1.0000"), (1, "9.9e+09")))
    evidence = evidence_of(text)
    assert evidence.explosion == "Temp went from 1 at most to 9.9e+09."
    assert len(evidence.lines) == 6


@pytest.mark.parametrize("said", ["Unknown pair style", "Lost atoms via change_box: original 2"])
def test_other_errors_have_no_remedy_here(said: str) -> None:
    assert remedy_of(said) == ""
