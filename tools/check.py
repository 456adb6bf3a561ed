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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import permissions, picture, rules
from tools.accepted import ACCEPTED, NO_SECRETS
from tools.project import REGION, ROOT, Project, load
from tools.scan import POLICIES, SECRETS, Accepted, ScanFailedError, remaining, scan

MACHINE: Final = "statemachines/run_deck.asl.json"
TYPED: Final = ("layers/core/deckhand", "functions", "tools")
SHELL: Final = ("*.sh", ".ci/*")
TEMPLATES: Final = ("template.yaml", "stacks/*.yaml", "ops/*.yaml")
DOCKERFILES: Final = ("*Dockerfile", "*Dockerfile.*", "*.Dockerfile")
LOCKS: Final = re.compile(r"(^|/)(requirements/.*\.txt|requirements\.txt|package-lock\.json)$")
"""Half of all the text, and nothing but digests: no place to look for secrets."""
SCANNERS: Final = ROOT / ".deckhand/venvs/gates/bin"


@dataclass(frozen=True)
class Result:
    """What a gate found; skipped says why it did not look."""

    findings: str = ""
    skipped: str = ""


Gate = Callable[[Path, Mapping[str, str]], Result]


def tool(name: str) -> str:
    """A program of this environment or of the scanners', or else of the PATH."""
    folders = (Path(sysconfig.get_path("scripts")), SCANNERS)
    return next((str(folder / name) for folder in folders if (folder / name).exists()), name)


def listed(root: Path, *patterns: str) -> list[str]:
    """The files below *root* that git knows or would add."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [name for name in sorted(set(names)) if (root / name).is_file()]


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
    paths = [path for pattern in TEMPLATES for path in sorted(root.glob(pattern))]
    names = [str(path.relative_to(root)) for path in paths]
    return command([tool("cfn-lint"), "-r", REGION, "--", *names], root)


def transformed(root: Path, _: Mapping[str, str]) -> Result:
    """cfn-lint again on what AWS makes of the templates; SAM resources hide half their faults."""
    with tempfile.TemporaryDirectory() as folder:
        paths = _write_stacks(root, Path(folder))
        return command([tool("cfn-lint"), "-r", REGION, "--", *paths], root)


def _write_stacks(root: Path, folder: Path) -> list[str]:
    paths = []
    for name, template in _load(root).stacks.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(template, indent=1), encoding="utf-8")
        paths.append(str(path))
    return paths


_one_at_a_time: Final = threading.Lock()


def _load(root: Path) -> Project:
    """The translator counts and logs in globals, and gates run side by side."""
    with _one_at_a_time:
        return load(root)


def house_rules(root: Path, _: Mapping[str, str]) -> Result:
    return Result("\n".join(rules.findings(_load(root))))


def checkov(root: Path, _: Mapping[str, str]) -> Result:
    """The files as written, and the stacks as AWS makes them: policies show only there."""
    names = listed(root, "*.yaml", "*.yml", *DOCKERFILES)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "transformed"  # checkov says the name of the folder
        made.mkdir()
        return _scanned(root, [*names, *_write_stacks(root, made)], POLICIES, ACCEPTED)


def secrets(root: Path, _: Mapping[str, str]) -> Result:
    names = [name for name in listed(root) if not LOCKS.search(name)]
    return _scanned(root, names, SECRETS, NO_SECRETS)


def _scanned(
    root: Path, files: Sequence[str], frameworks: Sequence[str], accepted: Sequence[Accepted]
) -> Result:
    try:
        found = scan(tool("checkov"), root, files, frameworks)
    except ScanFailedError as error:
        return Result(str(error))
    return Result("\n".join(remaining(found, accepted)))


def dockerfiles(root: Path, _: Mapping[str, str]) -> Result:
    names = listed(root, *DOCKERFILES)
    if not names:
        return Result(skipped="there is no Dockerfile yet")
    return command([tool("hadolint"), "--no-color", *names], root)


def workflows(root: Path, _: Mapping[str, str]) -> Result:
    arguments = ("--offline", "--persona", "pedantic", "--no-progress", "--color", "never")
    return command([tool("zizmor"), *arguments, "--quiet", ".github"], root)


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
    return Result("\n".join(permissions.stale(_load(root), root)))


def shell(root: Path, _: Mapping[str, str]) -> Result:
    scripts = [name for name in listed(root, *SHELL) if _is_shell(root / name)]
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
    "house rules": house_rules,
    "asl": asl,
    "picture": drawn,
    "permissions": allowed,
    "shell": shell,
    "dockerfiles": dockerfiles,
    "workflows": workflows,
    "checkov": checkov,
    "secrets": secrets,
}


def main(gates: Mapping[str, Gate], root: Path, env: Mapping[str, str]) -> int:
    """Open every gate at once and say in their order how it went; 1 if any found something."""
    failed = 0
    begin = time.monotonic()
    with ThreadPoolExecutor(max(len(gates), 1)) as side_by_side:
        going = {name: side_by_side.submit(_timed, gate, root, env) for name, gate in gates.items()}
        for name, gate in going.items():
            result, seconds = gate.result()
            word = "FAILED" if result.findings else "skipped" if result.skipped else "ok"
            print(f"{name:<12} {word:<8} {seconds:5.1f} s  {result.skipped}".rstrip(), flush=True)
            if result.findings:
                failed += 1
                print(result.findings, flush=True)
    print(f"{len(gates)} gates in {time.monotonic() - begin:.1f} s, {failed} failed")
    return min(failed, 1)


def _timed(gate: Gate, root: Path, env: Mapping[str, str]) -> tuple[Result, float]:
    begin = time.monotonic()
    return gate(root, env), time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main(GATES, ROOT, os.environ))
