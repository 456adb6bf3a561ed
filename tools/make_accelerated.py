"""Write which styles have a version for a GPU, and what those demand, from the source of LAMMPS.

The argument is the folder `src` of a LAMMPS source tree. A header of src/KOKKOS or src/GPU names
its styles as `PairStyle(lj/cut/kk,PairLJCutKokkos<LMPDeviceType>);`. What a style demands of the
neighbour lists and of `newton` is told by the errors in its file, or in those of the classes that
it inherits from.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

OUT: Final = Path(__file__).parents[1] / "layers/core/deckhand/lammps/accelerated.json"

PACKAGES: Final = {"KOKKOS": ("/kk", "k"), "GPU": ("/gpu", "g")}
"""The suffix of each package's styles, and its letter in LAMMPS' manual."""

KINDS: Final = {
    kind: kind.lower()
    for kind in (
        *("Angle", "Atom", "Bond", "Compute", "Dihedral", "Fix", "Improper"),
        *("Integrate", "KSpace", "Minimize", "Pair", "Region"),
    )
}

DEMANDS: Final = {
    "half": re.compile(r"[Mm]ust use half neighbor list|requires half neighbor list"),
    "newton": re.compile(
        r"requires newton pair on|requires 'newton on'|newton on with pair"
        r"|interactions must be 'on'|'newton pair off' not supported"
    ),
}
"""Errors of a style that would not do with full lists, or with `newton off`."""

STYLE: Final = re.compile(r"^\s*(\w+)Style\(\s*([\w/.]+)\s*,\s*(\w+)[^)]*\)", re.MULTILINE)
CLASS: Final = re.compile(r"class\s+(\w+)\s*:\s*(?:virtual\s+)?public\s+(\w+)")
VERSION: Final = re.compile(r'LAMMPS_VERSION "(.+)"')


class Style(NamedTuple):
    kind: str
    name: str


def main(source: Path) -> None:
    version = VERSION.search((source / "version.h").read_text())
    assert version, "version.h names no version"
    document = {
        "source": f"src/ of LAMMPS {version[1]}: the styles of KOKKOS (k) and GPU (g), and errors",
        "styles": _sorted(versions(source)),
        "demands": {demand: _named(found) for demand, found in sorted(demands(source).items())},
    }
    OUT.write_text(json.dumps(document, indent=1) + "\n")


def versions(source: Path) -> dict[Style, str]:
    """The letters of the packages that have a version of a style."""
    found: defaultdict[Style, str] = defaultdict(str)
    for package, (suffix, letter) in sorted(PACKAGES.items()):
        for header in sorted((source / package).glob("*.h")):
            for style, _ in _declared(header):
                if style.name.endswith(suffix):
                    found[Style(style.kind, style.name.removesuffix(suffix))] += letter
    return found


def demands(source: Path) -> dict[str, set[Style]]:
    """The styles, without the suffix of a package, that make each demand."""
    texts: dict[str, str] = {}
    parents: dict[str, str] = {}
    styles: list[tuple[Style, str]] = []
    for header in sorted(source.rglob("*.h")):
        declared, beside = list(_declared(header)), header.with_suffix(".cpp")
        inherited = CLASS.findall(_read(header))
        parents |= dict(inherited)
        styles += declared
        if declared:
            implementation = header.with_name(f"{header.stem}_impl.h")
            text = "".join(_read(path) for path in (beside, implementation) if path.is_file())
            texts |= {name: text for name, _ in inherited}
    found: defaultdict[str, set[Style]] = defaultdict(set)
    for style, name in styles:
        for demand, error in DEMANDS.items():
            if any(error.search(texts.get(each, "")) for each in _line(name, parents)):
                found[demand].add(
                    Style(style.kind, re.sub("/(kk|gpu|omp|opt|intel)$", "", style.name))
                )
    return found


def _declared(header: Path) -> Iterator[tuple[Style, str]]:
    for kind, name, cls in STYLE.findall(_read(header)):
        if kind in KINDS and not name.endswith(("/kk/host", "/kk/device")):
            yield Style(KINDS[kind], name), cls


def _line(name: str, parents: dict[str, str]) -> Iterator[str]:
    """A class and those it inherits from."""
    while name:
        yield name
        name = parents.get(name, "")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _sorted(found: dict[Style, str]) -> dict[str, dict[str, str]]:
    kinds = sorted({style.kind for style in found})
    return {
        kind: {style.name: found[style] for style in sorted(found) if style.kind == kind}
        for kind in kinds
    }


def _named(found: set[Style]) -> dict[str, list[str]]:
    kinds = sorted({style.kind for style in found})
    return {kind: sorted(style.name for style in found if style.kind == kind) for kind in kinds}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
