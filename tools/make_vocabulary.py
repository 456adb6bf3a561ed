"""Write the names of all commands and styles that an `lmp` knows, from its own help text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "layers/core/deckhand/lammps/vocabulary.json"

# Commands that LAMMPS' input.cpp executes itself; `lmp -h` lists only those that are styles.
BUILT_IN = """
angle_coeff angle_style atom_modify atom_style bond_coeff bond_style bond_write boundary
clear comm_modify comm_style compute compute_modify dielectric dihedral_coeff dihedral_style
dimension dump dump_modify echo fix fix_modify group if improper_coeff improper_style
include jump kspace_modify kspace_style label labelmap lattice log mass mdi min_modify
min_style molecule neigh_modify neighbor newton next package pair_coeff pair_modify
pair_style pair_write partition print processors python quit region reset_atoms
reset_timestep restart run_style shell special_bonds suffix thermo thermo_modify
thermo_style timer timestep uncompute undump unfix units variable
"""

SECTION = re.compile(r"^\* (\w+) styles", re.IGNORECASE)


def main(lmp: str) -> None:
    text = subprocess.run([lmp, "-h"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"Simulator - (.+)", text)
    styles: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        match = SECTION.match(line)
        if match:
            section = match[1].lower()
            styles[section] = []
        elif section and line.strip() and not line.startswith("*"):
            styles[section] += line.split()
    styles["command"] = sorted({*styles["command"], *BUILT_IN.split()})
    names = {kind: sorted(set(found)) for kind, found in sorted(styles.items())}
    document = {"lammps": version[1].strip() if version else "", "styles": names}
    OUT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
