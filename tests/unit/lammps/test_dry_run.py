"""The dry run in the real LAMMPS: what it finds, leaves to a real run, and withholds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deckhand.cli.engine import find_engine
from deckhand.domain.run import Bound, DryRun
from deckhand.lammps.doubt import bound_of
from deckhand.lammps.dry_run import carry
from deckhand.lammps.sandbox import MEMORY_BYTES, Request, dry_run
from tests.engine import ONE_ATOM

ENGINE = find_engine("This test")
SECONDS = 60.0
SECRET = "wJalrXUtnFEMIK7MDENG"


def carried(folder: Path, deck: str, name: str = "in.deck") -> DryRun:
    """Without the sandbox, which makes it quicker, and leaves the rest to hold alone."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(deck)
    variables = [f"{key}={value}" for key, value in ENGINE.environment.items()]
    lmp = ("env", *variables, str(ENGINE.lmp))
    with TemporaryDirectory() as scratch:
        return carry(
            Request(root=folder, deck=name, scratch=Path(scratch), lmp=lmp, seconds=SECONDS)
        )


def dried(
    folder: Path,
    deck: str,
    *,
    seconds: float = SECONDS,
    memory: int = MEMORY_BYTES,
) -> DryRun:
    (folder / "in.deck").write_text(deck)
    return dry_run(folder, "in.deck", [str(ENGINE.lmp)], seconds, ENGINE.environment, memory)


def line_of(deck: str, command: str) -> int:
    return next(n for n, line in enumerate(deck.splitlines(), start=1) if command in line)


# ---- what it finds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("pair_coeff 1 1 foo", "LAMMPS says: Incorrect args for pair coefficients"),
        ("pair_coeff 1 3 1 1", "Numeric index 3 is out of bounds"),
        ("fix heat all nvt temp 1.0 1.0", "nvt temp"),
        ("velocity all create 1.0", "Illegal velocity command: missing argument"),
        ("group cold type", "group"),
        ("include gone.inc", "cannot read gone.inc"),
    ],
)
def test_a_wrong_argument_is_found_with_its_line(tmp_path: Path, wrong: str, says: str) -> None:
    deck = f"{ONE_ATOM}pair_style lj/cut 2.5\npair_coeff 1 1 1 1\n{wrong}\nrun 100\n"
    found = carried(tmp_path, deck)
    assert found.problem is not None, found
    assert says in found.problem.message
    assert (found.problem.file, found.problem.line) == ("in.deck", line_of(deck, wrong))


def test_what_lammps_finds_when_it_sets_a_run_up_is_found(tmp_path: Path) -> None:
    deck = f"{ONE_ATOM}pair_style morse 2.5\nrun 100\n"
    found = carried(tmp_path, deck)
    assert found.problem is not None
    assert "All pair coeffs are not set" in found.problem.message
    assert found.problem.line == line_of(deck, "run 100")


@pytest.mark.parametrize(
    "atoms",
    ["1 1 1 1 1\n", "1 1 1 1 1\n2 3 2 2 2\n", "1 1 1 1 1\n2 1 2 2 two\n"],
)
def test_a_data_file_that_does_not_fit_is_found(tmp_path: Path, atoms: str) -> None:
    box = "0 4 xlo xhi\n0 4 ylo yhi\n0 4 zlo zhi\n"
    data = f"two\n\n2 atoms\n1 atom types\n\n{box}\nAtoms\n\n{atoms}"
    (tmp_path / "atoms.data").write_text(data)
    found = carried(tmp_path, "units lj\nread_data atoms.data\nrun 1\n")
    assert found.problem is not None
    assert (found.problem.file, found.problem.line) == ("in.deck", 2)
    assert "See https://docs.lammps.org/read_data.html." in found.problem.message


def test_it_counts_steps_atoms_and_the_bytes_of_a_checkpoint(tmp_path: Path) -> None:
    deck = f"{ONE_ATOM}variable i loop 3\nlabel again\nrun ${{i}}00\nnext i\njump SELF again\n"
    found = carried(tmp_path, f"{deck}minimize 1e-4 1e-4 10 10\nrun 600 upto\nrun 1000 upto\n")
    assert [stage.steps for stage in found.stages] == [100, 200, 300, None, 0, 400]
    assert (found.total_steps, found.atoms, found.is_whole) == (1000, 1, True)
    assert found.stages[3].line == line_of(deck, "jump") + 1
    assert found.checkpoint_bytes is not None
    assert found.checkpoint_bytes > 1000
    assert found.shortfall == ""


def test_a_million_windows_are_counted_but_not_listed(tmp_path: Path) -> None:
    deck = f"{ONE_ATOM}variable i loop 1200\nlabel again\nrun 10\nnext i\njump SELF again\n"
    found = carried(tmp_path, deck)
    assert (found.total_steps, len(found.stages)) == (12_000, 1000)


# ---- what it leaves to a real run ----------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        # No run, no motion: every one of these is fine when the run takes place.
        "variable d equal 1/ke\nprint 'D = $(v_d)'",
        "velocity all scale 1.0",
        "print 'x' file half.inc\nrun 10\nread_restart state.100",
        "if '$(step) == 0' then 'pair_coeff 1 1 foo'",
        "variable s equal floor(step/100)\nif '${s} < 1' then 'fix'",
        "dump d all custom 50 frame.*.inc id\ninclude frame.100.inc",
        "quit 1",
    ],
)
def test_what_skipped_runs_may_have_caused_does_not_blame_the_deck(
    tmp_path: Path, after: str
) -> None:
    head = f"{ONE_ATOM}restart 100 state\nrun 100\n"
    found = carried(tmp_path, f"{head}{after}\nrun 10\n")
    assert found.problem is None
    assert found.trouble != ""
    assert found.shortfall != ""


@pytest.mark.parametrize("wrong", ["pair_coeff 1 1 foo bar", "fix f all nvt temp ${T}"])
def test_after_a_run_wrong_arguments_are_still_found(tmp_path: Path, wrong: str) -> None:
    head = f"variable T index 1.0\n{ONE_ATOM}run 100\n"
    found = carried(tmp_path, f"{head}{wrong}\nrun 10\n")
    assert found.problem is not None, found
    assert found.problem.line == line_of(f"{head}{wrong}", wrong)


def test_a_deck_that_never_ends_is_given_up(tmp_path: Path) -> None:
    deck = f"{ONE_ATOM}label again\nrun 10\nif '$(step) < 100' then 'jump SELF again'\n"
    found = dried(tmp_path, deck, seconds=2)
    assert (found.ended, found.problem) == (False, None)


def test_a_loop_that_asks_lammps_nothing_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deckhand.lammps.sandbox.GRACE_SECONDS", 1)
    found = dried(tmp_path, "label again\njump SELF again\n", seconds=1)
    assert (found.ended, found.problem) == (False, None)


def test_too_little_memory_is_no_fault_of_the_deck(tmp_path: Path) -> None:
    deck = ONE_ATOM.replace("0 4 0 4 0 4", "0 300 0 300 0 300").replace(
        "create_atoms 1 single 1 1 1", "lattice fcc 1.0\ncreate_atoms 1 box"
    )
    found = dried(tmp_path, f"{deck}run 1\n", memory=400 * 1024**2)
    assert found.problem is None
    assert found.trouble != ""
    assert found.bound is Bound.MEMORY


def test_too_little_time_is_what_a_longer_dry_run_could_help(tmp_path: Path) -> None:
    clock = "variable {} timer\n"
    waits = "label again\n" + clock.format("now") + "variable t equal v_now-v_began\n"
    deck = clock.format("began") + waits + 'if "${t} < 60" then "jump SELF again"\n'
    found = dried(tmp_path, f"{deck}{ONE_ATOM}run 1\n", seconds=1)
    assert (found.ended, found.bound) == (False, Bound.TIME)


def test_a_deck_that_waits_for_what_a_run_would_do_needs_no_more_time(tmp_path: Path) -> None:
    waits = 'label again\nrun 20\nif "$(step) < 100" then "jump SELF again"\n'
    found = dried(tmp_path, f"{ONE_ATOM}{waits}", seconds=3)
    assert (found.ended, found.bound) == (False, None)


def test_what_lammps_says_of_its_memory_in_passing_is_no_lack_of_it() -> None:
    assert bound_of("Per MPI rank memory allocation (min/avg/max) = 3.0 | 3.0 | 3.0 Mbytes") is None
    assert bound_of("ERROR: Failed to allocate 8 bytes for array atom:x") is Bound.MEMORY
    assert bound_of("OSError: [Errno 28] No space left on device: 'a'") is Bound.DISK


def test_the_copy_of_a_large_file_is_none_of_the_files_that_a_deck_may_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deckhand.lammps.sandbox.LARGEST_FILE_BYTES", 1024**2)
    (tmp_path / "large.dat").write_bytes(b"x" * 3 * 1024**2)
    assert dried(tmp_path, f"{ONE_ATOM}run 1\n").is_whole


@pytest.mark.parametrize("lmp", ["/nonexistent/lmp", "/bin/false", "/bin/cat"])
def test_a_machine_without_a_working_lammps_is_no_fault_of_the_deck(
    tmp_path: Path, lmp: str
) -> None:
    (tmp_path / "in.deck").write_text(f"{ONE_ATOM}run 1\n")
    found = dry_run(tmp_path, "in.deck", [lmp], 2)
    assert found.problem is None
    assert not found.is_whole


# ---- what it withholds ---------------------------------------------------------------------------


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment of a Lambda function holds."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_no_credentials_are_in_its_environment(tmp_path: Path, name: str) -> None:
    """A deck can have a variable of the environment printed: those that are there."""
    deck = f"{ONE_ATOM}variable v getenv {{name}}\nquit ${{v}}\n"
    found = dried(tmp_path, deck.replace("{name}", "OMP_NUM_THREADS"))
    assert found.problem is not None
    assert "`quit 1`" in found.problem.message
    found = dried(tmp_path, deck.replace("{name}", name))
    assert SECRET not in found.model_dump_json()


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    "leak",
    [
        "include /proc/self/environ",
        "variable f string /proc/self/environ\ninclude ${f}",
        "variable f index in.empty /proc/self/environ\nnext f\ninclude ${f}",
        "variable f index in.empty /proc/self/environ\nnext f\njump ${f}",
        "variable f string /proc/{pid}/environ\nread_data ${f}",
        "variable f string /proc/{pid}/environ\nvariable v file ${f}\npair_coeff 1 1 ${v}",
        "pair_style table linear 10\npair_coeff 1 1 /proc/{pid}/environ KEY",
        "molecule m /proc/{pid}/environ",
        "read_data ../../proc/{pid}/environ",
        "variable up string ..\nread_data ${up}/${up}/environ",
    ],
)
def test_no_credentials_get_into_what_is_said(tmp_path: Path, leak: str) -> None:
    (tmp_path / "in.empty").write_text("")
    deck = ONE_ATOM + leak.replace("{pid}", str(os.getpid())) + "\nrun 1\n"
    found = carried(tmp_path, deck)
    assert found.problem is not None, found
    assert SECRET not in found.model_dump_json()


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    "program",
    [
        "shell touch {out}",
        "variable c string shell\n${c} touch {out}",
        "variable c index print shell\nnext c\n${c} touch {out}",
        "if 'yes == yes' then 'shell touch {out}'",
        "run 10 every 5 'shell touch {out}'",
        "python f source here 'x'",
        "plugin load {out}",
        "log {out}",
        "dump d all atom 10 {out}",
        "print 'x' file {out}",
        "write_data ../{name}",
    ],
)
def test_nothing_is_started_or_written_outside(tmp_path: Path, program: str) -> None:
    drop = tmp_path / "drop"
    out = tmp_path / "out"
    deck = ONE_ATOM + program.replace("{out}", str(out)).replace("{name}", out.name) + "\nrun 1\n"
    found = carried(drop, deck)
    assert found.problem is not None, found
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["drop", "in.deck"]


def test_paths_inside_the_drop_and_slashes_in_text_are_fine(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/forces.inc").write_text("pair_style lj/cut 2.5\npair_coeff 1 1 1 1\n")
    text = "print '/etc/passwd'\nvariable half equal 1 / 2\nfix p all print 10 '/tmp ..'\n"
    files = "include ../shared/forces.inc\nshell mkdir out\nlog ./out/log.here\n"
    found = carried(tmp_path, f"{ONE_ATOM}{text}{files}run 10\n", name="decks/in.deck")
    assert found.problem is None
    assert found.is_whole


def test_it_has_no_network(tmp_path: Path) -> None:
    assert dried(tmp_path, f"{ONE_ATOM}run 1\n").network in ("namespace", "filter")


def test_a_temporary_folder_with_a_blank_in_its_path_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAMMPS cuts commands at blanks; a clone of this repository may lie anywhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    assert dried(tmp_path, f"{ONE_ATOM}run 1\n").is_whole
