"""Variables from outside: the same as those of `lmp -var`, in every room that reads a deck."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from deckhand.cli.engine import find_engine
from deckhand.domain.deck import Severity
from deckhand.domain.options import RunOptions
from deckhand.lammps.errors import DeckError, EngineDiedError, Place
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import replay
from deckhand.lammps.sandbox import dry_run
from deckhand.lammps.script import folder_reader
from deckhand.lammps.static import StaticVariables
from deckhand.lammps.variables import GIVEN, Given, definitions, give
from deckhand.lammps.watch import Stopped
from tests.engine import ONE_ATOM
from tests.fuzz.bystander import Bystander

ENGINE = find_engine("This test")
PATIENCE_SECONDS = 60


def printed(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith(">")]


def in_lammps(folder: Path, deck: str, variables: Given) -> list[str]:
    """What a deck prints under `lmp -var …`."""
    folder.mkdir()
    (folder / "in.deck").write_text(deck)
    flags: list[str] = []
    for command, _ in definitions(variables):
        flags += ["-var", command[1], *command[3:]]
    subprocess.run(
        [ENGINE.lmp, "-in", "in.deck", "-echo", "none", "-screen", "none", *flags],
        cwd=folder,
        env=ENGINE.environment,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return printed(folder / "log.lammps")


class Leaving(Bystander):
    """Wants to stop before the run number *run*."""

    def __init__(self, run: int) -> None:
        self.left = run

    @property
    def stopping(self) -> bool:
        return self.left <= 0

    def can_stand(self, step: int) -> bool:
        return True

    def run_ended(self, step: int) -> None:
        self.left -= 1


def interpreted(folder: Path, deck: str, variables: Given, runs: int = 1000) -> list[str]:
    """The same through the interpreter, with a new process whenever so many runs are done."""
    folder.mkdir()
    (folder / "in.deck").write_text(deck)
    journal, restart, step = Journal(deck="in.deck"), folder / "left.restart", -1
    while True:
        log = "log.lammps" if step < 0 else "none"
        lammps = Lammps([str(ENGINE.lmp), "-log", log], folder, folder, ENGINE.environment)
        try:
            if step >= 0:
                replay(lammps, journal, restart, step, 1)
                lammps.send("log log.lammps append")
            else:
                give(lammps, journal, variables)
            reader, watch = folder_reader(folder), Leaving(runs)
            Interpreter(lammps, journal, reader, watch, resumed=step >= 0).execute()
            lammps.close()
            return printed(folder / "log.lammps")
        except Stopped as stopped:
            step = stopped.step
            lammps.send(f"write_restart {restart}")
            lammps.close()
            journal = Journal.model_validate_json(journal.model_dump_json())
        finally:
            lammps.kill()


LOOP = f"""
variable        T index 1 2 3
variable        n index 10
{ONE_ATOM}
label           again
print           "> $T: $n steps"
run             $n
next            T
jump            SELF again
print           "> $(is_defined(variable,T))"
"""

ODD = {
    "negative": -1.5,
    "list": ("a b", 2, 0.5),
    "quote": "it's",
    "quotes": 'say "so"',
    "sign": "a$b & c # d",
    "empty": "",
    "path": "data/chain.data",
}
TELL = "".join(f'print """> ${{{name}}}."""\n' for name in ODD)


@pytest.mark.parametrize("variables", [{}, {"T": (4, 5.5)}, {"T": "7", "n": 20}])
def test_a_loop_goes_over_the_values_it_is_given(tmp_path: Path, variables: Given) -> None:
    expected = in_lammps(tmp_path / "plain", LOOP, variables)
    assert interpreted(tmp_path / "whole", LOOP, variables) == expected
    assert interpreted(tmp_path / "pieces", LOOP, variables, runs=1) == expected
    assert expected[-1] == "> 0"


def test_a_resumed_loop_does_not_begin_anew(tmp_path: Path) -> None:
    got = interpreted(tmp_path / "pieces", LOOP, {"T": ("4", "5", "6"), "n": "3"}, runs=1)
    assert got == ["> 4: 3 steps", "> 5: 3 steps", "> 6: 3 steps", "> 0"]


def test_odd_values_survive(tmp_path: Path) -> None:
    expected = in_lammps(tmp_path / "plain", TELL, ODD)
    assert interpreted(tmp_path / "interpreted", TELL, ODD) == expected
    assert expected == [
        "> -1.5.",
        "> a b.",
        "> it's.",
        '> say "so".',
        "> a$b & c # d.",
        "> .",
        "> data/chain.data.",
    ]


def test_a_later_value_may_be_negative_too(tmp_path: Path) -> None:
    got = interpreted(tmp_path / "deck", LOOP, {"T": (1.0, -1.0)})
    assert got == ["> 1.0: 10 steps", "> -1.0: 10 steps", "> 0"]


def test_a_deck_may_not_make_it_another_kind_of_variable(tmp_path: Path) -> None:
    deck = f"variable T equal 1.0\n{ONE_ATOM}run 0\n"
    (tmp_path / "in.deck").write_text(deck)
    with pytest.raises(EngineDiedError):
        interpreted(tmp_path / "inside", deck, {"T": "2.0"})
    lmp = [str(ENGINE.lmp)]
    found = dry_run(tmp_path, "in.deck", lmp, 60, ENGINE.environment, variables={"T": 2.0})
    assert found.problem is not None
    assert (found.problem.file, found.problem.line) == ("in.deck", 1)
    assert "run.yaml gives this variable" in found.problem.message


BRANCHES = f"""
variable        mode index short
variable        n index 100
{ONE_ATOM}
if "${{mode}} == long" then "include long.inc" "print long" else "run 5"
run             $(2*v_n)
"""


def test_reading_a_deck_takes_the_branch_of_the_value(tmp_path: Path) -> None:
    (tmp_path / "in.deck").write_text(BRANCHES)
    report = check_folder(tmp_path, "in.deck")
    assert ([stage.steps for stage in report.stages], report.reads) == ([5, 200], ())
    report = check_folder(tmp_path, "in.deck", {"mode": "long", "n": 7})
    assert [stage.steps for stage in report.stages] == [14]
    assert [str(missing) for missing in report.missing] == [
        "in.deck, line 13: the file long.inc is not in the drop. Upload it together with the deck."
    ]


def test_a_dry_run_takes_it_too(tmp_path: Path) -> None:
    (tmp_path / "in.deck").write_text(BRANCHES)
    (tmp_path / "long.inc").write_text("run 1000\n")
    found = dry_run(
        *(tmp_path, "in.deck", [str(ENGINE.lmp)], 60, ENGINE.environment),
        variables={"mode": "long", "n": (7, 8)},
    )
    assert (found.total_steps, found.problem, found.trouble) == (1014, None, "")


def test_a_script_may_be_named_by_one(tmp_path: Path) -> None:
    (tmp_path / "in.deck").write_text("variable f index a.inc\ninclude ${f}\nrun 10\n")
    (tmp_path / "b.inc").write_text(ONE_ATOM)
    assert check_folder(tmp_path, "in.deck", {"f": "b.inc"}).reads == ("b.inc",)


def test_a_variable_that_no_script_names_is_a_slip_of_the_pen(tmp_path: Path) -> None:
    (tmp_path / "in.deck").write_text(f"{ONE_ATOM}variable Temp index 1\nrun 10\n")
    [problem] = check_folder(tmp_path, "in.deck", {"temp": 2.0, "Temp": 3.0}).problems
    assert problem.severity is Severity.WARNING
    assert str(problem) == "run.yaml: gives the variable `temp`, which no script of the deck names."


@pytest.mark.parametrize(
    ("values", "says"), [((), "has no value"), ('""" \' "', "no way to tell LAMMPS")]
)
def test_what_lammps_cannot_be_told_is_an_error(
    tmp_path: Path, values: str | tuple[str, ...], says: str
) -> None:
    (tmp_path / "in.deck").write_text(f"{ONE_ATOM}run $T\n")
    report = check_folder(tmp_path, "in.deck", {"T": values})
    assert not report.ok
    assert says in str(report.problems[0])
    with pytest.raises(DeckError, match=r"run\.yaml: "):
        list(definitions({"T": values}))


def test_they_are_settings_like_others() -> None:
    journal = Journal(deck="in.deck")

    class Nobody:
        def send(self, command: str, place: Place | None = None) -> None:
            assert place == GIVEN

    give(Nobody(), journal, {"T": (1.0, "a b")})
    [setting] = journal.settings
    assert (setting.key, setting.text) == (("variable", "T"), 'variable T index 1.0 "a b"')


def test_text_takes_the_first_value_whatever_the_deck_says_by_index() -> None:
    variables = StaticVariables({"T": "5", "i": "7"})
    for command in (["variable", "T", "index", "1"], ["variable", "i", "loop", "3"]):
        variables.define(command)
    assert variables.expand("$T $i") == "5 7"
    variables.define(["variable", "i", "delete"])
    variables.define(["variable", "i", "loop", "3"])
    assert variables.expand("$T $i") == "5 1"


@pytest.mark.parametrize("values", [True, [1, False]])
def test_truth_values_of_yaml_have_to_be_quoted(values: object) -> None:
    with pytest.raises(ValidationError, match="in quotes"):
        RunOptions.model_validate({"variables": {"restart": values}})


@pytest.mark.parametrize("name", ["é", "a-b", ""])
def test_a_name_has_letters_digits_and_underscores(name: str) -> None:
    with pytest.raises(ValidationError):
        RunOptions.model_validate({"variables": {name: 1}})
