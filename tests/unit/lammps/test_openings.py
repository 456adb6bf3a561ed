"""Which commands open a growing file, and whether they keep what is in it."""

from __future__ import annotations

import pytest

from deckhand.lammps.openings import Opening, goes_on, growing_file, writes_once
from deckhand.lammps.outputs import Format
from deckhand.lammps.script import words

GROWING = {
    "dump 1 all atom 10 'my traj.dump'": Opening("my traj.dump", Format.DUMP),
    "dump 1 all xyz 10 a.xyz": Opening("a.xyz", Format.XYZ),
    "fix 1 all ave/time 1 1 10 c_t file a.dat": Opening("a.dat", Format.ROWS),
    "fix 1 all ave/time 1 1 10 c_t mode vector file a.dat": Opening("a.dat", Format.BLOCKS),
    "fix 1 all ave/chunk 1 1 10 c vx append a.dat": Opening("a.dat", Format.BLOCKS),
    "fix 1 all print 10 'x' file a.txt": Opening("a.txt", Format.LINES, 10, 1, 1),
    '''fix 1 all print 10 """x
y""" file a.txt title """a
b
c"""''': Opening("a.txt", Format.LINES, 10, 2, 3),
    "print 'x' append a.txt": Opening("a.txt", Format.LINES),
    "write_dump all custom a.dump id modify append yes": Opening("a.dump", Format.LINES),
    "log second.log": Opening("second.log", Format.LOG),
}


@pytest.mark.parametrize("text", GROWING)
def test_growing_file(text: str) -> None:
    assert growing_file(words(text)) == GROWING[text]


@pytest.mark.parametrize(
    "text",
    [
        "dump 1 all atom 10 frame.*.dump",
        "dump 1 all image 10 a.*.png type type",
        "fix 1 all nve",
        "fix 1 all ave/time 1 1 10 c_t",
        "fix 1 all ave/time 1 1 10 c_t file a.dat overwrite",
        "fix 1 all print 10 'x'",
        "print 'file a.txt'",
        "log none",
        "write_data a.data",
        "run 10",
    ],
)
def test_nothing_grows(text: str) -> None:
    assert growing_file(words(text)) is None


@pytest.mark.parametrize(
    ("text", "kept", "once"),
    [
        ("print 'x' append a.txt", True, False),
        ("print 'append y' file a.txt", False, True),
        ("log a.log append", True, False),
        ("log a.log", False, False),
        ("fix 1 all print 10 'x' append a.txt", True, False),
        ("fix 1 all ave/time 1 1 10 c_t file a.dat", False, False),
        ("write_dump all atom a.dump modify append yes", True, False),
        ("write_dump all atom a.dump", False, True),
    ],
)
def test_what_is_kept(text: str, kept: bool, once: bool) -> None:
    command = words(text)
    assert (goes_on(command), writes_once(command)) == (kept, once)
