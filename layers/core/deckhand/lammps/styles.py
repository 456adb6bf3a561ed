"""What LAMMPS keeps of each style when it writes a restart file, and what it loses.

Every style of the vocabulary stands in exactly one table of its kind. The evidence is, in this
order: resumes measured against an undisturbed run and against a run cut and continued in one
process (docs/contract.md), the source of the style, and the "Restart, fix_modify, output, run
start/stop, minimize info" section of its page (https://docs.lammps.org/Commands_fix.html,
Commands_compute.html, Commands_pair.html). What nothing is known of is refused.
"""

from __future__ import annotations

from typing import Final

from deckhand.lammps.script import names

SUFFIXES: Final = ("/kk", "/kk/host", "/kk/device", "/gpu", "/omp", "/opt", "/intel")


# --- fixes -----------------------------------------------------------------------------------

FIX_ANEW: Final = names(
    """
    accelerate/cos add/heat addforce addtorque aveforce balance box/relax damping/cundall dpd/energy
    drag drude edpd/source efield efield/lepton efield/tip4p ehex electrode/conp electrode/conq
    electron/stopping electron/stopping/fit enforce2d eos/cv eos/table eos/table/rx
    flow/gauss freeze gravity grem halt heat heat/flow hyper/global hyper/local indent lineforce
    momentum momentum/chunk mvv/dpd mvv/edpd mvv/tdpd numdiff numdiff/virial nve nve/asphere
    nve/asphere/noforce nve/body nve/bpm/sphere nve/dot nve/eff nve/limit nve/line nve/noforce
    nve/sphere nve/spin nve/tri nvk oneway orient/bcc orient/eco orient/fcc pair planeforce
    precession/spin propel/self rattle recenter restrain rhok rigid rigid/nve rigid/nve/small
    rigid/small set setforce setforce/spin shake sph sph/stationary spring store/force tdpd/source
    temp/rescale/eff thermal/conductivity viscosity viscous viscous/sphere wall/body/polygon
    wall/body/polyhedron wall/colloid wall/ees wall/harmonic wall/lepton wall/lj1043 wall/lj126
    wall/lj93 wall/morse wall/reflect wall/region wall/region/ees wall/srd wall/table
    """
)
"""What they do to the atoms follows from the atoms and the step."""

FIX_STORED: Final = names(
    """
    adapt adapt/fep amoeba/bitorsion amoeba/pitorsion ave/correlate/long bocs cmap deposit meso/move
    move msst nonaffine/displacement nph nph/asphere nph/body nph/eff nph/sphere npt npt/asphere
    npt/body npt/eff npt/sphere npt/uef nvt nvt/asphere nvt/body nvt/eff nvt/sllod nvt/sllod/eff
    nvt/sphere nvt/uef property/atom rigid/nvt rigid/nvt/small spring/chunk spring/rg spring/self
    store/state temp/berendsen temp/csvr temp/rescale tgnpt/drude tgnvt/drude wall/gran
    wall/gran/region
    """
)
"""What they remember is in the restart file, or in the atoms and coefficients it keeps."""

FIX_RESTORED: Final = names(
    """
    ave/atom ave/chunk ave/correlate ave/grid ave/histo ave/histo/weight ave/time controller
    dt/reset print reaxff/bonds reaxff/species
    """
)
"""Not in the restart file, but a checkpoint comes when they remember nothing (`pacing`), or LAMMPS
writes down what they do (`witness`), and what they write is joined (`outputs`)."""

FIX_NOISE: Final = names(
    """
    bond/swap brownian brownian/asphere brownian/sphere evaporate ffl gjf gld gle langevin
    langevin/drude langevin/eff langevin/spin nve/dotc/langevin pafi press/langevin sgcmc shardlow
    srd temp/csld tfmc ttm ttm/mod wall/flow wall/reflect/stochastic widom
    """
)
"""Their random numbers are not in the restart file: a resumed run draws new ones."""

FIX_DRAWS_IF_TOLD: Final = {
    **dict.fromkeys(names("bond/break bond/create bond/create/angle bond/react"), "prob"),
    **dict.fromkeys(
        names(
            """
            rigid rigid/nph rigid/nph/small rigid/npt rigid/npt/small rigid/nve rigid/nve/small
            rigid/nvt rigid/nvt/small rigid/small
            """
        ),
        "langevin",
    ),
    "append/atoms": "random temp",
    "wall/piston": "temp",
}
"""They draw random numbers only with one of these keywords."""

FIX_EXACT_UNLESS_TOLD: Final = names(
    "append/atoms bond/break bond/create bond/create/angle bond/react wall/piston"
)
"""Those of them that are in no other table: without the keyword nothing is lost."""

_CHOSEN = (
    "its random numbers go on, but it picks atoms by their place in LAMMPS' memory, and that is "
    "sorted anew when a run starts"
)
_GUESS = "the charges are found by iteration, and the first guess of the next step is lost"
_BODIES = "LAMMPS takes the pressure of the bodies anew when a run starts"
_FLUID = "LAMMPS computes the properties of the fluid anew when a run starts"
_DRUDE = "the thermostats begin with the temperatures of the atoms, not of the pairs"
_SATELLITES = (
    "it turns a group of three atoms about a fourth in the order in which LAMMPS finds them, and "
    "that is another one when a run starts"
)
_STALE = "the first forces are those after the last change of the box, not before it"

FIX_ANOTHER_COURSE: Final = {
    **dict.fromkeys(names("atom/swap charge/regulation gcmc mol/swap neighbor/swap"), _CHOSEN),
    **dict.fromkeys(
        names(
            """
            acks2/reax acks2/reaxff qeq/comb qeq/ctip qeq/dynamic qeq/fire qeq/point qeq/reax
            qeq/reaxff qeq/rel/reaxff qeq/shielded qeq/slater qtpie/reaxff
            """
        ),
        _GUESS,
    ),
    **dict.fromkeys(names("rigid/nph rigid/nph/small rigid/npt rigid/npt/small"), _BODIES),
    **dict.fromkeys(names("rheo rheo/oxidation rheo/pressure rheo/thermal rheo/viscosity"), _FLUID),
    **dict.fromkeys(names("drude/transform/direct drude/transform/inverse"), _DRUDE),
    **dict.fromkeys(names("deform press/berendsen"), _STALE),
    "filter/corotate": _SATELLITES,
    "nphug": "its barostat mass is set from the temperature at which a run starts",
    "pour": "the next particles come at once when a run starts, and not at their turn",
    "smd": "it pulls one step more when a run starts",
}
"""Nothing is lost that matters, but the trajectory parts from the undisturbed one, and why."""

FIX_PARTIAL: Final = {
    "ave/moments": "its moments are those of the samples since then",
    "colvars": "the files that it writes begin again",
    "phonon": "its average of the Green's functions begins again",
    "saed/vtk": "its average begins again",
    "vector": "its vector holds the values since then",
}
"""The atoms move as if nothing had happened, but what the fix gathered is lost."""

FIX_COUNTS: Final = {
    **dict.fromkeys(names("bond/break bond/create bond/create/angle bond/swap"), "its events"),
    **dict.fromkeys(names("thermal/conductivity viscosity"), "what it has exchanged"),
    **dict.fromkeys(
        names("electron/stopping electron/stopping/fit ffl gld gle langevin langevin/eff"),
        "the energy it has exchanged",
    ),
    "controller": "its part of the last change",
    "dt/reset": "the step of its last change",
    "evaporate": "the atoms it has deleted",
    "flow/gauss": "the work it has done",
    "msst": "the Lagrangian position",
    "nve/limit": "the steps it has limited",
    "pour": "the particles it has inserted",
    "srd": "its events",
    "temp/rescale/eff": "the energy it has exchanged",
}
"""What they have counted since the run began, which matters if something reads it (`f_ID`)."""

_PARTITIONS = "it is for several partitions, which a run does not have"
_DRIVEN = "it is driven by another program"
_MACHDYN = "LAMMPS cannot restart the MACHDYN package"
_UNTRIED = "it has not been proven to resume"

FIX_REFUSED: Final = {
    **dict.fromkeys(
        names(
            """
            alchemy neb neb/spin pimd pimd/langevin pimd/langevin/bosonic pimd/nvt
            pimd/nvt/bosonic
            """
        ),
        _PARTITIONS,
    ),
    **dict.fromkeys(names("external imd ipi"), _DRIVEN),
    **dict.fromkeys(
        names(
            """
            smd/adjust_dt smd/integrate_tlsph smd/integrate_ulsph smd/move_tri_surf smd/setvel
            smd/wall_surface
            """
        ),
        _MACHDYN,
    ),
    **dict.fromkeys(
        names(
            """
            polarize/bem/gmres polarize/bem/icc polarize/functional rigid/meso rx
            tune/kspace
            """
        ),
        _UNTRIED,
    ),
    "deform/pressure": "its control of the pressure begins again when a run starts",
    "electrode/thermo": "the charge its thermostat has reached is in no restart file",
    "hmc": "the configuration that it goes back to is in no restart file",
    "npt/cauchy": "the box that its stress refers to is in no restart file",
    "poems": "its joints do not go on as they were when a run starts, not even in one process",
    "ti/spring": "the step at which it began to switch is in no restart file",
    "tmd": "the distance it began with is in no restart file",
    "ttm/grid": "the temperatures of its grid are in no restart file",
}
"""What they lose changes the physics, or they cannot be run here at all."""

FIX_GONE: Final = names(
    "ave/spatial ave/spatial/sphere lb/pc lb/rigid/pc/sphere reax/c/bonds reax/c/species"
)
"""LAMMPS knows their names only to say that they are no more."""

# --- computes --------------------------------------------------------------------------------

COMPUTE_ANEW: Final = names(
    """
    ackland/atom adf aggregate/atom angle angle/local angmom/chunk ave/sphere/atom basal/atom
    body/local bond bond/local born/matrix centro/atom centroid/stress/atom chunk/atom
    chunk/spread/atom cluster/atom cna/atom cnp/atom com com/chunk composition/atom contact/atom
    coord/atom count/type damage/atom dihedral dihedral/local dilatation/atom dipole dipole/chunk
    dipole/tip4p dipole/tip4p/chunk dpd dpd/atom edpd/temp/atom efield/atom efield/wolf/atom
    entropy/atom erotate/asphere erotate/rigid erotate/sphere erotate/sphere/atom event/displace
    fabric fep fep/ta force/tally fragment/atom gaussian/grid/local global/atom group/group gyration
    gyration/chunk gyration/shape gyration/shape/chunk heat/flux heat/flux/tally
    heat/flux/virial/tally hexorder/atom improper improper/local inertia/chunk ke ke/atom
    ke/atom/eff ke/eff ke/rigid mesont mliap momentum nbond/atom omega/chunk orientorder/atom pair
    pair/local pe pe/atom pe/mol/tally pe/tally plasticity/atom pod/atom pod/global pod/local
    podd/atom pressure pressure/alchemy pressure/cylinder pressure/uef property/atom property/chunk
    property/grid property/local rattlers/atom rdf reaxff/atom reduce reduce/chunk reduce/region
    rheo/property/atom rigid/local saed slcsa/atom slice sna/atom sna/grid sna/grid/local snad/atom
    snap snav/atom sph/e/atom sph/rho/atom sph/t/atom spin stress/atom stress/cartesian
    stress/cylinder stress/mop stress/mop/profile stress/spherical stress/tally tdpd/cc/atom temp
    temp/asphere temp/body temp/chunk temp/com temp/deform temp/deform/eff temp/drude temp/eff
    temp/partial temp/profile temp/ramp temp/region temp/region/eff temp/rotate temp/sphere temp/uef
    ti torque/chunk vcm/chunk viscosity/cos voronoi/atom xrd
    """
)
"""Computed anew from the atoms of the step."""

COMPUTE_STORED: Final = names(
    "displace/atom hma msd msd/chunk msd/nongauss temp/cs vacf vacf/chunk"
)
"""They keep what they began with in a fix of their own, which is in the restart file."""

COMPUTE_REFUSED: Final = dict.fromkeys(
    names(
        """
        smd/contact/radius smd/damage smd/hourglass/error smd/internal/energy smd/plastic/strain
        smd/plastic/strain/rate smd/rho smd/tlsph/defgrad smd/tlsph/dt smd/tlsph/num/neighs
        smd/tlsph/shape smd/tlsph/strain smd/tlsph/strain/rate smd/tlsph/stress
        smd/triangle/vertices smd/ulsph/effm smd/ulsph/num/neighs smd/ulsph/strain
        smd/ulsph/strain/rate smd/ulsph/stress smd/vol
        """
    ),
    _MACHDYN,
)

# --- force fields ----------------------------------------------------------------------------

PAIR_ANEW: Final = names(
    """
    adp agni aip/water/2dm airebo airebo/morse amoeba atm beck body/nparticle body/rounded/polygon
    body/rounded/polyhedron bop born born/coul/dsf born/coul/dsf/cs born/coul/long born/coul/long/cs
    born/coul/msm born/coul/wolf born/coul/wolf/cs born/gauss bpm/spring buck buck/coul/cut
    buck/coul/long buck/coul/long/cs buck/coul/msm buck/long/coul/long buck/mdf
    buck6d/coul/gauss/dsf buck6d/coul/gauss/long colloid comb comb3 cosine/squared coul/ctip
    coul/cut coul/cut/dielectric coul/cut/global coul/cut/soft coul/debye coul/diel coul/dsf
    coul/exclude coul/long coul/long/cs coul/long/dielectric coul/long/soft coul/msm coul/shield
    coul/slater/cut coul/slater/long coul/streitz coul/tt coul/wolf coul/wolf/cs dispersion/d3 drip
    e3b eam eam/alloy eam/cd eam/cd/old eam/fs eam/he edip edip/multi eff/cut eim exp6/rx extep
    gauss gauss/cut gayberne gran/hertz/history gran/hooke gran/hooke/history granular gw gw/zbl
    harmonic/cut hbond/dreiding/lj hbond/dreiding/lj/angleoffset hbond/dreiding/morse
    hbond/dreiding/morse/angleoffset hippo hybrid hybrid/molecular hybrid/overlay hybrid/scaled
    ilp/graphene/hbn ilp/tmd kolmogorov/crespi/full kolmogorov/crespi/z lcbop lebedeva/z lennard/mdf
    lepton lepton/coul lepton/sphere line/lj list lj/charmm/coul/charmm
    lj/charmm/coul/charmm/implicit lj/charmm/coul/long lj/charmm/coul/long/soft lj/charmm/coul/msm
    lj/charmmfsw/coul/charmmfsh lj/charmmfsw/coul/long lj/class2 lj/class2/coul/cut
    lj/class2/coul/cut/soft lj/class2/coul/long lj/class2/coul/long/cs lj/class2/coul/long/soft
    lj/class2/soft lj/cubic lj/cut lj/cut/coul/cut lj/cut/coul/cut/dielectric lj/cut/coul/cut/soft
    lj/cut/coul/debye lj/cut/coul/debye/dielectric lj/cut/coul/dsf lj/cut/coul/long
    lj/cut/coul/long/cs lj/cut/coul/long/dielectric lj/cut/coul/long/soft lj/cut/coul/msm
    lj/cut/coul/msm/dielectric lj/cut/coul/wolf lj/cut/dipole/cut lj/cut/dipole/long lj/cut/soft
    lj/cut/sphere lj/cut/thole/long lj/cut/tip4p/cut lj/cut/tip4p/long lj/cut/tip4p/long/soft
    lj/expand lj/expand/coul/long lj/expand/sphere lj/gromacs lj/gromacs/coul/gromacs
    lj/long/coul/long lj/long/coul/long/dielectric lj/long/dipole/long lj/long/tip4p/long lj/mdf
    lj/pirani lj/relres lj/sdk lj/sdk/coul/long lj/sdk/coul/msm lj/sf lj/sf/dipole/sf lj/smooth
    lj/smooth/linear lj/spica lj/spica/coul/long lj/spica/coul/msm lj/switch3/coulgauss/long
    lj96/cut local/density lubricate lubricate/poly lubricateU lubricateU/poly mdpd/rhosum meam
    meam/c meam/ms meam/spline meam/sw/spline mesocnt mesocnt/viscous mesont/tpm mie/cut mliap
    mm3/switch3/coulgauss/long momb morse morse/smooth/linear morse/soft multi/lucy multi/lucy/rx
    nb3b/harmonic nb3b/screened nm/cut nm/cut/coul/cut nm/cut/coul/long nm/cut/split oxdna/coaxstk
    oxdna/excv oxdna/hbond oxdna/stk oxdna/xstk oxdna2/coaxstk oxdna2/dh oxdna2/excv oxdna2/hbond
    oxdna2/stk oxdna2/xstk oxrna2/coaxstk oxrna2/dh oxrna2/excv oxrna2/hbond oxrna2/stk oxrna2/xstk
    pedone peri/eps peri/lps peri/pmb peri/ves pod polymorphic reax reax/c reaxff rebo rebomos
    resquared rheo rheo/solid saip/metal snap soft sph/heatconduction sph/idealgas sph/lj sph/rhosum
    sph/taitwater sph/taitwater/morris spin/dipole/cut spin/dipole/long spin/dmi spin/exchange
    spin/exchange/biquadratic spin/magelec spin/neel sw sw/angle/table sw/mod table table/rx tersoff
    tersoff/mod tersoff/mod/c tersoff/table tersoff/zbl thole threebody/table tip4p/cut tip4p/long
    tip4p/long/soft tri/lj uf3 ufm vashishta vashishta/table wf/cut ylz yukawa yukawa/colloid zbl
    zero
    """
)
"""They follow from the atoms, or keep their contacts and bonds in the restart file."""

PAIR_NOISE: Final = names(
    """
    brownian brownian/poly dpd dpd/coul/slater/long dpd/ext dpd/ext/tstat dpd/fdt dpd/fdt/energy
    dpd/tstat dsmc mdpd sdpd/taitwater/isothermal tdpd
    """
)
"""Their random numbers begin again with a restart file: they are given a new seed."""

PAIR_SETTINGS_LOST: Final = names(
    """
    amoeba buck/long/coul/long coul/shield eff/cut exp6/rx gran/hertz/history gran/hooke
    gran/hooke/history granular hippo lj/cut/tip4p/cut lj/cut/tip4p/long lj/cut/tip4p/long/soft
    lj/long/coul/long lj/long/coul/long/dielectric lj/long/tip4p/long lj/mdf lubricateU
    lubricateU/poly multi/lucy/rx table/rx tip4p/cut tip4p/long tip4p/long/soft
    """
)
"""Their restart information is not complete (`write_restart_settings` in the source leaves out what
`settings` reads, as `limit/eradius` of eff/cut): the pair_style command is told again."""

PAIR_REFUSED: Final = {
    **dict.fromkeys(("smd/hertz", "smd/tlsph", "smd/tri_surface", "smd/ulsph"), _MACHDYN),
    **dict.fromkeys(("srp", "srp/react"), "LAMMPS does not find its bond particles again"),
    "edpd": "LAMMPS cannot read the restart files that it writes of it",
    "tracker": _UNTRIED,
}

BOND_ANEW: Final = names(
    """
    bpm/rotational bpm/spring class2 fene fene/expand fene/nm gaussian gromos harmonic
    harmonic/restrain harmonic/shift harmonic/shift/cut hybrid lepton mesocnt mm3 morse nonlinear
    oxdna/fene oxdna2/fene oxrna2/fene quartic special table zero
    """
)

ANGLE_ANEW: Final = names(
    """
    amoeba charmm class2 class2/p6 cosine cosine/buck6d cosine/delta cosine/periodic cosine/shift
    cosine/shift/exp cosine/squared cosine/squared/restricted cross dipole fourier fourier/simple
    gaussian harmonic hybrid lepton mesocnt mm3 mwlc quartic sdk spica table zero
    """
)

DIHEDRAL_ANEW: Final = names(
    """
    charmm charmmfsw class2 cosine/shift/exp cosine/squared/restricted fourier harmonic helix hybrid
    lepton multi/harmonic nharmonic opls quadratic spherical table table/cut zero
    """
)

IMPROPER_ANEW: Final = names(
    """
    amoeba class2 cossq cvff distance distharm fourier harmonic hybrid inversion/harmonic ring
    sqdistharm umbrella zero
    """
)

KSPACE_ANEW: Final = names(
    """
    ewald ewald/dipole ewald/dipole/spin ewald/disp ewald/disp/dipole ewald/electrode msm msm/cg
    msm/dielectric pppm pppm/cg pppm/dielectric pppm/dipole pppm/dipole/spin pppm/disp
    pppm/disp/dielectric pppm/disp/tip4p pppm/electrode pppm/stagger pppm/tip4p zero
    """
)

BOND_REFUSED: Final = {
    "bpm/spring/plastic": _UNTRIED,
    "rheo/shell": "LAMMPS does not find the age of its bonds again",
}

# --- commands --------------------------------------------------------------------------------

COMMAND_PLAIN: Final = names(
    """
    angle_coeff angle_style angle_write atom_modify atom_style balance bond_coeff bond_style
    bond_write boundary box change_box clear comm_modify comm_style compute compute_modify
    create_atoms create_bonds create_box delete_atoms delete_bonds dielectric dihedral_coeff
    dihedral_style dihedral_write dimension displace_atoms dump dump_modify echo fix fix_modify
    group group2ndx if improper_coeff improper_style include info jump kim_interactions kim_param
    kim_property kim_query kspace_modify kspace_style label labelmap lattice log mass min_modify
    min_style minimize molecule ndx2group neigh_modify neighbor newton next package pair_coeff
    pair_modify pair_style pair_write print processors quit read_data read_dump read_restart region
    region2vmd replicate reset_atom_ids reset_atoms reset_ids reset_mol_ids reset_timestep restart
    run run_style set shell special_bonds suffix thermo thermo_modify thermo_style timer timestep
    uncompute undump unfix units variable velocity write_coeff write_data write_dump write_restart
    """
)
"""Their effect is in the restart file or is told again."""

COMMAND_WHOLE: Final = {
    "rerun": "reads frame after frame",
    "dynamical_matrix": "moves atom after atom",
    "third_order": "moves atom after atom",
    "hyper": "carries out run after run",
    "prd": "carries out run after run",
}
"""Carry out much inside one command, and can only be done again from their beginning."""

COMMAND_REFUSED: Final = {
    "partition": "runs parts of the deck on different partitions",
    "python": "runs a program of its own",
    "plugin": "loads a program of its own",
    "mdi": "is driven by another program",
    "message": "is driven by another program",
    "server": "is driven by another program",
    "kim_init": "needs the KIM models of another machine",
    "geturl": "fetches a file from the network, which a run has no access to",
    "fitpod": "carries out a whole fit inside one command",
    "neb": "is for several partitions, which a run does not have",
    "neb/spin": "is for several partitions, which a run does not have",
    "tad": "is for several partitions, which a run does not have",
    "temper": "is for several partitions, which a run does not have",
    "temper/grem": "is for several partitions, which a run does not have",
    "temper/npt": "is for several partitions, which a run does not have",
}


def plain(style: str) -> str:
    """A style's name without the suffix of an accelerator."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if style.endswith(suffix):
            return style.removesuffix(suffix)
    return style
