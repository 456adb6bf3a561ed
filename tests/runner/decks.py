"""Small decks of the kinds that people write; each takes a few seconds."""

from __future__ import annotations

BOX = """
units           lj
atom_style      atomic
lattice         fcc 0.8442
region          box block 0 6 0 6 0 6
create_box      1 box
create_atoms    1 box
mass            1 1.0
pair_style      lj/cut 2.5
pair_coeff      1 1 1.0 1.0 2.5
neighbor        0.3 bin
neigh_modify    every 1 delay 0 check yes
"""

STAGES = {
    "in.stages": f"""
# three stages, an include, a minimisation, averages, prints, a trajectory, user restart files
variable        steps index 6000
{BOX}
minimize        1.0e-4 1.0e-6 50 500
include         bath.inc
variable        e equal pe/atoms
fix             note all print 250 "at $(step) the energy is ${{e}}" file notes.txt screen no
thermo          100
run             ${{steps}}
reset_timestep  0
dump            traj all atom 200 melt.lammpstrj
fix             bath all nvt temp 1.2 0.8 0.5
compute         msd all msd com yes
fix             curve all ave/time 10 5 100 c_msd[4] c_thermo_temp file msd.dat
restart         2000 keep.*.restart
thermo_style    custom step temp pe press c_msd[4]
run             8000 every 4000 "print 'half way'"
write_data      final.data
print           "all done" append diary.txt
run             4000
""",
    "bath.inc": """
velocity        all create 1.2 4928459
fix             bath all nvt temp 1.2 1.2 0.5
timestep        0.004
""",
}
