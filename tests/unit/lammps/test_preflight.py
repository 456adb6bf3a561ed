"""Preflight: what a deck's text tells before anything is paid for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deckhand.domain.deck import Severity
from deckhand.domain.run import CheckReport, Contract
from deckhand.lammps import vocabulary
from deckhand.lammps.preflight import LEAST_WORDS, STYLE_AT, check_folder

EXAMPLE = Path(__file__).parents[3] / "examples/polymer_melt"

BOX = "units lj\nregion box block 0 4 0 4 0 4\ncreate_box 1 box\n"


def checked(folder: Path, deck: str | bytes, **files: str) -> CheckReport:
    """The report on a deck; *files* are `<name>.inc`."""
    (folder / "in.melt").write_bytes(deck.encode() if isinstance(deck, str) else deck)
    for name, text in files.items():
        (folder / f"{name}.inc").write_text(text)
    return check_folder(folder, "in.melt")


def problems(folder: Path, deck: str | bytes, **files: str) -> list[str]:
    return [str(problem) for problem in checked(folder, deck, **files).problems]


def of_line(folder: Path, line: str) -> list[str]:
    """Problems of one line in a deck that is sound otherwise; the line is the 4th."""
    report = checked(folder, f"{BOX}{line}\nrun 5\n")
    return [str(problem) for problem in report.problems if problem.severity is not Severity.NOTE]


def test_the_example_is_sound() -> None:
    report = check_folder(EXAMPLE, "in.melt")
    assert [problem for problem in report.problems if problem.severity == "error"] == []
    assert report.ok
    assert report.contract is Contract.STATISTICAL
    assert report.reads == ("chains.data", "forcefield.inc")
    assert report.writes == ("msd.dat", "melt.lammpstrj", "final.data")
    assert [(stage.kind, stage.steps) for stage in report.stages] == [
        ("minimize", None),
        ("run", 12000),
        ("run", 30000),
        ("run", 60000),
    ]
    assert report.total_steps == 102_000


def test_a_small_deck_is_exact(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{BOX}fix 1 all nve\nrun 5\n")
    assert (report.ok, report.contract, report.total_steps) == (True, Contract.EXACT, 5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pair_coef * *", "there is no LAMMPS command `pair_coef`. Did you mean `pair_coeff`?"),
        ("xyzzyxyzzy 1", "there is no LAMMPS command `xyzzyxyzzy`."),
        ("fix 1 all nvtt temp 1 1 1", "there is no fix style `nvtt` in this LAMMPS. Did you mean"),
        ("compute 1 all rdff", "there is no compute style `rdff` in this LAMMPS. Did you mean"),
        ("pair_style lj/cutt 2.5", "there is no pair style `lj/cutt` in this LAMMPS. Did you mean"),
        ("bond_style harmonica", "Did you mean `harmonic`?"),
        ("angle_style harmonica", "Did you mean `harmonic`?"),
        ("dihedral_style harmonica", "Did you mean `harmonic`?"),
        ("improper_style harmonica", "Did you mean `harmonic`?"),
        ("kspace_style ppm 1e-4", "Did you mean `pppm`?"),
        ("run_style verlett", "Did you mean `verlet`?"),
        ("min_style cgg", "there is no minimize style `cgg`"),
        ("dump 1 all atoms 5 x", "Did you mean `atom`?"),
        ("region r blok 0 1 0 1 0 1", "Did you mean `block`?"),
        ("fix 1 all", "`fix` needs at least 3 arguments."),
        ("variable x", "`variable` needs at least 2 arguments."),
        ("print 'a", "a quote is opened but not closed: print 'a"),
        ("print ${a", "a variable reference is not complete: ${a"),
        ("thermo_style custom step elapsed", "Use `elaplong`"),
        ("neb 0 0 5 5 5 final x", "is for several partitions"),
        ("package gpu 1", "Take it out."),
        ("fix 1 all tmd 5 a 5", "fix tmd cannot be resumed: the distance"),
        ("shell mv x y", "Only `shell mkdir` and `shell rm` are allowed."),
        ("shell rm /etc/passwd", "/etc/passwd is outside the deck's folder."),
        ("include /etc/passwd", "/etc/passwd is outside the deck's folder. Use a path inside it."),
        ("read_data ../chains.data", "../chains.data is outside the deck's folder."),
        ("read_data sub/../../chains.data", "is outside the deck's folder."),
        ("write_data ~/x", "~/x is outside the deck's folder."),
        ("log /tmp/log", "/tmp/log is outside the deck's folder."),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_remedy(
    tmp_path: Path, line: str, message: str
) -> None:
    (found,) = of_line(tmp_path, line)
    assert found.startswith("in.melt, line 4: ")
    assert message in found


@pytest.mark.parametrize(
    "line",
    [
        "fix 1 all nvt/omp temp 1 1 1",
        "fix 1 all ${thermostat}",
        "pair_style none",
        "pair_style hybrid/overlay lj/cut 2.5",
        "compute cc all chunk/atom bin/1d z lower 0.1",
        "region r delete",
        "shell mkdir out",
        "${anything} at all",
        "log none",
        "variable x equal v_y*2",
        "print 'pair_coef'",
        "# pair_coef",
    ],
)
def test_what_is_right_is_not_complained_about(tmp_path: Path, line: str) -> None:
    refused = "which fix `${thermostat}` is can be told only by running"
    assert [found for found in of_line(tmp_path, line) if refused not in found] == []


def test_a_refusal_makes_the_whole_deck_refused(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{BOX}pair_style smd/hertz\nrun 5\n")
    assert (report.ok, report.contract) == (False, Contract.REFUSED)


def test_a_thermostat_with_noise_is_a_warning(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{BOX}fix 1 all langevin 1 1 1 5\nrun 5\n")
    assert (report.ok, report.contract) == (True, Contract.STATISTICAL)
    assert [problem.severity for problem in report.problems] == ["warning"]


@pytest.mark.parametrize(
    "line",
    [
        "read_data chains.data",
        "include chains.data",
        "pair_coeff * * eam/alloy chains.data Cu",
        "molecule m chains.data",
        "variable f file chains.data",
        "variable n string chains\nread_data ${n}.data",
        "if '1 == 1' then 'read_data chains.data'",
        'run 5 every 1 "read_data chains.data"',
        'if "$x" then "print a" elif "$y" "print b" else "read_data chains.data"',
        "read_data " + "x" * 300 + ".data",
    ],
)
def test_a_file_that_is_not_there_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    report = checked(tmp_path, f"{BOX}{line}\nrun 5\n")
    (missing,) = report.missing
    assert (missing.file, missing.line) == ("in.melt", 4 + line.count("\n"))
    assert "data is not in the drop. Upload it together with the deck." in missing.message
    assert not report.ok


@pytest.mark.parametrize("line", ["read_data ${n}.data", "read_restart old.*", "jump SELF end"])
def test_a_file_whose_name_is_not_known_is_not_missing(tmp_path: Path, line: str) -> None:
    assert checked(tmp_path, f"{BOX}{line}\nlabel end\nrun 5\n").ok


def test_a_file_that_the_deck_writes_first_is_not_missing(tmp_path: Path) -> None:
    assert checked(tmp_path, f"{BOX}run 5\nwrite_data a.data\nclear\nread_data a.data\n").ok
    assert not checked(tmp_path, f"{BOX}run 5\nclear\nread_data a.data\nwrite_data a.data\n").ok


def test_files_beside_a_deck_in_a_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "in.melt").write_text("read_data ../a.data\ninclude b.inc\nrun 5\n")
    (tmp_path / "a.data").touch()
    (tmp_path / "sub" / "b.inc").write_text("thermo 5\n")
    report = check_folder(tmp_path, "sub/in.melt")
    assert (report.ok, report.reads) == (True, ("../a.data", "b.inc"))


def test_included_files_are_checked_too_and_each_once(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        f"{BOX}include a.inc\ninclude a.inc\nrun $n\n",
        a="variable n index 7\n\nfixx 1\ninclude b.inc\n",
        b="include a.inc\ninclude b.inc\nbond_style harmonica\n",
    )
    assert [(problem.file, problem.line) for problem in report.problems] == [
        ("a.inc", 3),
        ("b.inc", 3),
    ]
    assert report.total_steps == 7


@pytest.mark.parametrize(
    ("runs", "total"),
    [
        ("variable n equal 2*500\nrun ${n}", 1000),
        ("variable n index 500\nrun $(2*v_n)\nrun 1", 1001),
        ("run ${steps}", None),
        ("run $(step+5)", None),
        ("run 500 upto", None),
        ("run 1e999", None),
        ("run $(1e308*10:%.0f)", None),
        ("run 100 every 10 'print a'\nminimize 0 0 5 5", 100),
        ("if 'x == y' then 'run 10' else 'run 20'", 20),
        ("variable n equal step\nif '${n} == 1' then 'run 10' else 'run 20'", 30),
        ("variable i loop 5\nlabel l\nrun 10\nnext i\njump SELF l", None),
    ],
)
def test_run_lengths(tmp_path: Path, runs: str, total: int | None) -> None:
    assert checked(tmp_path, f"{BOX}{runs}\n").total_steps == total


@pytest.mark.parametrize(
    ("deck", "message"),
    [
        ("", "in.melt: the deck has no `run` and no `minimize`: nothing to do."),
        ("# nothing", "in.melt: the deck has no `run` and no `minimize`: nothing to do."),
        ("run 5", "in.melt: the deck never makes a simulation box (create_box, read_data, read"),
        (b"\x7fELF\0\0", "in.melt: is not a text file, so it cannot be a LAMMPS script."),
    ],
)
def test_a_deck_that_is_none(tmp_path: Path, deck: str | bytes, message: str) -> None:
    (found,) = problems(tmp_path, deck)[:1]
    assert found.startswith(message)


def test_an_included_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"{BOX}include a.inc\nrun 5\n", a="a\0b")
    assert found.startswith("a.inc: is not a text file")


@pytest.mark.parametrize(
    "deck",
    [
        "variable s string 'if 1 then ${s}'\n${s}\nif 1 then ${s}\n",
        "variable s string 'run 1 every 1 ${s}'\nrun 1 every 1 ${s}\n",
    ],
)
def test_commands_that_hold_themselves_come_to_an_end(tmp_path: Path, deck: str) -> None:
    assert any("nested more than" in found for found in problems(tmp_path, BOX + deck))


def test_a_long_chain_of_files_comes_to_an_end(tmp_path: Path) -> None:
    files = {f"f{number}": f"include f{number + 1}.inc\n" for number in range(200)}
    found = problems(tmp_path, f"{BOX}include f0.inc\nrun 5\n", **files)
    assert any("nested more than" in problem for problem in found)


FRAGMENTS = [
    *["fix 1 all ", "compute 1 all ", "variable x ", "run ", "if ", " then ", " else ", "elif "],
    *["dump 1 all atom 5 x", "include ", "jump ", "next ", "label ", "\n", "&\n", "#", '"', "'"],
    *["$x", "${x}", "$(", ")", "1e999", "-1", "every ", "upto ", "equal ", "index ", "loop ", " "],
    *["in.melt", "..", "/", "~", "chunk/atom ", "print ", "ave/time ", "thermo_style custom "],
    *["npt temp 1 ", "pair_style ", "dump_modify 1 ", "group ", "deform ", "read_data ", "shell "],
    *STYLE_AT,
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
@example("fix 1 all print")
@example("compute 1 all chunk/atom")
@example("variable x equal 1e999\nrun $(v_x:%d)")
def test_no_deck_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, deck: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    report = checked(folder, deck)
    assert report.problems or report.missing or report.stages


@given(st.binary(max_size=200))
def test_no_bytes_are_a_surprise(tmp_path_factory: pytest.TempPathFactory, deck: bytes) -> None:
    report = checked(tmp_path_factory.getbasetemp(), deck)
    assert all(problem.file == "in.melt" for problem in report.problems)
    assert not report.ok


def test_every_style_and_command_that_is_looked_up_has_a_vocabulary() -> None:
    for kind, _ in STYLE_AT.values():
        assert not vocabulary.knows(kind, "no such style")
    assert all(vocabulary.knows("command", name) for name in {*STYLE_AT, *LEAST_WORDS})
    assert vocabulary.knows("fix", "nvt/omp")
    assert vocabulary.knows("pair", "none")
    assert not vocabulary.knows("command", "none")


CONTINUED = """units lj
variable again equal 0
variable last equal ${again}-1
if "${again} == 0" then "read_data chains.data" else "read_restart old.${last}"
"""


def test_files_of_a_branch_that_is_not_taken_are_not_missing(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{CONTINUED}run 10\n")
    assert [problem.message.split()[2] for problem in report.missing] == ["chains.data"]


@pytest.mark.parametrize("line", ["variable again equal 1", "next again"])
def test_a_condition_that_may_change_leaves_both_branches(tmp_path: Path, line: str) -> None:
    report = checked(tmp_path, f"{CONTINUED}run 10\n{line}\n")
    assert [problem.message.split()[2] for problem in report.missing] == ["chains.data", "old.-1"]


@pytest.mark.parametrize(
    ("between", "left_out"),
    [("read_data none", True), ("label other\nread_data none", False)],
)
def test_what_is_always_jumped_over_is_left_out(
    tmp_path: Path, between: str, left_out: bool
) -> None:
    jump = "if '0 <= 0' then 'jump SELF end'"
    report = checked(tmp_path, f"{BOX}{jump}\n{between}\nlabel end\nrun 10\n")
    assert (report.missing == ()) is left_out


def test_a_command_that_does_it_all_is_something_to_do(tmp_path: Path) -> None:
    assert checked(tmp_path, f"{BOX}dynamical_matrix all regular 0.001\n").ok
