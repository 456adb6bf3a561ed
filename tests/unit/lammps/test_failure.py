"""Failures: LAMMPS' own words, the line of the deck, and what to try."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deckhand.lammps.errors import DeckError, EngineDiedError, Place, ResumeError
from deckhand.lammps.failure import LINES, explain, of_gpu, tail
from deckhand.lammps.process import Lammps
from tests.engine import LMP

BOX = "units lj\nregion b block 0 4 0 4 0 4\ncreate_box 1 b\n"


def died(tmp_path: Path, deck: str) -> DeckError:
    """The error of a real LAMMPS that was given a deck line by line."""
    lammps = Lammps([str(LMP), "-log", "none"], tmp_path, tmp_path)
    try:
        with pytest.raises(EngineDiedError) as ended:
            for number, line in enumerate(deck.splitlines(), start=1):
                lammps.send(line, Place("in.melt", number))
                lammps.ask("")
        return explain(lammps.screen(), ended.value.returncode, lammps.last_places())
    finally:
        lammps.kill()


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("fixx 1 all nve", "Unknown command", "Check the spelling of the command."),
        ("fix 1 all nvee", "Unrecognized fix style 'nvee'", "Check the spelling of the style"),
        ("molecule m none.mol", "annot open", "Upload the file together with the deck."),
    ],
)
def test_the_line_that_lammps_stumbled_over(
    tmp_path: Path, line: str, message: str, remedy: str
) -> None:
    error = died(tmp_path, f"{BOX}{line}\n")
    assert error.place == Place("in.melt", 4)
    assert str(error).startswith("in.melt, line 4: LAMMPS says: ")
    assert message in str(error)
    assert remedy in str(error)
    assert ".cpp" not in str(error)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Lost atoms: original 4000 current 3999", "softer push-off"),
        ("Atom count is inconsistent: 0 vs 108, cannot write restart file", "Atoms were lost"),
        ("Out of range atoms - cannot compute PPPM", "smaller `timestep`"),
        ("Bond atoms 1 2 missing on proc 0 at step 5", "A bond was torn"),
        ("Dihedral atoms 1 2 3 4 missing on proc 0 at step 5", "A bond was torn"),
        ("FENE bond too long: 5 1 2 3", "overstretched"),
        ("Non-numeric pressure - simulation unstable", "no number any more"),
        ("Bond extent > half of periodic box length", "half of the box"),
        ("Shake determinant = 0.0", "smaller `timestep`"),
    ],
)
def test_a_physical_error_comes_with_what_to_try(said: str, remedy: str) -> None:
    screen = f"...\nERROR on proc 3: {said} (src/thermo.cpp:494)\nLast input line: run 100\n"
    error = explain(screen, 1, [("run 100", Place("in.melt", 9)), ("print x", None)])
    assert str(error).startswith(f"in.melt, line 9: The simulation blew up: {said}. ")
    assert remedy in str(error)
    assert str(error).endswith(f"\n  ERROR on proc 3: {said}")


def test_what_is_no_blow_up_is_not_called_one() -> None:
    screen = "ERROR: All is lost (src/thermo.cpp:494)\nLast input line: run 100\n"
    error = explain(screen, 1, [("run 100", Place("in.melt", 9))])
    says = "in.melt, line 9: LAMMPS says: All is lost. See https://docs.lammps.org/run.html."
    assert str(error) == says


def test_the_newest_of_equal_commands_is_meant() -> None:
    sent = [("run  5", Place("in.melt", 1)), ("run 5", Place("in.melt", 2)), ("run 6", None)]
    assert explain("ERROR: x\nLast command: run 5\n", 1, sent).place == Place("in.melt", 2)


def test_a_command_that_was_not_sent_is_quoted() -> None:
    error = explain("ERROR: x\nLast input line: run 5\n", 1, [])
    page = "https://docs.lammps.org/run.html"
    assert str(error) == f"LAMMPS says: x (command: run 5). See {page}."


@pytest.mark.parametrize(
    ("command", "begin"),
    [
        ("run 100 upto", "in.melt, line 9: The simulation blew up: Lost atoms"),
        ("minimize 0 0 9 9", "in.melt, line 9: The simulation blew up: Lost atoms"),
        ("fix 1 all nve", "The simulation blew up: Lost atoms"),
        ("", "The simulation blew up: Lost atoms"),
    ],
)
def test_an_error_without_a_line_is_that_of_the_run(command: str, begin: str) -> None:
    screen = "ERROR: Lost atoms: original 108 current 0\nFor more information see ...\n"
    sent = [("mass 1 1", Place("in.melt", 3)), (command, Place("in.melt", 9)), ("print x", None)]
    assert str(explain(screen, 1, sent)).startswith(begin)


@pytest.mark.parametrize(
    ("returncode", "message"),
    [
        (-11, "LAMMPS was ended by Segmentation fault without a word."),
        (-40, "LAMMPS was ended by"),
        (3, "LAMMPS ended with exit code 3 without an error message."),
        (None, "LAMMPS ended with exit code None without an error message."),
    ],
)
def test_a_silent_end(returncode: int | None, message: str) -> None:
    assert str(explain("LAMMPS (22 Jul 2025)\n", returncode, [])).startswith(message)


def test_the_tail_is_short() -> None:
    lines = tail("\n".join(["x" * 500] * 100))
    assert len(lines) == LINES
    assert {len(line) for line in lines} == {200}


def test_errors_are_readable() -> None:
    assert str(DeckError("is wrong")) == "is wrong"
    assert str(DeckError("is wrong", Place("in.a", 5))) == "in.a, line 5: is wrong"
    assert str(ResumeError("lost")) == "lost"


def test_a_process_that_is_gone_says_so(tmp_path: Path) -> None:
    command = ["false"] if not Path("/bin/false").exists() else ["/bin/false"]
    lammps = Lammps(command, tmp_path, tmp_path)
    with pytest.raises(EngineDiedError, match="exit code 1") as ended:
        lammps.step()
    assert ended.value.returncode == 1
    lammps.kill()
    assert subprocess.run(["ls", tmp_path], capture_output=True, check=True).stdout == (
        b"screen.log\n"
    )


@pytest.mark.parametrize(
    ("said", "broken"),
    [
        ("Cuda driver error 719 in call at file 'nvd_kernel.h' in line 352.", True),
        ("Exception: cudaDeviceSynchronize() error( cudaErrorECCUncorrectable): x.cpp:153", True),
        ("cudaMalloc error( cudaErrorMemoryAllocation): out of memory", False),
        ("ERROR: Lost atoms: original 4000 current 3999", False),
        ("Setting up CUDA version of nothing", False),
    ],
)
def test_a_gpu_that_fails_is_no_fault_of_the_deck(said: str, broken: bool) -> None:
    found = of_gpu(f"Step Temp\n  {said}\nlast words")
    assert found == (said if broken else None)
