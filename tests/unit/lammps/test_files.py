"""Files: what a command reads and writes, by its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.files import begun_again, folders, reads, writes
from deckhand.lammps.script import words


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("include part.inc", ["part.inc"]),
        ("read_data sub/chains.data add append", ["sub/chains.data"]),
        ("read_restart old.restart", ["old.restart"]),
        ("read_dump old.dump 500 x y z", ["old.dump"]),
        ("jump SELF again", []),
        ("jump in.other again", ["in.other"]),
        ("variable f file names.txt", ["names.txt"]),
        ("variable f atomfile q.txt", ["q.txt"]),
        ("variable f index a.txt", []),
        ("molecule m co2.txt h2o.mol offset 1 0 0 0 0", ["co2.txt", "h2o.mol"]),
        ("pair_coeff * * Cu_u3.eam", ["Cu_u3.eam"]),
        ("pair_coeff * * eam/alloy pot/CuZr.eam.alloy Cu Zr", ["pot/CuZr.eam.alloy"]),
        ("pair_coeff 1 1 1.0 1.5e-3 2.5", []),
        ("pair_coeff 1 1 1.e5 -.5 lj/cut", []),
        ("bond_coeff 1 table.bonds ENTRY", ["table.bonds"]),
        ("kspace_modify file ewald.in", ["ewald.in"]),
        ("create_atoms 1 mesh wall.stl", ["wall.stl"]),
        ("fix 1 all nve", []),
        ("fix c all colvars peptide.colvars output out", ["peptide.colvars"]),
        ("fix c all cmap charmm.cmap", ["charmm.cmap"]),
        ("fix 1 all cmap", []),
        ("fix 1 all", []),
        ("kspace_modify file", []),
        ("include", []),
        ("variable f", []),
    ],
)
def test_reads(command: str, expected: list[str]) -> None:
    assert list(reads(words(command))) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("dump 1 all atom 10 out/melt.dump", ["out/melt.dump"]),
        ("write_data final.data", ["final.data"]),
        ("write_restart final.*.restart", ["final.*.restart"]),
        ("write_dump all atom x.dump", ["x.dump"]),
        ("log other.log", ["other.log"]),
        ("log none", []),
        ("restart 1000 a b", ["a", "b"]),
        ("restart 1000 keep.*", ["keep.*"]),
        ("restart 0", []),
        ("fix 1 all ave/time 1 5 10 c_t file t.dat", ["t.dat"]),
        ("fix 1 all print 10 'a file b' append notes.txt", ["notes.txt"]),
        ("print 'a file' file x.txt screen no", ["x.txt"]),
        ("print file append x.txt", ["x.txt"]),
        ("region2vmd box.vmd region all", ["box.vmd"]),
        ("dump 1 all", []),
    ],
)
def test_writes(command: str, expected: list[str]) -> None:
    assert list(writes(words(command))) == expected


def test_folders_that_have_to_be_there() -> None:
    assert list(folders(words("restart 10 a/one b/c/two"))) == ["a", "b/c"]
    assert list(folders(words("dump 1 all atom 10 melt.dump"))) == []


def test_a_long_word_takes_no_longer_than_its_length() -> None:
    assert list(reads(["pair_coeff", "*", "*", "a." * 50_000 + "!"])) == []


@given(
    st.sampled_from(["include", "variable", "molecule", "pair_coeff", "dump", "print", "fix"]),
    st.lists(st.sampled_from(["file", "append", "mesh", "SELF"]) | st.text(max_size=9)),
)
def test_only_words_of_the_command_are_files(name: str, rest: list[str]) -> None:
    command = [name, *rest]
    assert {*reads(command), *writes(command)} <= set(rest)
    assert all(any(word.startswith(folder) for word in rest) for folder in folders(command))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("fix c all colvars a.colvars output sub/two", ["sub/two.colvars.*"]),
        ("fix c all colvars a.colvars", ["out.colvars.*"]),
        ("fix 1 all nve", []),
        ("fix 1", []),
        ("output x", []),
    ],
)
def test_what_a_resumed_run_begins_again(command: str, expected: list[str]) -> None:
    assert list(begun_again(words(command))) == expected
