"""The journal: the net live settings, whatever was set, changed and removed before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import (
    FileFrame,
    Journal,
    ListFrame,
    RunInProgress,
    Setting,
    restated,
)
from deckhand.lammps.script import words


def given_to(journal: Journal, *commands: str) -> Journal:
    """Record commands, and the box when one makes it, as the interpreter does."""
    for number, text in enumerate(commands, start=1):
        journal.record(words(text), text, Place("in.melt", number))
        journal.box = journal.box or words(text)[0] in ("create_box", "read_data")
    return journal


def live(*commands: str) -> list[str]:
    journal = given_to(Journal(deck="in.melt"), *commands)
    return [setting.text for setting in journal.settings]


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["units lj", "units real"], ["units real"]),
        (["timestep 1", "thermo 5", "timestep 2"], ["thermo 5", "timestep 2"]),
        (["fix a all nve", "unfix a"], []),
        (["dump d all atom 5 x", "undump d"], []),
        (["compute c all temp", "uncompute c"], []),
        (["region r block 0 1 0 1 0 1", "region r delete"], []),
        (["variable v equal 1", "variable v delete"], []),
        (["variable v equal 1", "variable v equal 2"], ["variable v equal 2"]),
        (["variable v string a", "variable v string b"], ["variable v string b"]),
        (["variable v index 1 2", "variable v index 3"], ["variable v index 1 2"]),
        (["variable v loop 9", "variable v loop 3"], ["variable v loop 9"]),
        (["variable v file a", "variable v file b"], ["variable v file a"]),
        (["group g dynamic all every 5 region r"], ["group g dynamic all every 5 region r"]),
        (["group g dynamic all every 5", "group g static"], []),
        (["group g dynamic all every 5", "group g delete"], []),
        (["group g type 1", "create_atoms 1 box", "run 5", "velocity all create 1 5"], []),
        (["log a.log", "print hello", "minimize 0 0 1 1", "write_data x"], []),
        (["pair_coeff 1 1 1.0", "pair_coeff 1 1 2.0"], ["pair_coeff 1 1 2.0"]),
        (["pair_style lj/cut 2", "pair_coeff * * 1 1", "pair_style none"], ["pair_style none"]),
        (["kspace_style pppm 1e-4", "kspace_modify order 7", "kspace_style none"],
         ["kspace_style none"]),
        (["thermo_style one", "thermo_modify line multi", "thermo_style custom step"],
         ["thermo_style custom step"]),
        (["thermo_modify temp t lost warn", "thermo_style one"],
         ["thermo_modify temp t", "thermo_style one"]),
        (["thermo_style custom step pxx", "thermo_modify temp t", "thermo_style one"],
         ["thermo_modify temp t", "thermo_style one"]),
        (["thermo_style custom step pe", "thermo_modify temp t", "thermo_style one"],
         ["thermo_style one"]),
        (["thermo_modify temp t", "thermo_style one", "thermo_modify temp u", "thermo_style multi"],
         ["thermo_modify temp u", "thermo_style multi"]),
        (["fix 1 all npt temp 1 1 1", "compute_modify 1_temp dynamic/dof yes", "unfix 1"], []),
        (["fix 1 all nvt temp 1 1 1", "compute_modify 1_temp dynamic/dof yes", "fix 1 all nve"],
         ["fix 1 all nve"]),
        (["fix 1 all nvt temp 1 1 1", "compute_modify 1_t dynamic/dof yes", "unfix 1"],
         ["compute_modify 1_t dynamic/dof yes"]),
        (["neigh_modify every 1", "neigh_modify delay 5", "neigh_modify every 2"],
         ["neigh_modify delay 5", "neigh_modify every 2"]),
        (["shell mkdir out", "fix a all nve", "variable v equal 1", "clear"],
         ["shell mkdir out", "variable v equal 1"]),
    ],
)  # fmt: skip
def test_net_settings(commands: list[str], expected: list[str]) -> None:
    assert live(*commands) == expected


def test_a_redefinition_keeps_its_place_and_forgets_what_modified_it() -> None:
    assert live(
        "fix a all nvt temp 1 1 1",
        "fix_modify a energy yes",
        "fix b all langevin 1 1 1 5",
        "fix_modify b energy yes",
        "fix a all nve",
    ) == ["fix a all nve", "fix b all langevin 1 1 1 5", "fix_modify b energy yes"]


@pytest.mark.parametrize(
    ("define", "modify", "remove"),
    [
        ("fix m all nve", "fix_modify m energy yes", "unfix m"),
        ("compute m all temp", "compute_modify m dynamic yes", "uncompute m"),
        ("dump m all atom 5 x", "dump_modify m sort id", "undump m"),
    ],
)
def test_modifiers_go_with_their_owner(define: str, modify: str, remove: str) -> None:
    assert live(define, modify, modify) == [define, modify]
    assert live(define, modify, remove) == []
    assert live(define, modify, remove, define) == [define]


def test_modifiers_of_different_keywords_add_up() -> None:
    commands = ["dump d all atom 5 x", "dump_modify d sort id", "dump_modify d units yes"]
    assert live(*commands) == commands


def test_exclusions_add_up_until_they_are_taken_back() -> None:
    first, second = "neigh_modify exclude type 1 1", "neigh_modify exclude type 1 2"
    assert live(first, second) == [first, second]
    assert live(first, second, "neigh_modify exclude none") == ["neigh_modify exclude none"]


def test_coefficients_of_hybrid_styles_stand_beside_each_other() -> None:
    commands = [
        "pair_coeff 1 1 lj/cut 1 1.0 1.0",
        "pair_coeff 1 1 lj/cut 2 1.0 1.0",
        "pair_coeff 1 1 coul/cut",
        "pair_coeff 1 2 coul/cut",
    ]
    assert live(*commands) == commands


def test_terms_of_one_type_stand_beside_each_other() -> None:
    commands = ["angle_coeff 1 1.0 100", "angle_coeff 1 bb 1.0 2.0", "angle_coeff 1 ba 1.0 2.0"]
    assert live(*commands, "angle_coeff 1 2.0 90") == [*commands[1:], "angle_coeff 1 2.0 90"]


def test_twenty_thousand_settings_are_kept_in_a_moment() -> None:
    journal = Journal(deck="in.melt")
    for number in range(20_000):
        given_to(journal, f"fix f{number} all nve", f"region r{number} block 0 1 0 1 0 1")
    again = Journal.model_validate_json(journal.model_dump_json())
    given_to(again, "unfix f7", "fix f8 all nvt temp 1 1 1")
    assert len(again.settings) == 39_999
    assert [setting.text for setting in again.of("fix")][7] == "fix f8 all nvt temp 1 1 1"


def test_what_came_before_the_box_is_known_to_have() -> None:
    journal = given_to(
        Journal(deck="in.melt"), "timestep 1", "atom_style bond", "read_data x", "timestep 2"
    )
    assert [(s.text, s.before_box) for s in journal.settings] == [
        ("timestep 1", True),
        ("atom_style bond", True),
        ("timestep 2", False),
    ]


def test_the_log_is_followed() -> None:
    journal = Journal(deck="in.melt")
    assert journal.log == "log.lammps"
    assert given_to(journal, "log other.log append").log == "other.log"
    assert given_to(journal, "log none").log is None


def test_clear_takes_the_box_away() -> None:
    assert not given_to(Journal(deck="in.melt", box=True), "clear").box


@pytest.mark.parametrize(
    "text", ["fix 1", "fix 1 all", "variable x", "compute", "region r", "dump 1 all atom 5", "log"]
)
def test_a_command_without_its_words_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(DeckError, match=r"^in\.melt, line 1: `"):
        given_to(Journal(deck="in.melt"), text)


def test_a_loop_that_sets_up_and_takes_down_leaves_nothing_behind() -> None:
    journal = Journal(deck="in.melt")
    for number in range(100):
        given_to(
            journal,
            f"thermo_modify norm {'yes' if number % 2 else 'no'}",
            f"dump d all atom 5 frames.{number}",
            "dump_modify d sort id",
            "undump d",
            f"group g dynamic all every {number + 1}",
        )
    assert [setting.key[0] for setting in journal.settings] == ["group", "thermo_modify"]


def test_ten_thousand_redefinitions_leave_nothing_behind() -> None:
    journal = given_to(Journal(deck="in.melt"), "pair_style hybrid lj/cut 2.5 coul/cut 2.5")
    for number in range(10_000):
        given_to(
            journal,
            f"variable t equal {number}",
            f"fix bath all langevin {number} 1 1 5",
            f"pair_coeff 1 1 {number} 1.0",
            f"pair_coeff 1 2 lj/cut {number} 1.0",
            f"bond_coeff 1 {number} 1.0",
            f"fix_modify bath temp t{number}",
            f"dump_modify d every {number}",
        )
    assert len(journal.settings) == 8
    assert len(journal.model_dump_json()) < 2000


def test_a_journal_survives_being_written() -> None:
    journal = given_to(Journal(deck="in.melt"), "variable i loop 5", "fix 1 all nve", "read_data x")
    journal.advance("i", exhausted=False)
    journal.frames = [
        FileFrame(file="in.melt", next_line=3),
        ListFrame(file="in.melt", line=3, commands=["run 5", 'print "a"']),
    ]
    journal.run = RunInProgress(file="in.melt", line=3, first=5, last=10, every=["print x"])
    assert Journal.model_validate_json(journal.model_dump_json()) == journal


@given(st.lists(st.sampled_from(["a", "b"]), max_size=20), st.integers(0, 3))
def test_fixes_that_live_are_those_defined_and_not_removed(names: list[str], turn: int) -> None:
    model: dict[str, str] = {}
    journal = Journal(deck="in.melt")
    for number, name in enumerate(names):
        if (number + turn) % 3 == 0:
            model.pop(name, None)
            given_to(journal, f"unfix {name}")
        else:
            model[name] = f"fix {name} all nve {number}"
            given_to(journal, model[name], f"fix_modify {name} energy yes")
    assert [setting.text for setting in journal.of("fix")] == list(model.values())
    assert len(journal.of("fix_modify")) == len(model)


def test_steps_of_the_run_go_on_over_a_reset() -> None:
    journal = Journal(deck="in.melt", steps_done=500)
    assert journal.steps_at(0) == 500
    journal.run = RunInProgress(file="in.melt", line=1, first=0, last=100)
    assert journal.steps_at(40) == 540


@pytest.mark.parametrize(
    ("chunk", "target"),
    [(0, 100), (30, 40), (500, 100)],
)
def test_a_run_goes_chunk_by_chunk(chunk: int, target: int) -> None:
    run = RunInProgress(file="in.melt", line=1, first=10, last=100, chunk=chunk)
    assert run.target == target


@pytest.mark.parametrize(
    ("text", "advanced", "expected"),
    [
        ("variable x index a b c", 0, ["variable x index a b c"]),
        ("variable x index a b c", 1, ["variable x index b c"]),
        ("variable x index a 'b c' ''", 1, ['variable x index "b c" ""']),
        ("variable x index a 'say \"b c\"'", 1, ["variable x index 'say \"b c\"'"]),
        ("variable x index a 'b#c' '$d'", 1, ['variable x index "b#c" "$d"']),
        ("variable x loop 5", 2, ["variable x loop 3 5"]),
        ("variable x loop 3 5", 2, ["variable x loop 5 5"]),
        ("variable x loop 3 50 pad", 2, ["variable x loop 5 50 pad"]),
        ("variable x loop 5 pad", 1, ["variable x loop 2 5 pad"]),
        ("variable x file f", 2, ["variable x file f", "next x", "next x"]),
        ("variable x atomfile f", 1, ["variable x atomfile f", "next x"]),
        ("variable x equal 1", 3, ["variable x equal 1"]),
    ],
)
def test_a_variable_is_told_where_it_stood(text: str, advanced: int, expected: list[str]) -> None:
    journal = given_to(Journal(deck="in.melt"), text)
    for _ in range(advanced):
        journal.advance("x", exhausted=False)
    (setting,) = journal.of("variable")
    assert restated(setting) == expected


def test_an_exhausted_variable_is_gone() -> None:
    journal = given_to(Journal(deck="in.melt"), "variable x loop 1")
    journal.advance("x", exhausted=True)
    assert journal.settings == []


def test_a_setting_knows_its_words_and_its_place() -> None:
    setting = Setting(
        key=("fix", "1"), text="fix 1 all print 5 'a b'", file="in.a", line=4, before_box=False
    )
    assert setting.words[-1] == "a b"
    assert str(setting.place) == "in.a, line 4"
