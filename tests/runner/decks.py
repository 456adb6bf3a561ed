"""Small decks of the kinds that people write; each takes a few seconds."""

from __future__ import annotations

import math
from pathlib import Path

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


FOLDER = Path(__file__).parent / "journeys"


def journey(name: str) -> tuple[dict[str, str], str]:
    """The files of a deck in `journeys/`, with what is made for it, and the deck's path."""
    top = FOLDER / name.split("/")[0]
    files = {
        path.relative_to(top).as_posix(): path.read_text(encoding="utf-8")
        for path in top.rglob("*")
        if path.is_file()
    }
    deck = next(path for path in files if path.rpartition("/")[2].startswith("in."))
    made = {
        "melt.inc": lambda: (FOLDER / "melt.inc").read_text(encoding="utf-8"),
        "chains.data": chains,
        "hybrid.data": hybrid_chains,
        "bond.table": bond_table,
        "pair.table": pair_table,
    }
    files |= {path: make() for path, make in made.items() if path in files[deck]}
    return files, deck


def chains(count: int = 30, length: int = 20) -> str:
    """A data file of straight chains with bonds, angles and dihedrals."""
    side = math.ceil(math.sqrt(count))
    atoms: list[str] = []
    bonded: dict[int, list[str]] = {2: [], 3: [], 4: []}
    for chain in range(count):
        y, z = 1.6 * (chain % side) + 0.3, 1.6 * (chain // side) + 0.3
        first = chain * length + 1
        for bead in range(length):
            x = f"{0.97 * bead + 0.2:.3f} {y + 0.1 * (bead % 2):.3f} {z:.3f}"
            atoms.append(f"{first + bead} {chain + 1} 1 {x}")
        for members in (2, 3, 4):
            for begin in range(first, first + length - members + 1):
                bonded[members].append(" ".join(map(str, range(begin, begin + members))))
    names = {2: "bonds", 3: "angles", 4: "dihedrals"}
    counts = [f"{len(bonded[members])} {kind}" for members, kind in names.items()]
    types = [f"1 {kind} types" for kind in ("atom", "bond", "angle", "dihedral")]
    box = [f"0 {length} xlo xhi", f"0 {1.6 * side} ylo yhi", f"0 {1.6 * side} zlo zhi"]
    lines = ["chains", "", f"{len(atoms)} atoms", *counts, "", *types, "", *box]
    lines += ["", "Masses", "", "1 1.0", "", "Atoms # molecular", "", *atoms]
    for members, kind in names.items():
        lines += ["", kind.capitalize(), ""]
        lines += [f"{n} 1 {ids}" for n, ids in enumerate(bonded[members], start=1)]
    return "\n".join(lines) + "\n"


def hybrid_chains() -> str:
    """The same chains, and the coefficients of hybrid styles."""
    coefficients = {
        "Pair": "lj/cut 1.0 1.0",
        "Bond": "harmonic 300.0 0.97",
        "Angle": "harmonic 40.0 120.0",
        "Dihedral": "opls 0.3 -0.2 0.4 0.1",
    }
    sections = "".join(f"{kind} Coeffs\n\n1 {it}\n\n" for kind, it in coefficients.items())
    return chains().replace("Atoms #", f"{sections}Atoms #")


def bond_table() -> str:
    """A harmonic bond in a table."""
    lengths = [0.5 + 0.005 * n for n in range(201)]
    rows = [
        f"{n} {r:.4f} {150 * (r - 0.97) ** 2:.8f} {300 * (0.97 - r):.8f}"
        for n, r in enumerate(lengths, start=1)
    ]
    return "\n".join(["# bond", "", "B", "N 201", "", *rows, ""])


def pair_table() -> str:
    """A soft push in a table."""
    distances = [0.1 + 1.4 * n / 149 for n in range(150)]
    rows = [
        f"{n} {r:.6f} {0.1 * (1.5 - r) ** 2:.8f} {0.2 * (1.5 - r):.8f}"
        for n, r in enumerate(distances, start=1)
    ]
    return "\n".join(["# pair", "", "P", "N 150 R 0.1 1.5", "", *rows, ""])
