"""What LAMMPS is told of the environment of its job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deckhand.lammps.surroundings import ONE_SHARE, kept, surroundings

SECRETS = {
    "RUN_TOKEN": "t",
    "CREDENTIALS_FUNCTION": "lend",
    "RUNS_BUCKET": "runs",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1",
    "AWS_SESSION_TOKEN": "t",
    "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/1",
    "SLURM_JWT": "t",
    "NVIDIA_API_KEY": "t",
    "PYTHONPATH": "/opt",
}


def test_nothing_of_the_job_is_told() -> None:
    assert not SECRETS.keys() & kept({**SECRETS, "PATH": "/bin"}).keys()
    assert "t" not in kept(SECRETS).values()


@pytest.mark.parametrize(
    "name",
    ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LAMMPS_POTENTIALS", "LC_ALL", "SLURM_JOBID"],
)
def test_what_lammps_needs_is_told(name: str) -> None:
    assert kept({name: "x"})[name] == "x"


def test_one_share_of_the_machine_unless_the_operator_says_otherwise() -> None:
    assert kept({}) == {"PATH": os.defpath, **ONE_SHARE}
    told = kept({"OMP_NUM_THREADS": "12", "OMP_PROC_BIND": "spread", "UCX_TLS": "all"})
    assert (told["OMP_NUM_THREADS"], told["OMP_PROC_BIND"]) == ("12", "spread")
    assert told["UCX_TLS"] == "all"
    assert told["HYDRA_BINDING"] == "none"


def test_caches_and_temporary_files_have_a_folder_of_their_own(tmp_path: Path) -> None:
    told = surroundings({"HOME": "/root", "TMPDIR": "/tmp"}, tmp_path / "own")
    assert told["HOME"] == told["TMPDIR"] == str(tmp_path / "own")
    assert (tmp_path / "own").is_dir()
