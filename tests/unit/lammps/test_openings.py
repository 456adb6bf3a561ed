"""Which commands open a growing file, whether they keep what is in it, and what LAMMPS is told."""

from __future__ import annotations

import pytest

from deckhand.lammps.errors import Place
from deckhand.lammps.formats import Format, Layout, Packing
from deckhand.lammps.journal import Journal
from deckhand.lammps.openings import (
    Opening,
    appends,
    goes_on,
    growing_files,
    told,
    writes_once,
)
from deckhand.lammps.script import words

GROWING = {
    "dump 1 all atom 10 'my traj.dump'": [("my traj.dump", Layout(Format.DUMP))],
    "dump 1 all local 10 x.dump c_1": [("x.dump", Layout(Format.DUMP))],
    "dump 1 all grid 10 x.grid c_1:grid:data": [("x.grid", Layout(Format.DUMP))],
    "dump 1 all custom 10 x.%.dump id": [("x.%.dump", Layout(Format.DUMP))],
    "dump 1 all yaml 10 x.yaml id": [("x.yaml", Layout(Format.YAML))],
    "dump 1 all xyz 10 a.xyz": [("a.xyz", Layout(Format.XYZ))],
    "dump 1 all extxyz 10 a.xyz": [("a.xyz", Layout(Format.XYZ))],
    "dump 1 all dcd 10 a.dcd": [("a.dcd", Layout(Format.DCD))],
    "dump 1 all xtc 10 a.xtc": [("a.xtc", Layout(Format.XTC))],
    "dump 1 all custom 10 a.bin id": [("a.bin", Layout(Format.BINARY))],
    "dump 1 all custom 10 a.gz id": [("a.gz", Layout(Format.DUMP, packing=Packing.GZIP))],
    "dump 1 all local/gz 10 a.gz c_1": [("a.gz", Layout(Format.DUMP, packing=Packing.GZIP))],
    "dump 1 all xyz/zstd 10 a.zst": [("a.zst", Layout(Format.XYZ, packing=Packing.ZSTD))],
    "fix 1 all ave/time 1 1 10 c_t file a.dat": [("a.dat", Layout(Format.ROWS))],
    "fix 1 all ave/time 1 1 10 c_t mode vector file a.dat": [("a.dat", Layout(Format.BLOCKS))],
    "fix 1 all ave/time 1 1 10 c_t file a.yaml": [("a.yaml", Layout(Format.KEYED))],
    "fix 1 all ave/time 1 1 10 c_t file a.gz": [("a.gz", Layout(Format.ROWS))],
    "fix 1 all ave/chunk 1 1 10 c vx append a.yml": [("a.yml", Layout(Format.BLOCKS))],
    "fix 1 all ave/correlate 1 5 10 c_t file a.dat": [("a.dat", Layout(Format.BLOCKS))],
    "fix 1 all ave/correlate/long 1 10 c_t file a.dat": [("a.dat", Layout(Format.CORRELATION))],
    "fix 1 all reaxff/bonds 10 a.txt": [("a.txt", Layout(Format.BONDS))],
    "fix 1 all reaxff/bonds/kk 10 a.gz": [("a.gz", Layout(Format.BONDS, packing=Packing.GZIP))],
    "fix 1 all reaxff/species 1 5 5 a.txt element C H position 10 b.txt": [
        ("a.txt", Layout(Format.SPECIES)),
        ("b.txt", Layout(Format.MOLECULES)),
    ],
    "fix 1 all reax/c/species 1 5 5 a.txt position 10 b.*.txt": [("a.txt", Layout(Format.SPECIES))],
    "fix 1 all print 10 'x' file a.txt": [("a.txt", Layout(Format.LINES, 10, 1, 1))],
    '''fix 1 all print 10 """x
y""" file a.txt title """a
b
c"""''': [("a.txt", Layout(Format.LINES, 10, 2, 3))],
    "print 'x' append a.txt": [("a.txt", Layout(Format.LINES))],
    "info all out append a.txt": [("a.txt", Layout(Format.LINES))],
    "write_dump all custom a.dump id modify append yes": [("a.dump", Layout(Format.LINES))],
    "log second.log": [("second.log", Layout(Format.LOG))],
}


@pytest.mark.parametrize("text", GROWING)
def test_growing_files(text: str) -> None:
    assert list(growing_files(words(text))) == [Opening(*opening) for opening in GROWING[text]]


@pytest.mark.parametrize(
    "text",
    [
        "dump 1 all atom 10 frame.*.dump",
        "dump 1 all image 10 a.*.png type type",
        "dump 1 all movie 10 a.mp4 type type",
        "dump 1 all custom 10 a.lz4 id",
        "dump 1 all grid 10 a.bin c_1:grid:data",
        "fix 1 all nve",
        "fix 1 all ave/time 1 1 10 c_t",
        "fix 1 all ave/time 1 1 10 c_t file a.dat ave running overwrite",
        "fix 1 all reaxff/bonds 10 a.*.txt",
        "fix 1 all print 10 'x'",
        "print 'file a.txt'",
        "info all",
        "log none",
        "write_data a.data",
        "run 10",
    ],
)
def test_nothing_grows(text: str) -> None:
    assert list(growing_files(words(text))) == []


@pytest.mark.parametrize(
    ("text", "kept", "once"),
    [
        ("print 'x' append a.txt", True, False),
        ("print 'append y' file a.txt", False, True),
        ("info all out append a.txt", True, False),
        ("info all out overwrite a.txt", False, True),
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


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("dump_modify 1 append yes", True),
        ("dump_modify 1 sort id append on", True),
        ("dump_modify 1 append no", False),
        ("dump_modify 1 sort id", False),
    ],
)
def test_appends(text: str, answer: bool) -> None:
    assert appends(words(text)) is answer


TOLD = {
    "dump 1 all custom 10 x.dump id": "dump 1 all custom 10 x.dump id",
    "dump zip all custom 10 x.gz id x": "dump zip all custom 10 x.gz.plain id x",
    "dump zip all atom/gz 10 'my x.gz'": 'dump zip all atom 10 "my x.gz.plain"',
    "dump 1 all custom/gz 10 x.*.gz id": "dump 1 all custom/gz 10 x.*.gz id",
    "dump_modify 1 sort id": "dump_modify 1 sort id",
    "dump_modify 1 flush no sort id": "dump_modify 1 sort id",
    "dump_modify 1 flush yes": "dump_modify 1 flush yes",
    "dump_modify 1 flush off": "",
    "dump_modify z compression_level 9": "",
    "dump_modify z compression_level 9 format line '%d %g'": 'dump_modify z format line "%d %g"',
    "dump_modify each compression_level 9": "dump_modify each compression_level 9",
    "fix 1 all reaxff/bonds 10 b.zst": "fix 1 all reaxff/bonds 10 b.zst.plain",
    "fix 1 all ave/time 1 1 10 c_t file a.gz": "fix 1 all ave/time 1 1 10 c_t file a.gz",
    "run 10": "run 10",
}


@pytest.mark.parametrize("text", TOLD)
def test_what_lammps_is_told(text: str) -> None:
    journal = Journal(deck="in.deck")
    for dump in ("dump z all custom/gz 10 a.gz id", "dump each all custom/gz 10 a.*.gz id"):
        journal.record(words(dump), dump, Place("in.deck", 1))
    assert told(text, words(text), journal) == TOLD[text]
