"""Drops as people upload them, sound and not; a sound one takes LAMMPS less than a second."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from typing import Final

from tests.conftest import NOW

Files = dict[str, bytes]
"""What is put below inbox/, in this order."""

STEPS: Final = 100
DUMP_EVERY: Final = 50
DECK: Final = f"""# a handful of atoms
units           lj
atom_style      atomic
lattice         fcc 0.8442
region          box block 0 3 0 3 0 3
create_box      1 box
create_atoms    1 box
mass            1 1.0
pair_style      lj/cut 2.5
pair_coeff      1 1 1.0 1.0 2.5
velocity        all create 1.0 4928459
fix             move all nve
thermo          50
dump            traj all atom {DUMP_EVERY} traj.lammpstrj
run             {STEPS}
"""
SOUND: Final = DECK.encode()
FORCES: Final = b"pair_coeff      1 1 1.0 1.0 2.5\n"
READS: Final = b"""units           lj
atom_style      atomic
read_data       atoms.data
pair_style      lj/cut 2.5
pair_coeff      1 1 1.0 1.0
fix             move all nve
run             10
"""
ATOMS: Final = b"""two atoms

2 atoms
1 atom types

0 6 xlo xhi
0 6 ylo yhi
0 6 zlo zhi

Masses

1 1.0

Atoms

1 1 1.0 1.0 1.0
2 1 4.0 4.0 4.0
"""
LINE_OF: Final = {line.split()[0]: n for n, line in enumerate(DECK.splitlines(), start=1)}


def changed(command: str, line: str) -> bytes:
    """The sound deck with another line in the place of *command*'s."""
    lines = DECK.splitlines()
    lines[LINE_OF[command] - 1] = line
    return "\n".join(lines).encode()


INCLUDES: Final = changed("pair_coeff", "include forces.inc")
ENDLESS_IF_SKIPPED: Final = changed(
    "run", 'label again\nrun 20\nif "$(step) < 100" then "jump SELF again"'
)
"""Five runs; but where runs are skipped the step never gets to 100."""

DATA_IN_DISORDER: Final = ATOMS.replace(b"2 1 4.0 4.0 4.0", b"2 3 4.0 4.0 4.0")
PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0"

REDRIVEN: Final = "poisoned/in.poisoned"
"""The sound drop that nobody could admit at first."""

LONG_NAME: Final = "in." + "n" * 900
LONG_FOLDERS: Final = "/".join(letter * 100 for letter in "abcdef")
MORE_FOLDERS: Final = "/".join(letter * 100 for letter in "ghi")
LONGER_FOLDERS: Final = f"{LONG_FOLDERS}/{MORE_FOLDERS}"


def zipped(files: Files, links: Iterable[str] = ()) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            link = zipfile.ZipInfo(name)
            link.create_system = 3  # Unix: the mode counts
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
    return packed.getvalue()


def tarred(files: Files, odd: str, kind: bytes) -> bytes:
    """A .tar.gz with a member *odd* that is no file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        member = tarfile.TarInfo(odd)
        member.type, member.linkname = kind, "in.melt"
        archive.addfile(member)
    return packed.getvalue()


def uploaded_event(bucket: str, key: str) -> str:
    """What EventBridge puts into the intake queue about a key of *bucket*."""
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "123456789012",
            "time": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
            "region": "us-east-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": {"version": "0", "bucket": {"name": bucket}, "object": {"key": key}},
        }
    )
