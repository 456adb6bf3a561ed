"""What LAMMPS keeps of each style when it writes a restart file, and what it loses.

Read from the "Restart, fix_modify, output, run start/stop, minimize info" section of each style's
page (https://docs.lammps.org/Commands_fix.html, Commands_compute.html, Commands_pair.html).
A style that is in no list here has not been proven to resume, and its deck is refused.
"""

from __future__ import annotations

from typing import Final

from deckhand.lammps.script import names

SUFFIXES: Final = ("/kk", "/kk/host", "/kk/device", "/gpu", "/omp", "/opt", "/intel")

FIX_EXACT: Final = names(
    """
    nve nve/limit nve/noforce nve/sphere nve/asphere
    nvt npt nph nvt/sphere npt/sphere nph/sphere nvt/asphere npt/asphere nph/asphere nvt/sllod
    temp/berendsen temp/rescale press/berendsen
    setforce addforce aveforce lineforce planeforce enforce2d freeze gravity viscous efield drag
    spring spring/self momentum indent restrain
    shake rattle
    wall/lj93 wall/lj126 wall/lj1043 wall/harmonic wall/morse wall/colloid wall/reflect
    wall/region
    deform move box/relax balance halt
    ave/time ave/chunk ave/histo ave/histo/weight ave/grid print
    property/atom store/state
    """
)
"""Nothing to remember, or remembered in the restart file, or restored by Deckhand (deform)."""

FIX_STATISTICAL: Final = names("langevin temp/csvr temp/csld")
"""Their random numbers are not in the restart file: a resumed run draws new ones."""

SEED_WORD: Final = {"langevin": 7, "temp/csvr": 7, "temp/csld": 7}
"""Index of the seed in `fix ID group style …`, for the fixes that are given a new one."""

COMPUTE_EXACT: Final = names(
    """
    angle angle/local angmom/chunk bond bond/local centro/atom centroid/stress/atom chunk/atom
    chunk/spread/atom cluster/atom cna/atom com com/chunk coord/atom count/type dihedral
    dihedral/local dipole dipole/chunk erotate/asphere erotate/sphere erotate/sphere/atom
    fragment/atom aggregate/atom global/atom group/group gyration gyration/chunk gyration/shape
    gyration/shape/chunk heat/flux hexorder/atom improper improper/local inertia/chunk ke ke/atom
    momentum nbond/atom omega/chunk orientorder/atom pair pair/local pe pe/atom pressure
    property/atom property/chunk property/grid property/local rdf adf reduce reduce/chunk
    reduce/region slice stress/atom stress/mop stress/mop/profile stress/cartesian
    stress/cylinder stress/spherical temp temp/asphere temp/chunk temp/com temp/deform
    temp/partial temp/profile temp/ramp temp/region temp/rotate temp/sphere torque/chunk
    vcm/chunk voronoi/atom xrd saed
    msd vacf displace/atom
    """
)
"""Computed anew from the atoms, or (the last line) kept by a store fix in the restart file."""

PAIR_LOSES_NOISE: Final = (
    "dpd",
    "brownian",
    "sdpd",
    "edpd",
    "mdpd",
    "tdpd",
    "lubricate",
    "gauss/cut/noise",
)
PAIR_LOSES_HISTORY: Final = ("gran", "granular", "smd", "peri", "rheo", "bpm")

COMMAND_WHOLE: Final = names(
    "neb neb/spin prd tad hyper temper temper/grem temper/npt rerun dynamical_matrix third_order"
)
"""Carry out many runs inside one command: they cannot be entered in the middle."""

COMMAND_REFUSED: Final = {
    "partition": "runs parts of the deck on different partitions",
    "python": "runs a program of its own",
    "plugin": "loads a program of its own",
    "mdi": "is driven by another program",
    "message": "is driven by another program",
    "server": "is driven by another program",
    "kim_init": "needs the KIM models of another machine",
    "geturl": "fetches a file from the network, which a run has no access to",
    "package": "chooses accelerators, which Deckhand does",
    "fitpod": "carries out a whole fit inside one command",
}


def plain(style: str) -> str:
    """A style's name without the suffix of an accelerator."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if style.endswith(suffix):
            return style.removesuffix(suffix)
    return style
