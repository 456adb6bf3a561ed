"""The self-test by hand, and that nothing holds it."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deckhand.cli.app import app
from deckhand.domain.selftest import Finding, Mark, passed
from deckhand.domain.status import ExitCode
from deckhand.runner.selftest import bounded, prove_all
from tests.conftest import ROOT
from tests.engine import LMP
from tests.nvml import make_driver


def marks(**environment: str) -> dict[str, Mark]:
    found = prove_all({"PATH": os.environ["PATH"], **environment})
    return {check.name: check.mark for check in found.checks}


def test_a_check_that_hangs_is_left_behind() -> None:
    def hang() -> Finding:
        time.sleep(600)
        return passed("never")

    begin = time.monotonic()
    check = bounded("disk", hang, 0.1)
    assert (check.mark, check.sentence) == (Mark.FAILED, "No answer within 0.1 s.")
    assert time.monotonic() - begin < 10


def test_a_check_that_falls_over_has_failed() -> None:
    def fall() -> Finding:
        raise OSError("no such device")

    check = bounded("disk", fall, 5)
    assert (check.mark, check.sentence) == (Mark.FAILED, "OSError: no such device")


def test_what_nobody_promised_is_not_looked_for(tmp_path: Path) -> None:
    found = marks(DECKHAND_SCRATCH=str(tmp_path / "scratch"), CUDA_VISIBLE_DEVICES="")
    assert found == {
        "gpu": Mark.LEFT_OUT,
        "driver": Mark.LEFT_OUT,
        "gpu memory": Mark.LEFT_OUT,
        "lammps": Mark.LEFT_OUT,
        "disk": Mark.PASSED,
        "s3": Mark.LEFT_OUT,
        "metadata": Mark.LEFT_OUT,
    }


def test_the_run_and_the_metadata_service_are_asked_for(tmp_path: Path) -> None:
    runs, metadata = tmp_path / "runs", tmp_path / "metadata"
    runs.mkdir()
    metadata.mkdir()
    given = {
        "DECKHAND_SCRATCH": str(tmp_path),
        "RUNS_BUCKET": runs.as_uri(),
        "RUN_ID": "melt-0123456789abcdef",
        "METADATA_FOLDER": str(metadata),
    }
    assert marks(**given)["metadata"] is Mark.FAILED
    (metadata / "instance-id").write_text("i-0123456789abcdef0")
    found = marks(**given)
    assert (found["s3"], found["metadata"]) == (Mark.PASSED, Mark.PASSED)


def test_a_person_is_shown_a_table_and_a_program_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = make_driver(tmp_path)
    libraries = Path(sys.prefix) / "lib"  # of the MPI
    for name, value in {
        **driver.environment(str(libraries)),
        "PYTHONPATH": str(ROOT / "layers/core"),
        "GPUS": "1",
        "LMP": str(LMP),
        "LMP_FLAGS": "-sf opt",
        "CUDA_VERSION": "12.4.1",
    }.items():
        monkeypatch.setenv(name, value)
    good = CliRunner().invoke(app, ["runner", "selftest"])
    assert good.exit_code == 0, good.output
    assert "1 visible: NVIDIA A100-SXM4-40GB." in good.output
    assert "100 steps of 864 atoms" in good.output
    driver.tell(count=0)
    bad = CliRunner().invoke(app, ["runner", "selftest", "--json"])
    assert bad.exit_code == ExitCode.UNFIT_HOST
    assert json.loads(bad.output)["checks"][0]["mark"] == "failed"
