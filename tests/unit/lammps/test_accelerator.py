"""Which accelerator suits a deck, and what of the deck would run on the host with it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from deckhand.domain.accelerator import Acceleration, Accelerator, suits_all
from deckhand.domain.deck import Severity
from deckhand.domain.run import CheckReport
from deckhand.lammps.preflight import check_folder

KOKKOS, GPU, PLAIN = Accelerator.KOKKOS, Accelerator.GPU, Accelerator.PLAIN

MELT = """\
atom_style molecular
create_box 1 box
pair_style lj/cut 2.5
bond_style fene
fix 1 all nvt temp 1 1 1
run 100
"""
RIGID = MELT.replace("fix 1 all nvt temp 1 1 1", "fix 1 all rigid/small molecule")


def check(folder: Path, text: str, wanted: Accelerator | None = None) -> CheckReport:
    (folder / "in.melt").write_text(text)
    return check_folder(folder, "in.melt", {}, wanted)


def chosen(folder: Path, text: str) -> Acceleration:
    return check(folder, text).acceleration


def test_kokkos_where_nothing_is_left_to_the_host(tmp_path: Path) -> None:
    found = chosen(tmp_path, MELT)
    assert found == Acceleration(
        accelerator=KOKKOS, why="Every style that works at each step has a KOKKOS version."
    )
    assert found.flags(1) == (
        "-k",
        "on",
        "g",
        "1",
        "-sf",
        "kk",
        "-pk",
        "kokkos",
        "gpu/aware",
        "off",
    )


def test_the_gpu_package_where_kokkos_would_leave_something_to_the_host(tmp_path: Path) -> None:
    report = check(tmp_path, RIGID)
    found = report.acceleration
    assert found.accelerator is GPU
    assert found.why == (
        "The GPU package has its pair style; with KOKKOS, fix rigid/small (in.melt, line 5) "
        "would run on the host."
    )
    assert found.on_host == ("bond fene", "fix rigid/small")
    assert [(item.severity, item.line, item.message) for item in report.problems] == [
        (Severity.NOTE, 4, "bond fene has no version in the GPU package: it runs on the host."),
        (
            Severity.NOTE,
            5,
            "fix rigid/small has no version in the GPU package: it runs on the host.",
        ),
    ]
    assert found.flags(2) == ("-sf", "gpu", "-pk", "gpu", "2")


def test_kokkos_where_only_it_has_the_pair_style(tmp_path: Path) -> None:
    report = check(tmp_path, RIGID.replace("lj/cut 2.5", "meam"))
    assert report.acceleration.accelerator is KOKKOS
    assert report.acceleration.why == "KOKKOS has pair meam."
    assert report.acceleration.on_host == ("fix rigid/small",)
    assert "copied to and fro at every step" in report.problems[-1].message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MELT.replace("lj/cut 2.5", "airebo 3.0"), "KOKKOS nor the GPU package has pair airebo"),
        (MELT.replace("lj/cut 2.5", "none"), "names no pair style"),
        (MELT.replace("pair_style lj/cut 2.5\n", ""), "names no pair style"),
        (MELT.replace("lj/cut 2.5", "${p} 2.5"), "has pair ${p}"),
        ("package omp 4\n" + MELT, "The deck has a `package omp` of its own (in.melt, line 1)."),
        ("suffix off\n" + MELT, "The deck has a `suffix off` of its own (in.melt, line 1)."),
    ],
)
def test_plain_where_neither_helps(tmp_path: Path, text: str, why: str) -> None:
    report = check(tmp_path, text)
    assert report.acceleration.accelerator is PLAIN
    assert why in report.acceleration.why
    assert report.acceleration.flags(1) == ()
    assert not report.acceleration.on_host


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("atom_style hybrid sphere body nparticle 2 6", "KOKKOS has no `atom_style body`"),
        ("run_style respa 2 2", "KOKKOS has no `run_style respa`"),
        ("min_style fire", "KOKKOS has no `min_style fire`"),
        ("neighbor 0.3 multi", "KOKKOS has no neighbor lists of style multi"),
        ("labelmap atom 1 C", "KOKKOS has no labels for types"),
        ("compute 1 all heat/flux/tally all", "run with `compute heat/flux/tally`"),
        ("bond_style hybrid fene nonlinear", "no `bond_style nonlinear` for a hybrid one"),
        ("pair_style hybrid/scaled 1 lj/cut 2.5", "no `pair_style hybrid/scaled` for a hybrid"),
        ("fix 3 all rattle 1e-4 20 0 b 1", "KOKKOS does not run with `fix rattle`"),
        ("compute 1 all mliap x", "KOKKOS does not run with `compute mliap`"),
        ("fix 3 all pour 10 1 29494 region r", "KOKKOS does not run with `fix pour`"),
        ("fix 3 all shake 1e-4 20 0 b 1\nminimize 0 0 9 9", "not minimize with `fix shake`"),
        ("region c cylinder z 0 0 1 0 1\nfix 3 all setforce 0 0 0 region c", "style cylinder"),
        ("fix 3 all efield 0 0 0 region nowhere", "a region of style unknown"),
        ("fix 3 all npt temp 1 1 1 iso 0 0 1\nfix 4 all rigid single", "rigid bodies in it"),
        ("suffix gpu", "the deck has a `suffix gpu` of its own"),
    ],
)
def test_what_bars_kokkos(tmp_path: Path, line: str, reason: str) -> None:
    lines = MELT.replace("run 100\n", f"{line}\nrun 100\n")
    found = chosen(tmp_path, lines)
    assert found.accelerator is GPU
    assert reason in found.why
    report = check(tmp_path, lines, KOKKOS)
    assert not report.ok
    error = next(item for item in report.problems if reason in item.message)
    assert error.severity is Severity.ERROR
    assert error.line == 6 + line.count("\n")
    assert "Take that out of run.yaml: Deckhand would choose gpu." in error.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("atom_style template mol", "no `atom_style template`"),
        ("kspace_style pppm 1e-4\nkspace_modify diff ad", "knows `kspace_modify diff ad`"),
        ("fix 3 all balance 100 1.1 shift x 10 1.1\nkspace_style pppm 1e-4", "`fix balance`"),
        ("package omp 2", "`package omp` of its own"),
        ("suffix kk", "`suffix kk` of its own"),
    ],
)
def test_what_bars_the_gpu_package(tmp_path: Path, text: str, reason: str) -> None:
    report = check(tmp_path, MELT.replace("run 100\n", f"{text}\nrun 100\n"), GPU)
    error = next(item for item in report.problems if reason in item.message)
    assert error.severity is Severity.ERROR


@pytest.mark.parametrize(
    "lines",
    [
        "suffix on",
        "fix 3 all setforce 0 0 0 region ball",
        "fix 3 all rigid single\nunfix 3\nfix 4 all npt temp 1 1 1 iso 0 0 1\nunfix 4",
        "fix 3 all shake 1e-4 20 0 b 1\nunfix 3\nminimize 0 0 9 9",
        "kspace_style pppm 1e-4\nkspace_modify diff ik",
        "neighbor 0.3 bin",
        "min_style cg",
        "newton off",
    ],
)
def test_what_bars_nothing(tmp_path: Path, lines: str) -> None:
    region = "region ball sphere 0 0 0 1\n"
    report = check(tmp_path, MELT.replace("run 100\n", f"{region}{lines}\nrun 100\n"), KOKKOS)
    assert report.ok
    assert not report.acceleration.settings


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (f"newton on\n{MELT}", ("neigh", "half", "newton", "on")),
        (f"newton off on\n{MELT}", ("neigh", "half", "newton", "on")),
        (MELT.replace("lj/cut 2.5", "tersoff"), ("neigh", "half", "newton", "on")),
        (MELT.replace("lj/cut 2.5", "gran/hooke/history 1 2 3 4 5 6"), ("neigh", "half")),
        (MELT.replace("fene", "fene\ndihedral_style charmm"), ("neigh", "half")),
        (MELT, ()),
    ],
)
def test_kokkos_gets_the_lists_that_the_deck_demands(
    tmp_path: Path, text: str, settings: tuple[str, ...]
) -> None:
    assert check(tmp_path, text, KOKKOS).acceleration.settings == settings


@pytest.mark.parametrize(
    "line",
    [
        "pair_style hybrid lj/cut 2.5 lj/cut/coul/cut 2.5",
        "neigh_modify exclude group all all",
        "region slope prism 0 1 0 1 0 1 0.1 0 0",
        "change_box all triclinic",
        "read_data tilted.data",
        "read_data tilted.data.gz",
    ],
)
def test_the_gpu_package_is_given_lists_that_it_cannot_build(tmp_path: Path, line: str) -> None:
    head = b"LAMMPS data\n\n8 atoms\n\n0 1 xlo xhi\n0 0.1 0 xy xz yz\n\nAtoms\n\n"
    (tmp_path / "tilted.data").write_bytes(head)
    (tmp_path / "tilted.data.gz").write_bytes(gzip.compress(head))
    report = check(tmp_path, RIGID.replace("run 100\n", f"{line}\nrun 100\n"))
    assert report.acceleration.accelerator is GPU
    assert report.acceleration.settings == ("neigh", "no")


def test_a_restart_file_may_have_newton_on(tmp_path: Path) -> None:
    """LAMMPS takes that of the file for bonds, which full lists do not go with."""
    (tmp_path / "old.restart").write_bytes(b"LammpS RestartT")
    read = MELT.replace("create_box 1 box", "read_restart old.restart")
    assert check(tmp_path, read).acceleration.settings == ("neigh", "half", "newton", "on")
    assert check(tmp_path, MELT).acceleration.settings == ()


def test_labels_of_types_in_a_data_file_bar_kokkos(tmp_path: Path) -> None:
    (tmp_path / "a.data").write_text("LAMMPS\n\n1 atom types\n\nAtom Type Labels\n\n1 C\n")
    (tmp_path / "broken.data.gz").write_bytes(b"\x1f\x8bnothing")
    text = MELT.replace("create_box 1 box", "read_data broken.data.gz\nread_data a.data")
    assert "no labels for types (in.melt, line 3)" in chosen(tmp_path, text).why


def test_substyles_of_a_hybrid_are_looked_at_each(tmp_path: Path) -> None:
    text = MELT.replace("lj/cut 2.5", "hybrid/overlay lj/cut 2.5 airebo 3.0 none")
    report = check(tmp_path, text)
    assert report.acceleration.accelerator is KOKKOS
    assert report.acceleration.on_host == ("pair airebo",)
    assert report.acceleration.settings == ("neigh", "half", "newton", "on")


def test_what_run_yaml_asks_for_goes_before_the_choice(tmp_path: Path) -> None:
    report = check(tmp_path, RIGID, KOKKOS)
    assert report.ok
    assert report.acceleration.accelerator is KOKKOS
    assert report.acceleration.why == "run.yaml asks for it."
    assert report.acceleration.on_host == ("fix rigid/small",)
    assert check(tmp_path, MELT, PLAIN).acceleration.accelerator is PLAIN


def test_one_accelerator_suits_all_points_or_none() -> None:
    bare = Acceleration(accelerator=KOKKOS)
    half = Acceleration(accelerator=KOKKOS, settings=("neigh", "half"))
    assert suits_all([bare, half, bare]) == half
    assert suits_all([bare, Acceleration(accelerator=GPU)]).accelerator is PLAIN


def test_descriptors_of_ace_bar_kokkos(tmp_path: Path) -> None:
    mliap = "mliap model linear a.model descriptor ace a.descriptor"
    assert "ACE (in.melt, line 3)" in chosen(tmp_path, MELT.replace("lj/cut 2.5", mliap)).why
