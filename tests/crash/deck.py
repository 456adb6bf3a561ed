"""The deck of every trial: two runs, with a file of each kind that a checkpoint has to carry."""

from __future__ import annotations

from typing import Final

DECK: Final = "in.crash"

FILES: Final = {
    DECK: """\
# a log, a trajectory, an average, lines of fix print, a file that is written whole
include         melt.inc
fix             bath all nvt temp 1.2 1.2 0.5
fix             warmth all ave/time 5 10 100 c_thermo_temp file warmth.dat
fix             note all print 250 "$(step) $(pe)" file notes.txt screen no
dump            traj all atom 200 traj.lammpstrj
thermo          100
run             1500
write_data      half.data
run             5500
""",
    "melt.inc": """\
units           lj
atom_style      atomic
lattice         fcc 0.8442
region          box block 0 4 0 4 0 4
create_box      1 box
create_atoms    1 box
mass            1 1.0
pair_style      lj/cut 2.5
pair_coeff      1 1 1.0 1.0 2.5
velocity        all create 1.2 4928459
""",
}

TOTAL_STEPS: Final = 7000
