"""The job of a check, with the real LAMMPS: an order in, an answer out."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deckhand.cli.engine import find_engine
from deckhand.domain import keys
from deckhand.domain.check import CheckAnswer, CheckOrder, read_answer
from deckhand.domain.errors import EngineError, StorageError
from deckhand.domain.run import Bound, DryRun, InputFile
from deckhand.lammps.sandbox import GRACE_SECONDS
from deckhand.runner.check import ANSWER_SECONDS, Check, Settings
from tests.engine import ONE_ATOM
from tests.fakes import FakeBucket
from tests.makers import RUN

ENGINE = find_engine("This test")
CHECK = "0123456789abcdef"
ANSWER = keys.check_answer(RUN, CHECK)


def ordered(bucket: FakeBucket, deck: str, **files: bytes) -> None:
    """What CheckDeck leaves: frozen files, and an order that names them."""
    bodies = {"in.deck": deck.encode(), **files}
    inputs = []
    for path, body in bodies.items():
        bucket.write(keys.deck(RUN, path), body)
        sha256 = hashlib.sha256(body).hexdigest()
        inputs.append(InputFile(path=path, version_id="1", size=len(body), sha256=sha256))
    order = CheckOrder(
        run_id=RUN,
        check_id=CHECK,
        deck="in.deck",
        inputs=tuple(inputs),
        variables={"N": 700},
        why="Its time was over.",
    )
    bucket.write(keys.check_order(RUN, CHECK), order.model_dump_json().encode())


@pytest.fixture
def check(tmp_path: Path) -> Check:
    settings = Settings.read(
        {
            "RUN_ID": RUN,
            "CHECK_ID": CHECK,
            "RUNS_BUCKET": "runs",
            "DECKHAND_SCRATCH": str(tmp_path),
            "LMP": str(ENGINE.lmp),
            "CHECK_SECONDS": "120",
            "CHECK_MEMORY_MIB": "4096",
        }
    )
    environment = {"PATH": os.environ["PATH"], **ENGINE.environment}
    return Check(settings, FakeBucket("runs"), environment, time.monotonic(), "job-7")


def bucket_of(check: Check) -> FakeBucket:
    assert isinstance(check.bucket, FakeBucket)
    return check.bucket


def answered(check: Check) -> CheckAnswer:
    answer = read_answer(check.bucket.read(ANSWER))
    assert answer is not None
    return answer


def test_a_sound_deck_is_answered_with_what_it_is(check: Check) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}run ${{N}}\n")
    assert check.carry().is_whole
    answer = answered(check)
    assert (answer.run_id, answer.check_id, answer.job_id) == (RUN, CHECK, "job-7")
    assert (answer.dry_run.total_steps, answer.dry_run.atoms) == (700, 1)
    assert answer.dry_run.network in ("namespace", "filter")


def test_what_is_wrong_with_a_deck_is_an_answer(check: Check) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}pair_coeff 1 3\nrun 1\n")
    check.carry()
    problem = answered(check).dry_run.problem
    assert problem is not None
    assert (problem.file, problem.line) == ("in.deck", 9)
    assert "Numeric index 3 is out of bounds" in problem.message


def test_the_first_answer_stands(check: Check) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}run 1\n")
    first = CheckAnswer(run_id=RUN, check_id=CHECK, dry_run=DryRun(total_steps=3))
    check.bucket.write(ANSWER, first.model_dump_json().encode())
    assert check.carry().total_steps == 1
    assert answered(check) == first


def test_it_gives_up_in_time_to_say_so(check: Check) -> None:
    ordered(bucket_of(check), "label again\nvariable x equal 1\njump SELF again\n")
    seconds = 1.0 + GRACE_SECONDS + ANSWER_SECONDS
    late = replace(check, settings=replace(check.settings, seconds=seconds))
    late.carry()
    assert time.monotonic() - late.began < seconds
    assert answered(late).dry_run.bound is Bound.TIME


def test_a_deck_that_does_not_fit_on_the_disk_is_said_so(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}run 1\n")
    monkeypatch.setattr("deckhand.runner.check.ROOM_MIB", 10**12)
    assert check.carry().bound is Bound.DISK
    assert "MiB of disk, and there are" in answered(check).dry_run.trouble


def test_files_that_are_not_those_of_the_order_are_no_evidence(check: Check) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}run 1\n")
    check.bucket.write(keys.deck(RUN, "in.deck"), b"run 2\n")
    with pytest.raises(StorageError, match="not the one that was admitted"):
        check.carry()
    assert check.bucket.read(ANSWER) is None


def test_without_an_order_there_is_nothing_to_answer(check: Check) -> None:
    with pytest.raises(StorageError, match="there is no runs/"):
        check.carry()


def test_the_image_has_a_program_for_machines_without_a_gpu(check: Check, tmp_path: Path) -> None:
    ordered(bucket_of(check), f"{ONE_ATOM}run 1\n")
    image = tmp_path / "image"
    image.mkdir()
    (image / "lmp-sm_80").write_text("#!/bin/sh\nexit 127\n")
    (image / "lmp-sm_80").chmod(0o755)
    environment = {**check.environment, "PATH": f"{image}:/usr/bin:/bin"}
    named = replace(check.settings, lmp=("lmp",))
    with pytest.raises(EngineError, match="for a machine without a GPU: there is lmp-sm_80"):
        replace(check, settings=named, environment=environment).carry()
    (image / "lmp-cpu").write_text(f'#!/bin/sh\nexec {ENGINE.lmp} "$@"\n')
    (image / "lmp-cpu").chmod(0o755)
    assert replace(check, settings=named, environment=environment).carry().is_whole
