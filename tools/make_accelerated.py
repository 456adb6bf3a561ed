"""Write which styles have a version for a GPU, from the lists of LAMMPS' own manual.

The argument is the folder `doc/src` of a LAMMPS source tree. In Commands_fix.rst and its siblings
letters behind a style name its versions: g is the GPU package, k is KOKKOS.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "layers/core/deckhand/lammps/accelerated.json"

LISTS = {
    "fix": "Commands_fix.rst",
    "compute": "Commands_compute.rst",
    "pair": "Commands_pair.rst",
    "kspace": "Commands_kspace.rst",
}
BONDED = "Commands_bond.rst"
"""One page for the four bonded kinds, each behind its mark."""

ENTRY = re.compile(r":doc:`([^`<]+?) *(?:\(([a-z]+)\))? *<([^>]+)>`")
MARK = re.compile(r"^\.\. _(bond|angle|dihedral|improper):$", re.MULTILINE)


def main(folder: Path) -> None:
    found = {kind: accelerated((folder / name).read_text()) for kind, name in LISTS.items()}
    parts = MARK.split((folder / BONDED).read_text())
    found |= {kind: accelerated(text) for kind, text in zip(parts[1::2], parts[2::2], strict=True)}
    document = {
        "source": "doc/src/Commands_*.rst of LAMMPS, letters g and k",
        "styles": {kind: sorted(names) for kind, names in sorted(found.items())},
    }
    OUT.write_text(json.dumps(document, indent=1) + "\n")


def accelerated(text: str) -> set[str]:
    """Names of the styles in a list that have a version for a GPU."""
    return {name for name, letters, _ in ENTRY.findall(text) if set(letters) & set("gk")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
