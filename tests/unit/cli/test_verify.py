"""`deckhand verify` on a run and on what `deckhand results` has downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deckhand.cli import place
from deckhand.cli.app import app
from deckhand.domain import keys
from deckhand.domain.certificate import (
    CertifiedPiece,
    certified_body,
    certified_file,
    compose_certificate,
)
from tests.makers import RUN, admitted_run, manifest, run_record
from tests.unit.cli.conftest import Deployed

FRAMES = (b"frame 1\n", b"frame 2\n", b"frame 3\n")


@pytest.fixture(autouse=True)
def _no_local_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(place.LOCAL_STATES, str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def closed(deployed: Deployed) -> Deployed:
    """A run with certified results in its stack."""
    parts = [certified_body("", frame) for frame in FRAMES]
    pieces = [CertifiedPiece(size=part.size, sha256=str(part.sha256)) for part in parts]
    files = [certified_body("log.lammps", b"Step\n"), certified_file("traj.xyz", pieces)]
    made = compose_certificate(run_record(), admitted_run(), manifest(10, 1), files)
    deployed.ledger.admit(run_record())
    for path, body in {
        "log.lammps": b"Step\n",
        "traj.xyz": b"".join(FRAMES),
        keys.CERTIFICATE_NAME: made.model_dump_json().encode(),
    }.items():
        deployed.runs.write(keys.result(RUN, path), body)
    return deployed


def locally(*words: str) -> Result:
    return CliRunner().invoke(app, ["verify", *words])


def test_a_run_is_verified_where_it_lies(closed: Deployed) -> None:
    result = closed.type("verify", "melt")
    assert result.exit_code == 0, result.output
    assert f"2 of 2 certified files of {RUN} are as they were written." in result.output


def test_downloaded_results_are_verified_without_a_cloud(closed: Deployed) -> None:
    told = closed.type("results", RUN, "out dir")
    assert "Next: deckhand verify out dir" in told.output
    result = locally("out dir")
    assert result.exit_code == 0, result.output
    assert result.output.split()[:2] == ["ok", "log.lammps"]


def test_a_damaged_byte_is_named_by_its_range(closed: Deployed) -> None:
    closed.type("results", RUN, "out")
    trajectory = Path("out/traj.xyz")
    trajectory.write_bytes(trajectory.read_bytes().replace(b"frame 2", b"frame 7"))
    Path("out/notes.txt").write_text("mine")
    Path("out/log.lammps").unlink()
    result = locally("out")
    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "damaged traj.xyz bytes 8 to 15; it has 24 bytes" in lines
    assert "missing log.lammps 5 bytes" in lines
    assert "not certified notes.txt 4 bytes" in lines
    assert f"Next: deckhand results {RUN} out downloads them again." in lines


def test_programs_get_json(closed: Deployed) -> None:
    closed.runs.write(keys.result(RUN, "traj.xyz"), FRAMES[0] + FRAMES[1])
    result = closed.type("verify", RUN, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["ok"], found["run_id"]) == (False, RUN)
    assert found["files"] == [
        {"path": "log.lammps", "condition": "ok", "size": 5, "damaged": []},
        {
            "path": "traj.xyz",
            "condition": "damaged",
            "size": 16,
            "damaged": [{"begin": 16, "end": 24}],
        },
    ]


def test_a_folder_goes_before_a_run_of_its_name(closed: Deployed) -> None:
    closed.type("results", RUN)
    Path(RUN, "log.lammps").write_bytes(b"Stop\n")
    assert closed.type("verify", RUN).exit_code == 1
    assert closed.type("verify", RUN, "--cloud").exit_code == 0


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("empty", "empty has no certificate.json"),
        ("no/where", "no/where is not a folder with results"),
        ("in.melt", "in.melt is not a folder with results"),
    ],
)
def test_what_cannot_be_verified_is_one_line(what: str, expected: str) -> None:
    Path("empty").mkdir()
    Path("in.melt").write_text("run 1\n")
    result = locally(what)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_run_without_results_says_where_to_look(deployed: Deployed) -> None:
    deployed.ledger.admit(run_record())
    result = deployed.type("verify", RUN)
    assert result.exit_code == 1
    assert f"deckhand show {RUN}" in result.stderr
