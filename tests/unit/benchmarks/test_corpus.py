"""The pure parts of the corpus: how a deck is cut, how far it came, what its records come to."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from benchmarks.corpus.bench import fitting
from benchmarks.corpus.bounded import run_bounded
from benchmarks.corpus.decks import Corpus
from benchmarks.corpus.fidelity import compare
from benchmarks.corpus.plain import Progress, first_error
from benchmarks.corpus.record import Check, Fidelity, Phase, Plain, Reason, Record, Resume, Shelf
from benchmarks.corpus.stretch import reached, stretch
from benchmarks.corpus.table import Versions, page
from benchmarks.corpus.verdict import Figures, Verdict, verdict
from deckhand.domain.run import Contract

LOG = "LAMMPS (22 Jul 2025)\n   Step          Temp           CPU      \n"
SCREEN = b"""\
   Step          Temp
         0   1.0
        40   0.9
Loop time of 0.1 on 1 procs for 40 steps with 256 atoms

Minimization stats:
   Step          Temp
        40   0.9
       140   1.1
Loop time of 0.2 on 1 procs for 100 steps with 256 atoms
   Step          Temp
       140   1.1
       160   1.2
"""


def record(**changes: object) -> Record:
    known: dict[str, object] = {
        "deck": "examples/melt/in.melt",
        "check": Check(contract=Contract.EXACT, ok=True),
        "plain": Plain(runs=True, seconds=5.0, steps=1000, atoms=4000),
        "fidelity": Fidelity(identical=True, rows=5),
        "resume": Resume(played=True, interruptions=2, control_deviation=0.0),
    }
    return Record.model_validate({**known, **changes})


REFUSED = Check(
    contract=Contract.REFUSED,
    ok=False,
    reasons=(Reason(message="fix x keeps no state", file="in.melt", line=3),),
)


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("run 1000", "run 250"),
        ("  run\t1001 # of 2000 steps", "  run\t251 # of 2000 steps"),
        ("run 100 start 0 stop 4000 every 8 NULL", "run 25 start 0 stop 1000 every 2 NULL"),
        ("run 4000 upto", "run 1000 upto"),
        ('run 400 every 40 "print 4"', 'run 100 every 10 "print 4"'),
        ('if "$a > 100" then "run 100" else "run 0"', 'if "$a > 100" then "run 25" else "run 0"'),
        ("run ${n} every $m", "run $(ceil(v_n*0.25)*1:%.0f) every $(ceil(v_m*0.25)*1:%.0f)"),
        ("thermo 100", "thermo 25"),
        ("thermo 0", "thermo 0"),
        ("thermo_style one", "thermo_style one"),
        ("fix 1 all ave/time 10 10 100 c_t", "fix 1 all ave/time 10 10 100 c_t"),
        ("# run 1000", "# run 1000"),
    ],
)
def test_a_cut_shortens_every_run_and_nothing_else(line: str, cut: str) -> None:
    assert stretch(f"units lj\n{line}\n", 0.25) == f"units lj\n{cut}\n"


def test_rows_that_may_show_an_average_come_when_it_does() -> None:
    deck = "variable d equal 5*100\nfix 1 all ave/time 10 10 100 c_t\nthermo $d\nrun 9000\nrun 40\n"
    assert stretch(deck, 0.25) == deck.replace("9000", "2500").replace("40", "10")


def test_a_deck_made_longer_keeps_its_rows() -> None:
    assert stretch("thermo 10\nrun 10\n", 40.0) == "thermo 10\nrun 400\n"


def test_a_cut_reaches_the_scripts_that_a_deck_includes(tmp_path: Path) -> None:
    (tmp_path / "in.a").write_text("include b.inc\ninclude gone.inc\njump in.a top\n")
    (tmp_path / "b.inc").write_text("run 10\n")
    assert [path.name for path in reached(tmp_path, "in.a")] == ["in.a", "b.inc"]


def test_progress_counts_what_is_done_and_what_is_going_on() -> None:
    assert Progress.read(SCREEN) == Progress(steps=160, dynamics=100, atoms=256)


def test_there_is_no_progress_before_the_first_row() -> None:
    assert Progress.read(b"LAMMPS (22 Jul 2025)\n") == Progress(steps=0, dynamics=0, atoms=0)


@pytest.mark.parametrize(
    ("screen", "told"),
    [
        (b"Reading\nERROR: Unknown command: x (src/a.cpp:1)\nLast", "ERROR: Unknown command: x"),
        (b"Reading\nERROR on proc 0: no file\n", "ERROR on proc 0: no file"),
        (b"the last line\n", "the last line"),
        (b"", "exit code 3"),
    ],
)
def test_an_error_is_told_in_the_words_of_lammps(screen: bytes, told: str) -> None:
    assert first_error(screen, 3).startswith(told)


@pytest.mark.parametrize(
    ("seconds", "factor", "fits"),
    [(60.0, 1.0, 0.33), (20.0, 1.0, 1.0), (8.0, 0.1, 0.1), (0.4, 1.0, 6.0), (0.0, 0.5, 6.0)],
)
def test_a_rehearsal_is_neither_over_in_a_moment_nor_endless(
    seconds: float, factor: float, fits: float
) -> None:
    assert fitting(Plain(runs=True, seconds=seconds, factor=factor), 20.0) == fits


def test_a_program_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
    said = tmp_path / "said"
    ended = run_bounded(sleep, tmp_path, {}, said, 600.0, lambda _: said.read_text() == "here\n")
    assert ended.code is None


def test_a_program_that_ends_tells_its_code(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    assert run_bounded(command, tmp_path, {}, tmp_path / "said", 600.0).code == 3


def log(folder: Path, name: str, rows: str) -> dict[str, Path]:
    path = folder / name
    path.write_text(LOG + rows)
    return {"log.lammps": path}


def test_only_the_clock_may_differ(tmp_path: Path) -> None:
    plain = log(tmp_path, "plain", "0 1.0 0.1\n10 1.1 0.2\n")
    runner = log(tmp_path, "runner", "0 1.0 0.3\n10 1.1 0.4\n")
    assert compare(plain, runner) == Fidelity(identical=True, rows=2)


@pytest.mark.parametrize(
    ("rows", "detail"),
    [
        ("0 1.0 0.1\n10 1.2 0.2\n", "log.lammps: 10 1.2 0.2 instead of 10 1.1 0.2"),
        ("0 1.0 0.1\n", "log.lammps: no row instead of 10 1.1 0.2"),
        (
            "0 1.0 0.1\n10 1.1 0.2\n20 1.1 0.3\n",
            "log.lammps: 3 rows instead of 2, the first beyond is 20 1.1 0.3",
        ),
    ],
)
def test_a_difference_is_told_with_its_row(tmp_path: Path, rows: str, detail: str) -> None:
    plain = log(tmp_path, "plain", "0 1.0 0.1\n10 1.1 0.2\n")
    found = compare(plain, log(tmp_path, "runner", rows))
    assert (found.identical, found.detail) == (False, detail)


def test_rows_without_a_step_are_compared_too(tmp_path: Path) -> None:
    for name, value in {"plain": "-1.5", "runner": "-1.6"}.items():
        table = f"Per MPI rank memory allocation\n PotEng\n {value}\nLoop time of 1\n"
        (tmp_path / name).write_text("LAMMPS (22 Jul 2025)\n" + table)
    found = compare({"log": tmp_path / "plain"}, {"log": tmp_path / "runner"})
    assert found == Fidelity(identical=False, rows=1, detail="log: -1.6 instead of -1.5")


def test_every_file_is_compared(tmp_path: Path) -> None:
    for name, text in {"a": "x\ny\n", "b": "x\nz\n", "c": "\0one", "d": "\0other"}.items():
        (tmp_path / name).write_text(text)
    plain = {"ave": tmp_path / "a", "bin": tmp_path / "c", "gone": tmp_path / "a"}
    found = compare(plain, {"ave": tmp_path / "b", "bin": tmp_path / "d", "new": tmp_path / "a"})
    assert found.detail == (
        "new is written only by the runner; ave: line 2 is 'z' instead of 'y'; "
        "bin: 6 bytes instead of 4, or others"
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.write(record())
    assert shelf.read("examples/melt/in.melt") == record()
    assert shelf.read("bench/in.lj") == Record(deck="bench/in.lj")
    assert record().has(Phase.RESUME)
    assert not Record(deck="bench/in.lj").has(Phase.PLAIN)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, Verdict.RESUMED),
        ({"check": REFUSED}, Verdict.REFUSED),
        ({"check": Check(contract=Contract.EXACT, ok=False)}, Verdict.REFUSED),
        ({"plain": Plain(runs=True, seconds=1.0)}, Verdict.NO_DYNAMICS),
        ({"check": Check(contract=Contract.EXACT, ok=True, steps=0)}, Verdict.NO_DYNAMICS),
        ({"plain": Plain(runs=False, seconds=1.0)}, Verdict.NOT_TRIED),
        ({"resume": None}, Verdict.NOT_TRIED),
        ({"resume": Resume(played=False, failure="why")}, Verdict.FAILED),
        ({"resume": Resume(played=True, faults=("too fast",))}, Verdict.NOT_INTERRUPTED),
        ({"resume": Resume(played=True, interruptions=1, faults=("x",))}, Verdict.WRONG),
    ],
)
def test_each_deck_has_one_word(changes: dict[str, object], word: Verdict) -> None:
    assert verdict(record(**changes)) is word


def test_figures_count_decks_with_dynamics() -> None:
    still = record(plain=Plain(runs=True, seconds=1.0, factor=0.5))
    repeated = record(check=Check(contract=Contract.REPEAT, ok=True))
    figures = Figures.of([record(), record(check=REFUSED), still, repeated])
    assert (figures.decks, figures.runnable, figures.whole, figures.dynamics) == (4, 4, 3, 3)
    assert (figures.refused, figures.repeated) == (1, 1)
    assert figures.not_resumed_share == pytest.approx(2 / 3)
    assert figures.verdicts == {Verdict.RESUMED: 2, Verdict.REFUSED: 1}
    assert Figures.of([]).not_resumed_share == 0.0


def test_the_page_has_one_line_per_deck() -> None:
    refused = record(deck="examples/a/in.a", check=REFUSED)
    broken = record(deck="b/in.b", plain=Plain(runs=False, seconds=0.1, error="ERROR: a | b"))
    text = page(
        [record(), refused, broken], {"examples/a/in.a"}, Versions("1", "2", date(2026, 1, 2))
    )
    lines = text.splitlines()
    assert (
        "| examples/melt/in.melt | 4,000 | whole | exact | identical | resumed | 0 |  |  |" in lines
    )
    assert (
        "| examples/a/in.a | 4,000 | whole | refused |  | refused beforehand "
        "|  |  | fix x keeps no state; its potential laid beside it |"
    ) in lines
    assert "| b/in.b | ERROR: a \\| b |" in lines
    assert "| refused beforehand, or repeated | 1 + 0, 50.0% |" in lines


@pytest.mark.parametrize("place", ["../../../potentials/", ""])
def test_a_deck_is_laid_with_the_potential_it_reads_from_elsewhere(
    tmp_path: Path, place: str
) -> None:
    examples = tmp_path / "work" / "unpacked" / "usr" / "share" / "lammps" / "examples" / "cu"
    potentials = tmp_path / "share" / "potentials"
    for folder in (examples, potentials, tmp_path / "share" / "bench"):
        folder.mkdir(parents=True)
    (examples / "in.cu").write_text(f"pair_coeff * * {place}Cu.eam\nrun 10\n")
    (examples / "dangling").symlink_to("nowhere")
    (potentials / "Cu.eam").write_text("copper")
    corpus = Corpus(tmp_path / "work", tmp_path / "share")
    (deck,) = corpus.decks()
    corpus.lay(deck, tmp_path / "laid", 0.5)
    assert deck.name == "examples/cu/in.cu"
    assert corpus.needs_potential(deck)
    assert (tmp_path / "laid" / "in.cu").read_text() == "pair_coeff * * Cu.eam\nrun 5\n"
    assert sorted(path.name for path in (tmp_path / "laid").iterdir()) == ["Cu.eam", "in.cu"]
