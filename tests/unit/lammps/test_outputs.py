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

from deckhand.lammps.outputs import Cut, Format, OutputBook
from deckhand.lammps.thermo import read_rows
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
dump atom all atom 50 atom.dump
dump custom all custom 50 custom.dump id x
dump_modify custom units yes time yes
dump local all local 50 local.dump index c_near
dump xyz all xyz 50 melt.xyz
fix scalar all ave/time 10 5 50 c_thermo_temp c_thermo_press file scalar.dat
fix vector all ave/time 10 5 50 c_rdf[*] mode vector file vector.dat
fix chunk all ave/chunk 10 5 50 bins vx file chunk.dat
fix histo all ave/histo 10 5 50 -2 2 4 vx mode vector file histo.dat
fix note all print 50 "at $(step)" file notes.txt screen no
fix verse all print 50 '''at $(step)
and "no" further''' file verse.txt title '''no
sign''' screen no
thermo 50
run 200
"""

STEPS = {
    "atom.dump": (Format.DUMP, rb"TIMESTEP\n(\d+)\n"),
    "custom.dump": (Format.DUMP, rb"TIMESTEP\n(\d+)\n"),
    "local.dump": (Format.DUMP, rb"TIMESTEP\n(\d+)\n"),
    "melt.xyz": (Format.XYZ, rb"Timestep: (\d+)"),
    "scalar.dat": (Format.ROWS, rb"(?m)^(\d+) "),
    "vector.dat": (Format.BLOCKS, rb"(?m)^(\d+) 5$"),
    "chunk.dat": (Format.BLOCKS, rb"(?m)^(\d+) 2 "),
    "histo.dat": (Format.BLOCKS, rb"(?m)^(\d+) 4 "),
    "notes.txt": (Format.LINES, rb"at (\d+)"),
    "verse.txt": (Format.LINES, rb"at (\d+)"),
    "log.lammps": (Format.LOG, rb"(?m)^ +(\d+)   \S+ +\S+ +\S+ +\S+ +\S+ *$"),
}
"""How the test itself finds the steps in a file that LAMMPS wrote."""

FROM_50 = {"scalar.dat", "vector.dat", "chunk.dat", "histo.dat"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (folder / "in.deck").write_text(DECK.replace("'''", '"""'))
    subprocess.run([LMP, "-in", "in.deck", "-screen", "none"], cwd=folder, check=True, timeout=60)
    return folder


def steps_in(name: str, text: bytes) -> list[int]:
    return [int(step) for step in re.findall(STEPS[name][1], text)]


def register(book: OutputBook, name: str) -> None:
    counted = {"notes.txt": (50, 1, 1), "verse.txt": (50, 2, 2)}
    book.register(name, STEPS[name][0], *counted.get(name, ()))


def in_first_run(root: Path, name: str, text: bytes) -> OutputBook:
    """A book whose file LAMMPS has written since a run began at step 0."""
    (root / name).unlink(missing_ok=True)
    book = OutputBook(root)
    register(book, name)
    book.run_starts(0)
    (root / name).write_bytes(text)
    return book


def end_of(cuts: list[Cut]) -> int:
    return cuts[-1].end if cuts else 0


@pytest.mark.parametrize("name", STEPS)
def test_real_files_are_cut_behind_the_records_up_to_a_step(
    written: Path, tmp_path: Path, name: str
) -> None:
    text = (written / name).read_bytes()
    first = 50 if name in FROM_50 else 0
    assert steps_in(name, text) == list(range(first, 201, 50))
    for step in (0, 49, 50, 99, 150, 200):
        book = in_first_run(tmp_path, name, text)
        end = end_of(book.cut(step))
        assert steps_in(name, text[:end]) == list(range(first, step + 1, 50))
        assert steps_in(name, text[end:]) == list(range(max(first, step // 50 * 50 + 50), 201, 50))


@pytest.mark.parametrize("name", STEPS)
def test_cuts_follow_each_other_without_a_gap(written: Path, tmp_path: Path, name: str) -> None:
    text = (written / name).read_bytes()
    book = in_first_run(tmp_path, name, text)
    joined = b""
    for step in (20, 50, 50, 130, 200):
        cuts = book.cut(step)
        book.committed(cuts)
        joined += b"".join(text[cut.begin : cut.end] for cut in cuts)
    last = book.cut_all()
    book.committed(last)
    assert joined + b"".join(text[cut.begin : cut.end] for cut in last) == text
    assert book.cut_all() == []


@pytest.mark.parametrize("name", [name for name in STEPS if STEPS[name][0] is not Format.DUMP])
def test_a_file_that_still_grows_is_cut_behind_a_whole_record(
    written: Path, tmp_path: Path, name: str
) -> None:
    text = (written / name).read_bytes()
    whole = {end_of(in_first_run(tmp_path, name, text).cut(step)) for step in range(0, 201, 50)}
    for size in range(0, len(text), 7):
        end = end_of(in_first_run(tmp_path, name, text[:size]).cut(200))
        # Where lines are counted, the title alone and the first line of two count as well.
        is_counted = STEPS[name][0] is Format.LINES and text[:end].endswith(b"\n")
        assert end in whole or end == 0 or is_counted


@pytest.mark.parametrize("form", Format)
def test_files_that_are_empty_or_missing_have_nothing_to_cut(form: Format, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for resumed in (None, 100):
        book = OutputBook(tmp_path, resumed, True, frozenset({"empty", "missing"}))
        for path in ("empty", "missing"):
            book.register(path, form, every=10)
        book.run_starts(100)
        assert book.cut(500) == []
        assert book.cut_all() == []


def test_the_rows_of_an_earlier_run_belong_to_every_cut(tmp_path: Path) -> None:
    """`reset_timestep` lets the steps begin again."""
    head = b"   Step          Temp     \n"
    first = head + b"         0   1.0\n       100   1.1\nLoop time of 1\n"
    second = head + b"         0   1.2\n        50   1.3\n       100   1.4\n"
    book = OutputBook(tmp_path)
    book.register("log.lammps", Format.LOG)
    book.run_starts(0)
    (tmp_path / "log.lammps").write_bytes(first)
    book.run_starts(0)
    (tmp_path / "log.lammps").write_bytes(first + second)
    cuts = book.cut(60)
    assert [row.step for row in read_rows((first + second)[: end_of(cuts)])] == [0, 100, 0, 50]
    book.committed(cuts)
    assert end_of(book.cut(100)) == len(first + second)


def test_a_second_title_in_the_middle_of_a_file_is_no_record(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    book = OutputBook(tmp_path)
    book.register("notes.txt", Format.LINES, 50)
    book.run_starts(0)
    notes.write_bytes(b"# title\nat 0\nat 50\n")
    book.register("notes.txt", Format.LINES, 10)
    book.run_starts(60)
    notes.write_bytes(b"# title\nat 0\nat 50\n# title\nat 60\nat 70\nat 80\n")
    assert notes.read_bytes()[: end_of(book.cut(75))].endswith(b"\nat 70\n")


@pytest.mark.parametrize(
    ("form", "every", "text", "kept"),
    [
        (Format.LOG, 0, b"LAMMPS\n", b"LAMMPS\n"),
        (Format.LINES, 10, b"# title\n", b""),
        (Format.LINES, 0, b"# a print of the deck\n", b"# a print of the deck\n"),
        (Format.ROWS, 0, b"# title\n# more\n", b""),
    ],
)
def test_between_runs_only_headers_are_repeated(
    tmp_path: Path, form: Format, every: int, text: bytes, kept: bytes
) -> None:
    book = OutputBook(tmp_path, 100, False, frozenset({"out"}))
    book.register("out", form, every)
    (tmp_path / "out").write_bytes(text)
    cuts = book.cut_all()
    assert b"".join(text[cut.begin : cut.end] for cut in cuts) == kept


def test_a_file_that_is_new_in_this_attempt_is_kept_whole(tmp_path: Path) -> None:
    book = OutputBook(tmp_path, 100, True, frozenset({"other.dat"}))
    book.register("new.dat", Format.ROWS)
    book.run_starts(100)
    (tmp_path / "new.dat").write_bytes(b"# title\n110 1\n")
    assert end_of(book.cut(110)) == 14


@dataclass(frozen=True)
class Style:
    """How LAMMPS writes one kind of file; *again* is whether a resumed run writes step X twice."""

    form: Format
    header: bytes
    record: Callable[[int], bytes]
    again: bool
    at_any_step: bool = False
    end: bytes = b""


STYLES = {
    "log": Style(
        Format.LOG,
        b"Setting up Verlet run ...\n   Step          Temp          Press\n",
        lambda step: b"%10d   1.5   -0.5\n" % step,
        again=True,
        at_any_step=True,
        end=b"Loop time of 0.1 on 1 procs\n 1 2 3\n",
    ),
    "multi": Style(
        Format.LOG,
        b"Setting up Verlet run ...\n",
        lambda step: (
            b"------------ Step %14d ----- CPU = 0 (sec) ----\nTotEng = 1.0 Temp = 2\n" % step
        ),
        again=True,
        at_any_step=True,
        end=b"Loop time of 0.1 on 1 procs\n",
    ),
    "dump": Style(
        Format.DUMP,
        b"ITEM: UNITS\nlj\n",
        lambda step: (
            b"ITEM: TIME\n0.%d\nITEM: TIMESTEP\n%d\nITEM: NUMBER OF ATOMS\n1\n1 2 3\n"
            % (step, step)
        ),
        again=False,
    ),
    "xyz": Style(
        Format.XYZ, b"", lambda step: b"2\n Atoms. Timestep: %d\n1 2 3\n1 4 5\n" % step, again=False
    ),
    "rows": Style(Format.ROWS, b"# title\n# Step T\n", lambda step: b"%d 1.5\n" % step, again=True),
    "blocks": Style(
        Format.BLOCKS,
        b"# title\n# Chunk v\n",
        lambda step: b"%d 2 32\n  1 0.5\n  2 0.7\n" % step,
        again=True,
    ),
    "lines": Style(Format.LINES, b"no sign\n", lambda step: b"at %d\nit is\n" % step, again=True),
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
    body = b"".join(style.record(step) for step in sorted(steps))
    if style.form is Format.DUMP and not steps:
        return b""
    return style.header + body + (style.end if last == end else b"")


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
            book.register("out", style.form, every if style.form is Format.LINES else 0, 2, 1)
            book.run_starts(begin)
            for step in [look for look in sorted(looks) if begin < look < stop] + [stop]:
                # LAMMPS may have gone on to anywhere between this step and its last.
                seen = output_of(style, every, begin, min(step + overrun, last), end)
                file.write_bytes(seen)
                cuts = book.cut(step)
                book.committed(cuts)
                joined += b"".join(seen[cut.begin : cut.end] for cut in cuts)
            if stop == end:
                text = output_of(style, every, begin, last, end)
                file.write_bytes(text)
                joined += b"".join(text[cut.begin : cut.end] for cut in book.cut_all())
            begin = stop
    assert joined == output_of(style, every, 0, end, end)
