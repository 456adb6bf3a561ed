"""The environment that LAMMPS is started with: one share of a machine, and no secret of its job.

A deck can read what LAMMPS is told: `variable token getenv RUN_TOKEN`, and print it into the log.
What is not named here stays with the runner. An operator's settings of MPI, OpenMP, Kokkos or CUDA
stand: the image has its reasons.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_KEPT: Final = frozenset({"PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LANG", "LANGUAGE", "TZ"})
_KEPT_FAMILIES: Final = (
    *("CUDA_", "NVIDIA_", "KOKKOS_", "OMP_", "GOMP_", "KMP_", "LAMMPS_", "LC_"),
    *("KIM_", "MKL_", "OPENBLAS_", "PLUMED_"),
    *("FI_", "HYDRA_", "I_MPI_", "MPICH_", "MPIEXEC_", "MPIR_", "OMPI_", "OPAL_", "PRTE_", "UCX_"),
    "SLURM_",  # a launcher may be srun
)
_SECRET: Final = re.compile(r"JWT|KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")

ONE_SHARE: Final = {
    # ECS gives shares of the processor, not a set of cores: without a word, eight attempts would
    # each see all 96, and start as many threads or bind themselves to the first.
    "OMP_NUM_THREADS": "1",
    "OMP_PROC_BIND": "false",
    "HYDRA_BINDING": "none",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    # MPI's ranks share a machine, and a machine's attempts share its network: no port need be open.
    "UCX_TLS": "^tcp",
}
"""What holds where the operator has said nothing: by LAMMPS, MPICH, Open MPI up to 4 and from 5."""


def kept(given: Mapping[str, str]) -> dict[str, str]:
    """What LAMMPS may know of the environment *given*, and what makes it take one share only."""
    told = {
        name: value
        for name, value in given.items()
        if name in _KEPT or (name.startswith(_KEPT_FAMILIES) and not _SECRET.search(name))
    }
    return {"PATH": os.defpath, **ONE_SHARE, **told}


def surroundings(given: Mapping[str, str], own: Path) -> dict[str, str]:
    """The same for a LAMMPS whose caches and temporary files belong into the folder *own*."""
    own.mkdir(parents=True, exist_ok=True)
    return {**kept(given), "HOME": str(own), "TMPDIR": str(own)}
