"""What is in an image: packages, Python distributions, programs of LAMMPS, and their sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from deckhand.domain.parts import MIB


@dataclass(frozen=True)
class Part:
    """Something with a version; `kind` is deb, python or file."""

    kind: str
    name: str
    version: str


def parts(root: Path) -> list[Part]:
    """The packages of the distribution and of Python below *root*, and the programs of LAMMPS."""
    return [*_debian(root), *_python(root), *_programs(root)]


def mebibytes(folder: Path) -> float:
    """What the files below *folder* take, a file with several names once."""
    seen: dict[tuple[int, int], int] = {}
    for path in _files(folder):
        about = path.lstat()
        seen[about.st_dev, about.st_ino] = about.st_blocks * 512
    return sum(seen.values()) / MIB


def listing(root: Path, whole: float) -> str:
    """The contents as a page for people; *whole* is the size of the image in MiB."""
    lines = ["# Contents of the image", "", f"{whole:,.0f} MiB unpacked.", ""]
    lines += ["| folder | MiB |", "|---|--:|"]
    lines += [f"| {name} | {mebibytes(root / name[1:]):,.1f} |" for name in _FOLDERS]
    lines += ["", "| kind | name | version |", "|---|---|---|"]
    lines += [f"| {part.kind} | {part.name} | {part.version} |" for part in parts(root)]
    return "\n".join(lines) + "\n"


_FOLDERS: Final = ("/opt/deckhand", "/opt/lammps", "/usr", "/var")


def _debian(root: Path) -> Iterator[Part]:
    status = root / "var/lib/dpkg/status"
    for paragraph in status.read_text(errors="replace").split("\n\n") if status.is_file() else ():
        about = HeaderParser().parsestr(paragraph)
        if about["Status"] == "install ok installed":
            yield Part("deb", about["Package"], about["Version"])


def _python(root: Path) -> Iterator[Part]:
    for path in sorted(root.glob("opt/*/lib/python3*/site-packages/*.dist-info/METADATA")):
        about = HeaderParser().parsestr(path.read_text(errors="replace"))
        yield Part("python", about["Name"], about["Version"])


def _programs(root: Path) -> Iterator[Part]:
    for path in sorted((root / "opt/lammps/bin").glob("lmp-*")):
        size = (path.parent / path.readlink() if path.is_symlink() else path).stat().st_size
        yield Part("file", f"/opt/lammps/bin/{path.name}", f"{size / MIB:,.1f} MiB")


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent) / name


SECRET: Final = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s"
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    rb"|(?i:aws_secret_access_key|aws_session_token)[\"' ]*[=:][\"' ]*[A-Za-z0-9/+]{40}"
)
"""Private keys, and keys of AWS."""

OURS: Final = ("opt", "etc", "root", "home", "scratch", "src", "usr/local")
"""Where a build may leave something; the rest is packages of the distribution."""

EXAMPLES: Final = re.compile(
    r"/botocore/data/(iam|sts)/[0-9-]+/examples-1\.json$|/boto3/examples/cloudfront\.rst$"
)
"""Where AWS' own libraries show what a key looks like."""


def secrets(root: Path) -> list[str]:
    """The files of ours below *root* that hold what looks like a key, as paths in the image."""
    found = []
    for folder in OURS:
        for path in _files(root / folder):
            name = f"/{path.relative_to(root)}"
            if path.is_symlink() or not path.is_file() or EXAMPLES.search(name):
                continue
            if SECRET.search(path.read_bytes()):
                found.append(name)
    return sorted(found)
