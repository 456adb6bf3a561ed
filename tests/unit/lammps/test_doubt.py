"""What a run changes and what it does not, as far as the words of a deck tell."""

from __future__ import annotations

import pytest

from deckhand.lammps.doubt import Doubts


def after_a_run(*commands: str) -> Doubts:
    doubts = Doubts()
    for command in commands:
        doubts.command_comes(command.split())
    doubts.skipped = True
    return doubts


@pytest.mark.parametrize(
    ("variable", "asked", "strayed"),
    [
        ("variable T index 1.0 2.0", "${T}", False),
        ("variable T equal 2*sqrt(3)+PI", "$T", False),
        ("variable T index 1.0", "$(v_T*100*dt:%.3f)", False),
        ("variable T index 1.0", "$(is_defined(variable,T))", False),
        ("variable T equal step", "${T}", True),
        ("variable T equal c_rg", "run for ${T} steps", True),
        ("variable T atom x", "${T}", True),
        ("variable T index 1.0", "$(temp)", True),
        ("variable T index 1.0", "$(v_T*ke:%.3f)", True),
    ],
)
def test_a_deck_strays_by_what_a_run_changes(variable: str, asked: str, strayed: bool) -> None:
    doubts = after_a_run(variable)
    doubts.asked(asked)
    assert doubts.strayed is strayed


def test_a_formula_of_a_fleeting_variable_is_fleeting_until_it_is_fixed() -> None:
    doubts = after_a_run("variable a equal step", "variable b equal 2*v_a")
    doubts.command_comes(["variable", "b", "index", "7"])
    doubts.asked("${b}")
    assert not doubts.strayed
    doubts.command_comes(["variable", "c", "equal", "v_a"])
    doubts.asked("${c}")
    assert doubts.strayed


def test_before_any_run_all_values_are_what_they_will_be() -> None:
    doubts = Doubts()
    doubts.asked("$(temp)")
    assert doubts.about("Lost atoms: original 10 current 9", ["run", "0"]) == ""


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ("Failed to allocate 8000000000 bytes for array atom:x", "create_atoms 1 box"),
        ("Cannot open compressed file 'melt.data.gz'", "read_data melt.data.gz"),
        ("Package gpu command without GPU package installed", "package gpu 1"),
        ("Specified processors != physical processors", "processors 2 1 1"),
        ("Cannot open file melt.restart.1000", "read_restart melt.restart.1000"),
        ("Cannot open file out/a.500.data", "read_data out/a.500.data"),
    ],
)
def test_an_error_that_may_not_come_is_doubted(message: str, command: str) -> None:
    doubts = Doubts()
    doubts.command_comes(["restart", "1000", "melt.restart"])
    doubts.command_comes(["write_data", "out/a.*.data"])
    assert doubts.about(message, command.split()) != ""
    assert doubts.about("Illegal run command", ["run"]) == ""
