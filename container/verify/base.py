"""A base image of this machine's own making, where the registry of the real one is not at hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from container.verify.engine import Engine, EngineError

SUITE: Final = "bookworm"
BARE: Final = f"localhost/debian:{SUITE}"
BASE: Final = "localhost/deckhand-base:1"

OWN_AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
"""Certificates that this machine trusts besides those of its distribution."""

_DOCKERFILE: Final = f"""FROM {BARE}
COPY *.crt /usr/local/share/ca-certificates/
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \\
 && rm -rf /var/lib/apt/lists/*
RUN printf '[global]\\ncert = /etc/ssl/certs/ca-certificates.crt\\n' >/etc/pip.conf
"""


def make_base(engine: Engine) -> str:
    """The name of the base image; made once, from the packages of Debian."""
    if not engine.has(BARE):
        _bootstrap(engine)
    authorities = sorted(OWN_AUTHORITIES.glob("*.crt"))
    if not authorities:
        return BARE
    context = engine.state / "base"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    for path in authorities:
        shutil.copy(path, context)
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(_DOCKERFILE)
    engine.build(BASE, context, dockerfile, {})
    return BASE


def _bootstrap(engine: Engine) -> None:
    folder = engine.state / "root"
    shutil.rmtree(folder, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", SUITE, str(folder)]
    with engine.log.open("ab") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False)
    if done.returncode:
        raise EngineError(f"debootstrap failed; {folder}/debootstrap/debootstrap.log says why")
    engine.import_folder(folder, BARE)
    shutil.rmtree(folder)
