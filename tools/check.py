"""Every gate that needs neither AWS nor a run of the product: `python -m tools.check`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import house_rules, permissions, picture
from tools.project import REGION, ROOT, load

MACHINE: Final = "statemachines/run_deck.asl.json"
TYPED: Final = ("layers/core/deckhand", "functions", "tools")
SHELL: Final = ("*.sh", ".ci/*")


@dataclass(frozen=True)
class Result:
    """What a gate found; skipped says why it did not look."""

    findings: str = ""
    skipped: str = ""


Gate = Callable[[Path, Mapping[str, str]], Result]


def tool(name: str) -> str:
    """A program of this environment, or else of the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.exists() else name


def command(arguments: Sequence[str], root: Path) -> Result:
    """Run a checker; whatever it says is a finding if it does not end with 0."""
    try:
        done = subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Result(f"{arguments[0]} is not installed; `make setup` installs it")
    said = (done.stdout + done.stderr).strip()
    return Result() if done.returncode == 0 else Result(said or f"exit code {done.returncode}")


def ruff(root: Path, _: Mapping[str, str]) -> Result:
    return command([tool("ruff"), "check", "--quiet", "."], root)


def form(root: Path, _: Mapping[str, str]) -> Result:
    return command([tool("ruff"), "format", "--check", "--quiet", "--diff", "."], root)


def types(root: Path, _: Mapping[str, str]) -> Result:
    return command([tool("mypy"), *TYPED], root)


def templates(root: Path, _: Mapping[str, str]) -> Result:
    stacks = sorted(str(path.relative_to(root)) for path in (root / "stacks").glob("*.yaml"))
    return command([tool("cfn-lint"), "-r", REGION, "--", "template.yaml", *stacks], root)


def transformed(root: Path, _: Mapping[str, str]) -> Result:
    """cfn-lint again on what AWS makes of the templates; SAM resources hide half their faults."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, template in load(root).stacks.items():
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(template, indent=1), encoding="utf-8")
            paths.append(str(path))
        return command([tool("cfn-lint"), "-r", REGION, "--", *paths], root)


def rules(root: Path, _: Mapping[str, str]) -> Result:
    return Result("\n".join(house_rules.findings(load(root))))


def asl(root: Path, env: Mapping[str, str]) -> Result:
    """asl-validator needs Node; without it the house rules still read the state machine."""
    validator = root / "tools/node_modules/.bin/asl-validator"
    if not validator.exists() or shutil.which("node", path=env.get("PATH")) is None:
        missing = "asl-validator is not installed: `npm ci --prefix tools` (needs Node)"
        return Result(missing) if env.get("CI") == "true" else Result(skipped=missing)
    text = (root / MACHINE).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        # It has its own idea of ${Substitution}, so it is shown the machine as deployed.
        path = Path(folder) / "machine.asl.json"
        path.write_text(re.sub(r"\$\{\w+\}", "1", text), encoding="utf-8")
        return command([str(validator), "--json-path", str(path)], root)


def drawn(root: Path, _: Mapping[str, str]) -> Result:
    """The picture in the docs shows the state machine that is deployed."""
    stands = (root / picture.PAGE).read_text(encoding="utf-8")
    stale = f"{picture.PAGE} shows another machine; `python -m tools.picture` draws it again"
    return Result() if stands == picture.page(root) else Result(stale)


def allowed(root: Path, _: Mapping[str, str]) -> Result:
    """The roles may do what was recorded, and nothing that nothing needs: docs/permissions.md."""
    return Result("\n".join(permissions.stale(root)))


def shell(root: Path, _: Mapping[str, str]) -> Result:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SHELL],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    scripts = [name for name in listed.stdout.splitlines() if _is_shell(root / name)]
    return command([tool("shellcheck"), *scripts], root) if scripts else Result()


def _is_shell(path: Path) -> bool:
    first = path.read_bytes()[:64].splitlines()[:1]
    return path.suffix == ".sh" or bool(first and re.match(rb"#!.*\b(ba)?sh\b", first[0]))


GATES: Final[Mapping[str, Gate]] = {
    "ruff": ruff,
    "format": form,
    "types": types,
    "templates": templates,
    "transformed": transformed,
    "house rules": rules,
    "asl": asl,
    "picture": drawn,
    "permissions": allowed,
    "shell": shell,
}


def main(gates: Mapping[str, Gate], root: Path, env: Mapping[str, str]) -> int:
    """Open every gate and say how it went; 1 if any found something."""
    failed = 0
    for name, gate in gates.items():
        begin = time.monotonic()
        result = gate(root, env)
        seconds = time.monotonic() - begin
        word = "FAILED" if result.findings else "skipped" if result.skipped else "ok"
        print(f"{name:<12} {word:<8} {seconds:5.1f} s  {result.skipped}".rstrip(), flush=True)
        if result.findings:
            failed += 1
            print(result.findings, flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(GATES, ROOT, os.environ))
