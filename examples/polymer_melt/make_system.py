"""Writes chains.data: 60 freely jointed chains of 50 beads at the melt density 0.85 (LJ units)."""

from __future__ import annotations

import math
import random
from pathlib import Path

CHAINS, LENGTH, DENSITY, BOND = 60, 50, 0.85, 0.97
BOX = (CHAINS * LENGTH / DENSITY) ** (1 / 3)


def walk(rng: random.Random) -> list[tuple[float, float, float]]:
    """A random walk that does not step straight back onto its last but one bead."""
    beads = [tuple(rng.uniform(0, BOX) for _ in range(3))]
    while len(beads) < LENGTH:
        z, angle = rng.uniform(-1, 1), rng.uniform(0, 2 * math.pi)
        flat = math.sqrt(1 - z * z)
        step = (flat * math.cos(angle), flat * math.sin(angle), z)
        bead = tuple(x + BOND * d for x, d in zip(beads[-1], step, strict=True))
        if len(beads) < 2 or math.dist(bead, beads[-2]) > 1.02:
            beads.append(bead)
    return beads


def main() -> None:
    rng = random.Random(20)
    atoms, bonds = [], []
    for chain in range(CHAINS):
        for index, bead in enumerate(walk(rng)):
            number = chain * LENGTH + index + 1
            image = [math.floor(x / BOX) for x in bead]
            x, y, z = (x - i * BOX for x, i in zip(bead, image, strict=True))
            images = " ".join(map(str, image))
            atoms.append(f"{number} {chain + 1} 1 {x:.4f} {y:.4f} {z:.4f} {images}")
            if index:
                bonds.append(f"{len(bonds) + 1} 1 {number - 1} {number}")
    head = [
        "Bead-spring melt: 60 chains of 50 beads",
        "",
        f"{len(atoms)} atoms",
        f"{len(bonds)} bonds",
        "1 atom types",
        "1 bond types",
        "2 extra bond per atom",
        "2 extra special per atom",
        "",
        *(f"0.0 {BOX:.6f} {axis}lo {axis}hi" for axis in "xyz"),
        "",
        "Masses",
        "",
        "1 1.0",
        "",
        "Atoms # bond",
        "",
    ]
    text = "\n".join([*head, *atoms, "", "Bonds", "", *bonds, ""])
    Path(__file__).with_name("chains.data").write_text(text)


if __name__ == "__main__":
    main()
