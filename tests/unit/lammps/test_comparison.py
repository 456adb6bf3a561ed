"""What tells an interrupted run's outputs from an undisturbed one's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.lammps.comparison import (
    Completeness,
    Deviations,
    Form,
    compare_files,
    form_of,
    partners,
    read_log,
    tally,
)
from deckhand.lammps.thermo import Row
from deckhand.lammps.trajectory import TORN, Frame, frames

LOG = "LAMMPS (22 Jul 2025)\n   Step          Temp     \n" + "".join(
    f"{step:>10} {1 + step / 1000}\n" for step in (0, 100, 200, 300)
)
FRAME = (
    "ITEM: TIMESTEP\n{0}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 1\n0 1\n0 1\n"
    "ITEM: ATOMS id x\n1 0.5\n2 0.6\n"
)
XYZ = "2\n Atoms. Timestep: {0}\n1 0 0 0\n1 0 0 1\n"
STEPS = (0, 100, 200, 300)
FILES = {
    "log.lammps": LOG,
    "melt.lammpstrj": "".join(map(FRAME.format, STEPS)),
    "melt.xyz": "".join(map(XYZ.format, STEPS)),
    "msd.dat": "# time\n# TimeStep msd\n100 1.0\n200 2.0\n300 3.0\n",
    "notes.txt": "# Fix print output for fix note\nat 100 it is 1\nat 200 it is 2\n",
    "final.data": "LAMMPS data file via write_data\n\nMasses\n\n1 1.0\n\nAtoms\n\n1 0.5\n2 0.6\n",
    "diary.txt": "all done\n",
}


def written(folder: Path, texts: dict[str, str]) -> dict[str, Path]:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in texts}


def compared(tmp_path: Path, **changed: str) -> Completeness:
    texts = FILES | {name.replace("_", "."): text for name, text in changed.items()}
    return compare_files(written(tmp_path / "plain", FILES), written(tmp_path / "ours", texts))


def test_forms_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    files = written(tmp_path / "plain", FILES | {"a.restart": "LammpS RestartT\0\1\0"})
    assert {name: form_of(file) for name, file in files.items()} == {
        "log.lammps": Form.LOG,
        "melt.lammpstrj": Form.FRAMES,
        "melt.xyz": Form.FRAMES,
        "msd.dat": Form.ROWS,
        "notes.txt": Form.ROWS,
        "final.data": Form.STRUCTURE,
        "diary.txt": Form.TEXT,
        "a.restart": Form.BINARY,
    }


def test_equal_outputs_are_whole(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert found.is_whole
    assert (found.rows.expected, found.frames.expected) == (4 + 3 + 2, 4 + 4)


def test_other_values_are_no_fault(tmp_path: Path) -> None:
    assert compared(tmp_path, log_lammps=LOG.replace("1.1", "1.7")).is_whole


@pytest.mark.parametrize(
    ("name", "old", "new", "missing", "doubled"),
    [
        ("log.lammps", "       200 1.2\n", "", 1, 0),
        ("log.lammps", "       200 1.2\n", "       200 1.2\n" * 2, 0, 1),
        ("msd.dat", "200 2.0\n", "", 1, 0),
        ("msd.dat", "200 2.0\n", "100 1.0\n200 2.0\n", 0, 1),
        ("notes.txt", "at 100 it is 1\n", "", 1, 0),
    ],
)
def test_a_wrong_row_is_counted(
    tmp_path: Path, name: str, old: str, new: str, missing: int, doubled: int
) -> None:
    found = compared(tmp_path, **{name: FILES[name].replace(old, new, 1)})
    assert (found.rows.missing, found.rows.doubled) == (missing, doubled)
    assert name in found.problems[0]


@pytest.mark.parametrize("name", ["melt.lammpstrj", "melt.xyz"])
def test_a_wrong_frame_is_counted(tmp_path: Path, name: str) -> None:
    text = FILES[name]
    found = compared(tmp_path, **{name: text[: text.rfind("2", 0, -20)]})
    assert not found.is_whole
    assert found.frames.missing == 1


@pytest.mark.parametrize(
    "body", ["1 0.5\n", "1 0.5\n1 0.6\n", "1 0.5\n2\n", "1 0.5\n2 0.6\n2 0.6\n"]
)
def test_a_torn_frame_is_seen(body: str) -> None:
    dump = FRAME.format(0) + FRAME.format(7).replace("1 0.5\n2 0.6\n", body)
    assert list(frames(dump.encode())) == [Frame(0, 2), Frame(7, TORN)]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_a_fault(tmp_path: Path, name: str) -> None:
    ours = written(tmp_path / "ours", FILES)
    del ours[name]
    found = compare_files(written(tmp_path / "plain", FILES), ours)
    assert found.problems == (f"{name} is missing",)


def test_a_file_that_only_the_interrupted_run_writes_is_a_fault(tmp_path: Path) -> None:
    found = compared(tmp_path, more_txt="x\n")
    assert found.problems == ("more.txt is written only by the interrupted run",)


BONDS = "# Timestep {0}\n#\n 7 1 2\n 3 1 2\n# \n"


def test_the_order_of_atoms_is_lammps_own(tmp_path: Path) -> None:
    files = {"bonds": "".join(map(BONDS.format, STEPS))}
    plain = written(tmp_path / "plain", files)
    other = files["bonds"].replace(" 7 1 2\n 3 1 2\n", " 3 1 2\n 7 1 2\n", 2)
    assert compare_files(plain, written(tmp_path / "ours", {"bonds": other})).is_whole
    torn = files["bonds"].replace(" 7 1 2\n", "", 1)
    assert not compare_files(plain, written(tmp_path / "torn", {"bonds": torn})).is_whole


def test_records_in_another_order_are_a_fault(tmp_path: Path) -> None:
    assert tally([1, 2, 3], [1, 3, 2]).is_whole is False
    swapped = FILES["msd.dat"].replace("100 1.0\n200 2.0\n", "200 2.0\n100 1.0\n")
    found = compared(tmp_path, msd_dat=swapped)
    assert "not in order" in found.problems[0]


def row(step: int, *values: float, columns: tuple[str, ...] = ("Step", "Temp", "CPU")) -> Row:
    return Row(0, 0, step, columns, (str(step), *map(str, values)))


def test_deviation_is_relative_and_blind_to_the_clock() -> None:
    deviations = Deviations.measured_by([row(0, 2.0, 0.0), row(1, 2.0, 9.0)])
    assert deviations.of(row(1, 2.002, 1.0), row(1, 2.0, 9.0)) == pytest.approx(1e-3)
    assert deviations.of(row(1, 2.0, 1.0), row(1, 2.0, 9.0)) == 0.0


def test_a_value_near_zero_is_measured_by_its_column() -> None:
    deviations = Deviations.measured_by([row(0, 1.0, 0.0), row(1, -1.0, 0.0), row(2, 1e-9, 0.0)])
    assert deviations.of(row(2, 2e-9, 0.0), row(2, 1e-9, 0.0)) < 1e-8


def test_nan_is_an_infinite_deviation_from_a_number() -> None:
    deviations = Deviations.measured_by([row(0, 1.0, 0.0)])
    assert deviations.of(row(0, float("nan"), 0.0), row(0, 1.0, 0.0)) == float("inf")


def test_rows_of_the_same_step_meet_in_their_order() -> None:
    first, second = row(5, 1.0, 0.0), row(5, 2.0, 0.0)
    assert partners([row(5, 1.5, 0.0), row(5, 2.5, 0.0), row(5, 3.0, 0.0)], [first, second]) == [
        first,
        second,
        None,
    ]


def test_the_torn_last_line_of_a_killed_process_is_no_row(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text(LOG + "       400 1.")
    assert [found.step for found in read_log(file)] == [0, 100, 200, 300]


LARGER = FRAME.replace("ATOMS\n2", "ATOMS\n3", 1) + "3 0.7\n"
MORE_BONDS = FILES["final.data"] + "3 0.7\n"


@pytest.mark.parametrize(
    ("name", "of_control", "text", "whole"),
    [
        ("melt.lammpstrj", LARGER, LARGER, True),
        ("melt.lammpstrj", FRAME, LARGER, False),
        ("final.data", MORE_BONDS, MORE_BONDS, True),
        ("final.data", FILES["final.data"], MORE_BONDS, False),
    ],
)
def test_what_follows_from_the_trajectory_is_that_of_the_control(
    tmp_path: Path, name: str, of_control: str, text: str, whole: bool
) -> None:
    def texts(record: str) -> dict[str, str]:
        frame = "ITEM" in record
        return FILES | {name: "".join(map(record.format, STEPS)) if frame else record}

    found = compare_files(
        written(tmp_path / "plain", FILES),
        written(tmp_path / "ours", texts(text)),
        control=written(tmp_path / "control", texts(of_control)),
    )
    assert found.is_whole is whole


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("melt.lammpstrj", "".join(map(LARGER.format, (0, 100, 100, 200, 300)))),
        ("msd.dat", FILES["msd.dat"] + "300 3.0\n"),
        ("log.lammps", LOG + "       300 1.3\n"),
        ("diary.txt", "all done\nall done\n"),
    ],
)
def test_no_control_excuses_a_doubled_record(tmp_path: Path, name: str, text: str) -> None:
    found = compare_files(
        written(tmp_path / "plain", FILES),
        written(tmp_path / "ours", FILES | {name: text}),
        control=written(tmp_path / "control", FILES),
    )
    assert not found.is_whole
