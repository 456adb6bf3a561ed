"""Outputs: cut at any step, joined over any number of attempts, each record is there once."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deckhand.lammps.course import Course, Printed, shapes
from deckhand.lammps.formats import UNFLUSHED, Format, Layout, Packing
from deckhand.lammps.outputs import Cut, OutputBook
from deckhand.lammps.records.binary import HEAD_SIZE
from deckhand.lammps.thermo import read_rows
from deckhand.lammps.trajectory import frames
from tests.engine import LMP

DECK = """\
units lj
lattice fcc 0.8442
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style lj/cut 2.0
pair_coeff 1 1 1.0 1.0
velocity all create 1.0 4928459
fix move all nve
compute rdf all rdf 5
compute bins all chunk/atom bin/1d x lower 0.5 units reduced
compute near all pair/local dist
compute cell all property/grid 2 2 2 id ix
dump atom all atom 50 atom.dump
dump custom all custom 50 custom.dump id x
dump_modify custom units yes time yes
dump local all local 50 local.dump index c_near
dump grid all grid 50 grid.dump c_cell:grid:data[1]
dump yaml all yaml 50 dump.yaml id x
dump_modify yaml units yes time yes thermo yes
dump xyz all xyz 50 melt.xyz
dump extxyz all extxyz 50 ext.xyz
dump_modify extxyz element Ar
dump dcd all dcd 50 melt.dcd
dump xtc all xtc 50 melt.xtc
dump bin all custom 50 custom.bin id x
dump_modify bin units yes time yes
dump general all atom 50 atom.bin
fix scalar all ave/time 10 5 50 c_thermo_temp c_thermo_press file scalar.dat
fix vector all ave/time 10 5 50 c_rdf[*] mode vector file vector.dat
fix keyed all ave/time 10 5 50 c_thermo_temp c_thermo_press file scalar.yaml
fix lists all ave/time 10 5 50 c_rdf[*] mode vector file vector.yml
fix chunk all ave/chunk 10 5 50 bins vx file chunk.dat
fix histo all ave/histo 10 5 50 -2 2 4 vx mode vector file histo.dat
fix corr all ave/correlate 10 3 50 c_thermo_temp file corr.dat
fix long all ave/correlate/long 10 50 c_thermo_temp file long.dat
fix note all print 50 "at $(step)" file notes.txt screen no
fix verse all print 50 '''at $(step)
and "no" further''' file verse.txt title '''no
sign''' screen no
thermo 50
run 200
"""

SPECIES = """\
#  Timestep    No_Moles    No_Specs    C6H6O6N6
          0          16           1          16
#  Timestep    No_Moles    No_Specs    C6H6O6N6          H2
         50          15           2          14           1
#  Timestep    No_Moles    No_Specs    C6H6O6N6
        100          16           1          16
#  Timestep    No_Moles    No_Specs    C6H6O6N6
        150          16           1          16
#  Timestep    No_Moles    No_Specs    C6H6O6N6
        200          16           1          16
"""
BONDS = "".join(
    f"# Timestep {step}\n#\n# Number of particles 2\n#\n# id type nb id_1...id_nb\n"
    " 1 2 1 2 0         0.774\n 2 3 1 1 0         1.424\n# \n"
    for step in range(0, 201, 50)
)
MOLECULES = "".join(
    f"Timestep {step} NMole 1  NSpec 1  xlo 0.0\nID\tAtom_Count\n1\t1\t0.1\n#\n"
    for step in range(0, 201, 50)
)

CHARGES = "".join(
    f"Charge equilibration on step {step}\n  iteration: 0, enegtot -23.259\n"
    "Charges converged in 1 iterations to 0.0029 tolerance\n"
    for step in range(0, 201, 50)
)


@dataclass(frozen=True)
class Sort:
    """A kind of file, and how the test itself finds the steps in it."""

    layout: Layout
    steps: Callable[[bytes], list[int]]
    first: int = 0


def matching(pattern: bytes) -> Callable[[bytes], list[int]]:
    return lambda text: [int(step) for step in re.findall(pattern, text)]


def of_frames(text: bytes) -> list[int]:
    return [frame.step for frame in frames(text)]


def of_dcd(text: bytes) -> list[int]:
    """The frames have no step: they are told by their number. 464 bytes hold 32 atoms."""
    count, rest = divmod(len(text), 464)
    assert rest == 0
    return list(range(0, 50 * count, 50))


FILES = {
    "atom.dump": Sort(Layout(Format.DUMP), matching(rb"TIMESTEP\n(\d+)\n")),
    "custom.dump": Sort(Layout(Format.DUMP), matching(rb"TIMESTEP\n(\d+)\n")),
    "local.dump": Sort(Layout(Format.DUMP), matching(rb"TIMESTEP\n(\d+)\n")),
    "grid.dump": Sort(Layout(Format.DUMP), matching(rb"TIMESTEP\n(\d+)\n")),
    "dump.yaml": Sort(Layout(Format.YAML), matching(rb"\ntimestep: (\d+)\n")),
    "melt.xyz": Sort(Layout(Format.XYZ), matching(rb"Timestep: (\d+)")),
    "ext.xyz": Sort(Layout(Format.XYZ), matching(rb"Timestep=(\d+)")),
    "melt.dcd": Sort(Layout(Format.DCD), of_dcd),
    "melt.xtc": Sort(Layout(Format.XTC), of_frames),
    "custom.bin": Sort(Layout(Format.BINARY), of_frames),
    "atom.bin": Sort(Layout(Format.BINARY), of_frames),
    "scalar.dat": Sort(Layout(Format.ROWS), matching(rb"(?m)^(\d+) "), 50),
    "vector.dat": Sort(Layout(Format.BLOCKS), matching(rb"(?m)^(\d+) 5$"), 50),
    "scalar.yaml": Sort(Layout(Format.KEYED), matching(rb"(?m)^  - \[(\d+),"), 50),
    "vector.yml": Sort(Layout(Format.KEYED), matching(rb"(?m)^  (\d+):$"), 50),
    "chunk.dat": Sort(Layout(Format.BLOCKS), matching(rb"(?m)^(\d+) 2 "), 50),
    "histo.dat": Sort(Layout(Format.BLOCKS), matching(rb"(?m)^(\d+) 4 "), 50),
    "corr.dat": Sort(Layout(Format.BLOCKS), matching(rb"(?m)^(\d+) 3$")),
    "long.dat": Sort(Layout(Format.CORRELATION), matching(rb"Timestep: (\d+)")),
    "species.out": Sort(Layout(Format.SPECIES), matching(rb"(?m)^ +(\d+) ")),
    "bonds.out": Sort(Layout(Format.BONDS), matching(rb"Timestep (\d+)")),
    "molecules.out": Sort(Layout(Format.MOLECULES), matching(rb"Timestep (\d+)")),
    "charges.out": Sort(Layout(Format.CHARGES), matching(rb"on step (\d+)")),
    "notes.txt": Sort(Layout(Format.LINES, 50), matching(rb"at (\d+)")),
    "verse.txt": Sort(Layout(Format.LINES, 50, 2, 2), matching(rb"at (\d+)")),
    "log.lammps": Sort(Layout(Format.LOG), matching(rb"(?m)^ +(\d+)   \S+ +\S+ +\S+ +\S+ +\S+ *$")),
}
"""Files that LAMMPS has written, but for those of ReaxFF and COMB, whose runs take long."""

COURSE = Course(first=0, last=200, rows=50)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (folder / "in.deck").write_text(DECK.replace("'''", '"""'))
    subprocess.run([LMP, "-in", "in.deck", "-screen", "none"], cwd=folder, check=True, timeout=60)
    reactive = {"species": SPECIES, "bonds": BONDS, "molecules": MOLECULES, "charges": CHARGES}
    for name, text in reactive.items():
        (folder / f"{name}.out").write_text(text)
    return folder


def in_first_run(root: Path, name: str, text: bytes) -> OutputBook:
    """A book whose file LAMMPS has written since a run began at step 0."""
    (root / name).unlink(missing_ok=True)
    book = OutputBook(root)
    book.register(name, FILES[name].layout)
    book.run_starts(COURSE)
    (root / name).write_bytes(text)
    return book


def end_of(cuts: list[Cut]) -> int:
    return cuts[-1].end if cuts else 0


def body(cuts: list[Cut], root: Path) -> bytes:
    return b"".join(chunk for cut in cuts for chunk in cut.chunks(root, 1000))


@pytest.mark.parametrize("name", FILES)
def test_real_files_are_cut_behind_the_records_up_to_a_step(
    written: Path, tmp_path: Path, name: str
) -> None:
    text, sort = (written / name).read_bytes(), FILES[name]
    head = HEAD_SIZE if sort.layout.format is Format.DCD else 0
    assert sort.steps(text[head:]) == list(range(sort.first, 201, 50))
    # The frame of a checkpoint's own step is left to the attempt that resumes there.
    later = sort.layout.format in UNFLUSHED
    for step in (0, 49, 50, 99, 150, 200):
        book = in_first_run(tmp_path, name, text)
        end = max(head, end_of(book.cut(step)))
        last = step - later
        assert sort.steps(text[head:end]) == list(range(sort.first, last + 1, 50))
        assert len(sort.steps(text[end:])) == len(range(max(sort.first, 0), 201, 50)) - len(
            range(sort.first, last + 1, 50)
        )


@pytest.mark.parametrize("name", FILES)
def test_cuts_follow_each_other_without_a_gap(written: Path, tmp_path: Path, name: str) -> None:
    text = (written / name).read_bytes()
    book = in_first_run(tmp_path, name, text)
    joined, head = b"", b""
    for step in (20, 50, 50, 130, 200, None):
        cuts = book.cut_all() if step is None else book.cut(step)
        joined += body(cuts, tmp_path)
        head = next((cut.head for cut in reversed(cuts) if cut.head), head)
        book.committed(cuts)
    assert head + joined == text
    assert book.cut_all() == []


GROWING = [
    name
    for name, sort in FILES.items()
    if sort.layout.format
    not in (Format.DUMP, Format.YAML, Format.BONDS, Format.MOLECULES, Format.CORRELATION)
    and name != "vector.yml"
]
"""The others are flushed record by record."""


@pytest.mark.parametrize("name", GROWING)
def test_a_file_that_still_grows_is_cut_behind_a_whole_record(
    written: Path, tmp_path: Path, name: str
) -> None:
    text = (written / name).read_bytes()
    whole = {end_of(in_first_run(tmp_path, name, text).cut(step)) for step in range(0, 251, 50)}
    for size in range(0, len(text), max(7, len(text) // 300)):
        end = end_of(in_first_run(tmp_path, name, text[:size]).cut(250))
        assert end in whole or end <= HEAD_SIZE


@pytest.mark.parametrize("form", Format)
def test_files_that_are_empty_or_missing_have_nothing_to_cut(form: Format, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for resumed in (None, 100):
        book = OutputBook(tmp_path, resumed, True, frozenset({"empty", "missing"}))
        for path in ("empty", "missing"):
            book.register(path, Layout(form, every=10))
        book.run_starts(Course(100, 1000))
        assert all(cut.begin == cut.end for cut in book.cut(500))
        assert all(cut.begin == cut.end for cut in book.cut_all())


def test_a_file_that_stays_empty_is_among_the_results_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    book = OutputBook(tmp_path)
    book.dump_opens("empty", Layout(Format.DUMP))
    book.run_starts(COURSE)
    cuts = book.cut(100)
    assert [cut.path for cut in cuts] == ["empty"]
    book.committed(cuts)
    assert book.cut_all() == []


def test_the_rows_of_an_earlier_run_belong_to_every_cut(tmp_path: Path) -> None:
    """`reset_timestep` lets the steps begin again."""
    head = b"   Step          Temp     \n"
    first = head + b"         0   1.0\n       100   1.1\nLoop time of 1\n"
    second = head + b"         0   1.2\n        50   1.3\n       100   1.4\n"
    book = OutputBook(tmp_path)
    book.register("log.lammps", Layout(Format.LOG))
    book.run_starts(Course(0, 100, rows=50))
    (tmp_path / "log.lammps").write_bytes(first)
    book.run_starts(Course(0, 100, rows=50))
    (tmp_path / "log.lammps").write_bytes(first + second)
    cuts = book.cut(60)
    assert [row.step for row in read_rows((first + second)[: end_of(cuts)])] == [0, 100, 0, 50]
    book.committed(cuts)
    assert end_of(book.cut(100)) == len(first + second)


def test_a_second_title_in_the_middle_of_a_file_is_no_record(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    book = OutputBook(tmp_path)
    book.opens("notes.txt", Layout(Format.LINES, 50), empties=True)
    book.run_starts(Course(0, 60))
    notes.write_bytes(b"# title\nat 0\nat 50\n")
    book.opens("notes.txt", Layout(Format.LINES, 10), empties=False)
    book.run_starts(Course(60, 200))
    notes.write_bytes(b"# title\nat 0\nat 50\n# title\nat 60\nat 70\nat 80\n")
    assert notes.read_bytes()[: end_of(book.cut(75))].endswith(b"\nat 70\n")


@pytest.mark.parametrize(
    ("layout", "text", "kept"),
    [
        (Layout(Format.LOG), b"LAMMPS\n", b"LAMMPS\n"),
        (Layout(Format.LINES, 10), b"# title\n", b""),
        (Layout(Format.LINES), b"# a print of the deck\n", b"# a print of the deck\n"),
        (Layout(Format.ROWS), b"# title\n# more\n", b""),
        (Layout(Format.KEYED), b"---\nkeywords: ['Step', ]\ndata:\n", b""),
    ],
)
def test_between_runs_only_headers_are_repeated(
    tmp_path: Path, layout: Layout, text: bytes, kept: bytes
) -> None:
    book = OutputBook(tmp_path, 100, False, frozenset({"out"}))
    book.register("out", layout)
    (tmp_path / "out").write_bytes(text)
    assert body(book.cut_all(), tmp_path) == kept


def test_a_file_that_is_new_in_this_attempt_is_kept_whole(tmp_path: Path) -> None:
    book = OutputBook(tmp_path, 100, True, frozenset({"other.dat"}))
    book.register("new.dat", Layout(Format.ROWS))
    book.run_starts(Course(100, 200))
    (tmp_path / "new.dat").write_bytes(b"# title\n110 1\n")
    assert end_of(book.cut(110)) == 14


@pytest.mark.parametrize(("unasked", "kept"), [(False, b"at 100\nat 110\n"), (True, b"at 110\n")])
def test_a_setup_that_the_deck_did_not_ask_for_prints_nothing(
    tmp_path: Path, unasked: bool, kept: bytes
) -> None:
    """An attempt that resumes in front of a run with `pre no` has to set it up."""
    book = OutputBook(tmp_path, 100, False, frozenset({"notes.txt"}))
    book.register("notes.txt", Layout(Format.LINES, 10))
    book.run_starts(Course(100, 200, set_up=True, unasked=unasked))
    (tmp_path / "notes.txt").write_bytes(b"# title\nat 100\nat 110\nat 120\n")
    assert body(book.cut(115), tmp_path) == kept


def test_a_run_without_a_setup_prints_nothing_at_its_first_step(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    book = OutputBook(tmp_path)
    book.opens("notes.txt", Layout(Format.LINES, 10), empties=True)
    book.run_starts(Course(0, 20))
    notes.write_bytes(b"# title\nat 0\nat 10\nat 20\n")
    book.run_starts(Course(20, 60, set_up=False))
    notes.write_bytes(b"# title\nat 0\nat 10\nat 20\nat 30\nat 40\nat 50\n")
    assert body(book.cut(40), tmp_path).endswith(b"at 40\n")


BARE = b"""\
at 0 it is 7
Per MPI rank memory allocation (min/avg/max) = 3 | 3 | 3 Mbytes
     Temp          PotEng
 1.2           -6.77
1.1 2.2
at 60 it is 7
1.1 2.3
 0.8           -5.9
at 120 it is 7
1.1 2.4
"""
BARE_COURSE = Course(
    first=0,
    last=300,
    rows=100,
    printed=(
        Printed(60, shapes("at $(step) it is ${x}")),
        Printed(40, shapes("$(temp) $(press)")),
    ),
)


def bare_log(root: Path, text: bytes) -> OutputBook:
    book = OutputBook(root)
    book.register("log.lammps", Layout(Format.LOG))
    book.run_starts(BARE_COURSE)
    (root / "log.lammps").write_bytes(text)
    return book


@pytest.mark.parametrize(
    ("step", "last"),
    [
        (10, b" 1.2           -6.77\n"),
        (40, b"1.1 2.2\n"),
        (99, b"1.1 2.3\n"),
        (100, b" 0.8           -5.9\n"),
        (119, b" 0.8           -5.9\n"),
        (130, b"1.1 2.4\n"),
    ],
)
def test_lines_of_a_log_that_name_no_step_are_counted(
    tmp_path: Path, step: int, last: bytes
) -> None:
    """Also where a printed line looks like a row; LAMMPS prints one at its setup, too."""
    text = BARE.replace(b"at 0 it is 7\n", b"at 0 it is 7\n5.0 6.0\n")
    cuts = bare_log(tmp_path, text).cut(step)
    assert body(cuts, tmp_path).endswith(b"\n" + last)


def test_what_a_pause_adds_to_a_log_is_left_out(tmp_path: Path) -> None:
    text = BARE.replace(b"at 0 it is 7\n", b"at 0 it is 7\n5.0 6.0\n")
    book = bare_log(tmp_path, text)
    added = b"Loop time of 0.1 on 1 procs\n\n     Temp          PotEng\n 0.9           -5.5\n"
    book.paused()
    (tmp_path / "log.lammps").write_bytes(text + added[:40])
    assert body(book.cut(120), tmp_path) == text
    book.committed(book.cut(120))
    (tmp_path / "log.lammps").write_bytes(text + added)
    assert body(book.cut(130), tmp_path) == b""
    more = b"1.1 2.5\nat 180 it is 7\n1.1 2.6\n 0.7           -5.7\n"
    (tmp_path / "log.lammps").write_bytes(text + added + more)
    assert body(book.cut(200), tmp_path) == more


XTC_ATOMS = 5


def xtc_frame(step: int) -> bytes:
    """So few atoms are not compressed."""
    numbers = (1995, XTC_ATOMS, step, 0, *([0] * 9), XTC_ATOMS, *([0] * 3 * XTC_ATOMS))
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def test_a_checkpoint_waits_for_the_frames_that_lammps_keeps_back(tmp_path: Path) -> None:
    book = OutputBook(tmp_path)
    book.dump_opens("melt.xtc", Layout(Format.XTC))
    book.run_starts(Course(0, 300, frames={"melt.xtc": 100}))
    file = tmp_path / "melt.xtc"
    trajectory = b"".join(xtc_frame(step) for step in (0, 100, 200))
    held = {}
    for size in (0, 100, 200, 300, len(trajectory)):
        file.write_bytes(trajectory[:size])
        held[size] = [step for step in (50, 100, 150, 200, 250, 300) if book.holds(step)]
    assert len(xtc_frame(0)) == 116
    assert held == {
        0: [],
        100: [],
        200: [50, 100],
        300: [50, 100, 150, 200],
        len(trajectory): [50, 100, 150, 200, 250, 300],
    }


def test_a_trajectory_that_nothing_writes_any_more_holds_nothing_back(tmp_path: Path) -> None:
    book = OutputBook(tmp_path)
    book.dump_opens("melt.xtc", Layout(Format.XTC))
    book.run_starts(Course(0, 300))
    assert book.holds(200)


def test_a_file_that_the_deck_removes_is_gone_and_may_come_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    book = OutputBook(tmp_path)
    book.opens("notes.txt", Layout(Format.LINES), empties=True)
    notes.write_bytes(b"one\n")
    book.committed(book.cut_all())
    notes.unlink()
    book.removes("notes.txt")
    book.opens("notes.txt", Layout(Format.LINES), empties=False)
    notes.write_bytes(b"two\n")
    gone, anew = book.cut_all()
    assert (gone.path, gone.gone) == ("notes.txt", True)
    assert (anew.begin, anew.end, anew.anew, anew.base > 4) == (0, 4, True, True)
    book.committed([gone, anew])
    assert book.cut_all() == []


def test_the_head_of_a_dcd_file_counts_the_frames_of_all_attempts(
    written: Path, tmp_path: Path
) -> None:
    text = (written / "melt.dcd").read_bytes()
    first = in_first_run(tmp_path, "melt.dcd", text)
    cuts = first.cut(120)
    parts, head = body(cuts, tmp_path), cuts[-1].head
    # The other attempt has a file of its own, which begins behind the checkpoint.
    frame = (len(text) - HEAD_SIZE) // 5
    local = bytearray(text[:HEAD_SIZE])
    local[8:12] = (2).to_bytes(4, "little")
    local[12:16] = (150).to_bytes(4, "little")
    (tmp_path / "melt.dcd").write_bytes(bytes(local) + text[HEAD_SIZE + 3 * frame :])
    book = OutputBook(tmp_path, 120, True, frozenset({"melt.dcd"}), heads={"melt.dcd": head})
    book.register("melt.dcd", Layout(Format.DCD))
    book.run_starts(Course(120, 200))
    cuts = book.cut_all()
    assert cuts[-1].head + parts + body(cuts, tmp_path) == text


def test_a_compressed_file_is_written_plainly(tmp_path: Path) -> None:
    book = OutputBook(tmp_path)
    book.dump_opens("x.gz", Layout(Format.XYZ, packing=Packing.GZIP), "x.gz.plain")
    book.run_starts(COURSE)
    (tmp_path / "x.gz.plain").write_bytes(b"1\n Atoms. Timestep: 0\n1 0 0 0\n")
    (cut,) = book.cut(10)
    assert (cut.path, cut.source, cut.packing) == ("x.gz", "x.gz.plain", Packing.GZIP)
    assert book.paths == {"x.gz", "x.gz.plain"}


@dataclass(frozen=True)
class Style:
    """How LAMMPS writes one kind of file; *again* is whether a resumed run writes step X twice."""

    layout: Layout
    header: bytes
    record: Callable[[int], bytes]
    again: bool
    at_any_step: bool = False
    end: bytes = b""
    late: bytes = b""


STYLES = {
    "log": Style(
        Layout(Format.LOG),
        b"Setting up Verlet run ...\n   Step          Temp          Press\n",
        lambda step: b"%10d   1.5   -0.5\n" % step,
        again=True,
        at_any_step=True,
        end=b"Loop time of 0.1 on 1 procs\n 1 2 3\n",
    ),
    "bare log": Style(
        Layout(Format.LOG),
        b"Per MPI rank memory allocation (min/avg/max) = 3\n   Temp          Press\n",
        lambda _: b"   1.5   -0.5\n",
        again=True,
        at_any_step=True,
        end=b"Loop time of 0.1 on 1 procs\n 1 2 3\n",
    ),
    "multi": Style(
        Layout(Format.LOG),
        b"Setting up Verlet run ...\n",
        lambda step: (
            b"------------ Step %14d ----- CPU = 0 (sec) ----\n"
            b"TotEng   =        -4.5622 Temp     =         1.0000\n" % step
        ),
        again=True,
        at_any_step=True,
        end=b"Loop time of 0.1 on 1 procs\n",
    ),
    "dump": Style(
        Layout(Format.DUMP),
        b"ITEM: UNITS\nlj\n",
        lambda step: (
            b"ITEM: TIME\n0.%d\nITEM: TIMESTEP\n%d\nITEM: NUMBER OF ATOMS\n1\n1 2 3\n"
            % (step, step)
        ),
        again=False,
    ),
    "yaml": Style(
        Layout(Format.YAML),
        b"",
        lambda step: b"---\ncreator: LAMMPS\ntimestep: %d\nnatoms: 1\ndata:\n  - [ 1, ]\n" % step,
        again=False,
        late=b"...\n",
    ),
    "xyz": Style(
        Layout(Format.XYZ),
        b"",
        lambda step: b"2\n Atoms. Timestep: %d\n1 2 3\n1 4 5\n" % step,
        again=False,
    ),
    "xtc": Style(Layout(Format.XTC), b"", xtc_frame, again=True),
    "charges": Style(
        Layout(Format.CHARGES),
        b"",
        lambda step: b"Charge equilibration on step %d\nCharges converged\n" % step,
        again=True,
    ),
    "rows": Style(
        Layout(Format.ROWS), b"# title\n# Step T\n", lambda step: b"%d 1.5\n" % step, again=True
    ),
    "blocks": Style(
        Layout(Format.BLOCKS),
        b"# title\n# Chunk v\n",
        lambda step: b"%d 2 32\n  1 0.5\n  2 0.7\n" % step,
        again=True,
    ),
    "keyed": Style(
        Layout(Format.KEYED),
        b"# title\n---\nkeywords: ['Step', 'a', ]\ndata:\n",
        lambda step: b"  %d:\n  - [1, 0.5, ]\n  - [2, 0.7, ]\n" % step,
        again=True,
    ),
    "species": Style(
        Layout(Format.SPECIES),
        b"",
        lambda step: b"#  Timestep    No_Moles\n   %d   1\n" % step,
        again=True,
    ),
    "lines": Style(
        Layout(Format.LINES, 1, 2), b"no sign\n", lambda step: b"at %d\nit is\n" % step, again=True
    ),
}


def output_of(style: Style, every: int, first: int, last: int, end: int) -> bytes:
    """What a process writes from *first* (resumed there if not 0) to *last*; the run ends at *end*.

    A thermo row comes at the first step of a process and at the end of the run as well.
    """
    steps = {step for step in range(first, last + 1) if step % every == 0}
    if first and not style.again:
        steps.discard(first)
    if style.at_any_step:
        steps |= {first} | ({end} if last == end else set())
    body = style.late.join(style.record(step) for step in sorted(steps))
    if style.layout.format is Format.DUMP and not steps:
        return b""
    closed = last == end
    return style.header + body + (style.late if closed and steps else b"") + style.end * closed


def layout_of(style: Style, every: int) -> Layout:
    layout = style.layout
    return layout._replace(every=every) if layout.format is Format.LINES else layout


@pytest.mark.parametrize("name", STYLES)
@settings(max_examples=40)
@given(
    every=st.integers(1, 12),
    end=st.integers(1, 60),
    checkpoints=st.lists(st.integers(1, 59), max_size=5),
    lost=st.lists(st.integers(0, 30), min_size=5, max_size=5),
    looks=st.sets(st.integers(1, 60), max_size=4),
)
def test_over_all_attempts_each_record_is_there_once(
    name: str, every: int, end: int, checkpoints: list[int], lost: list[int], looks: set[int]
) -> None:
    """Attempts end *lost* steps behind their last checkpoint; *looks* are checkpoints before it."""
    style = STYLES[name]
    joined, begin = b"", 0
    stops = [step for step in sorted(set(checkpoints)) if step < end]
    with TemporaryDirectory() as folder:
        for stop, overrun in zip([*stops, end], [*lost[: len(stops)], 0], strict=True):
            last = min(stop + overrun, end)
            file = Path(folder, "out")
            file.unlink(missing_ok=True)
            parents = frozenset({"out"} if joined else ())
            book = OutputBook(Path(folder), begin or None, begin > 0, parents)
            book.register("out", layout_of(style, every))
            book.run_starts(Course(begin, end, rows=every))
            for step in [look for look in sorted(looks) if begin < look < stop] + [stop]:
                # LAMMPS may have gone on to anywhere between this step and its last.
                seen = output_of(style, every, begin, min(step + overrun, last), end)
                file.write_bytes(seen)
                cuts = book.cut(step)
                joined += body(cuts, Path(folder))
                book.committed(cuts)
            if stop == end:
                file.write_bytes(output_of(style, every, begin, last, end))
                joined += body(book.cut_all(), Path(folder))
            begin = stop
    assert joined == output_of(style, every, 0, end, end)
