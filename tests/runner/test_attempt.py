"""Attempts of real decks on real LAMMPS, ended in every way a machine ends them."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.manifest import RESTART_NAME
from deckhand.domain.status import Ending, ExitCode, Status
from tests.runner.conftest import BUCKET, PATIENCE_SECONDS, RUN_ID, Cloud, lose
from tests.runner.decks import BOX, STAGES
from tests.runner.seams import frames_of, steps_of

Undisturbed = Callable[[dict[str, str], str], dict[str, bytes]]


def two_checkpoints(status: Status) -> bool:
    return status.checkpoints_written >= 2


def first_words(rows: bytes) -> list[bytes]:
    return [b" ".join(line.split()[:2]) for line in rows.splitlines() if not line.startswith(b"#")]


def assert_seamless(got: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Every row and every frame once, and no file missing."""
    assert got.keys() == expected.keys()
    assert steps_of(got["log.lammps"]) == steps_of(expected["log.lammps"])
    assert frames_of(got["melt.lammpstrj"]) == frames_of(expected["melt.lammpstrj"])
    assert got["melt.lammpstrj"].count(b"\n") == expected["melt.lammpstrj"].count(b"\n")
    column = [line.split()[0] for line in expected["msd.dat"].splitlines()]
    assert [line.split()[0] for line in got["msd.dat"].splitlines()] == column
    assert first_words(got["notes.txt"]) == first_words(expected["notes.txt"])
    assert got["diary.txt"] == expected["diary.txt"]


def test_undisturbed_attempt_gives_what_plain_lammps_gives(
    cloud: Cloud, undisturbed: Undisturbed
) -> None:
    cloud.admit(STAGES, "in.stages", total_steps=18000)
    process = cloud.start(1, CHECKPOINT_SECONDS="600")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    assert_seamless(cloud.results(1), undisturbed(STAGES, "in.stages"))
    status = cloud.status(1)
    assert status is not None
    assert (status.ending, status.step, status.time_step) == (Ending.COMPLETED, 18000, 12000)


def test_notice_then_loss_then_end_is_seamless(cloud: Cloud, undisturbed: Undisturbed) -> None:
    expected = undisturbed(STAGES, "in.stages")
    cloud.admit(STAGES, "in.stages", total_steps=18000)

    first = cloud.start(1)
    cloud.wait_for(first, 1, two_checkpoints)
    cloud.metadata.give_notice()
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    told = cloud.status(1)
    assert told is not None
    assert told.ending is Ending.SPOT_NOTICE
    assert told.checkpoint == cloud.newest()
    assert told.checkpoint_step == told.step

    cloud.metadata.replace()
    second = cloud.start(2, checkpoint=cloud.newest())
    cloud.wait_for(second, 2, two_checkpoints)
    lose(second)

    third = cloud.start(3, checkpoint=cloud.newest())
    assert third.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(3)
    assert_seamless(cloud.results(3), expected)
    assert [segment.attempt for segment in cloud.completion(3).segments] == [1, 2, 3]


def test_sigterm_writes_a_checkpoint(cloud: Cloud) -> None:
    cloud.admit(STAGES, "in.stages")
    process = cloud.start(1, CHECKPOINT_SECONDS="600")
    cloud.wait_for(process, 1, lambda status: status.step > 500)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED
    status = cloud.status(1)
    assert status is not None
    assert status.ending is Ending.TERMINATED
    assert status.checkpoint is not None


def test_a_recommendation_to_leave_brings_an_early_checkpoint(cloud: Cloud) -> None:
    cloud.admit(STAGES, "in.stages")
    process = cloud.start(1, CHECKPOINT_SECONDS="600")
    cloud.wait_for(process, 1, lambda status: status.step > 500)
    cloud.metadata.recommend_rebalance()
    status = cloud.wait_for(process, 1, lambda status: status.checkpoint is not None)
    assert status.ending is None
    assert status.checkpoint_seconds is not None
    assert status.checkpoint_seconds < 600.0
    assert "a checkpoint stops the simulation for" in status.checkpoint_reason
    cloud.metadata.give_notice()
    assert process.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes rights that this user does not have")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


WORDY = f"""{BOX}
velocity all create 1.4 87287
fix move all nve
dump d all custom 2 out.dump id type x y z vx vy vz fx fy fz
run 3000
"""


def test_a_run_stops_before_its_disk_is_full(cloud: Cloud, small_disk: Path) -> None:
    cloud.admit({"in.wordy": WORDY}, "in.wordy")
    first = cloud.start(1, DECKHAND_SCRATCH=str(small_disk))
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert status.ending is Ending.DISK_FULL
    assert status.checkpoint_step == status.step > 0
    assert shutil.disk_usage(small_disk).free > 0
    second = cloud.start(2, checkpoint=cloud.newest())
    assert second.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(2)
    assert frames_of(cloud.results(2)["out.dump"]) == [*range(0, 3001, 2)]


def test_walltime_writes_a_checkpoint(cloud: Cloud) -> None:
    cloud.admit(STAGES, "in.stages")
    process = cloud.start(1, STOP_AFTER_SECONDS="1.5")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED
    status = cloud.status(1)
    assert status is not None
    assert status.ending is Ending.WALLTIME


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[: len(body) // 2],
        lambda body: body[:100] + bytes([body[100] ^ 1]) + body[101:],
        lambda body: body[:64] + bytes(4096) + body[64 + 4096 :],
        lambda body: b"",
    ],
    ids=["truncated", "one bit flipped", "a page of zeros", "empty"],
)
def test_damaged_checkpoint_is_passed_over(cloud: Cloud, damage: Callable[[bytes], bytes]) -> None:
    cloud.admit(STAGES, "in.stages")
    first = cloud.start(1)
    cloud.wait_for(first, 1, two_checkpoints)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_SECONDS) == ExitCode.CHECKPOINTED
    older, newest = cloud.checkpoints()[-2:]
    key = keys.checkpoint_file(RUN_ID, newest, RESTART_NAME)
    body = cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=damage(body))

    second = cloud.start(2, checkpoint=str(newest))
    status = cloud.wait_for(second, 2, lambda status: status.resumed_from is not None)
    assert status.resumed_from == str(older)
    assert status.skipped[0].startswith(str(newest))
    lose(second)


def test_mistyped_command_names_the_line(cloud: Cloud) -> None:
    cloud.admit({"in.wrong": f"{BOX}\nthermoo 100\nrun 10\n"}, "in.wrong")
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.DECK_ERROR
    status = cloud.status(1)
    assert status is not None
    assert status.ending is Ending.DECK_ERROR
    assert "in.wrong, line 14" in status.reason
    assert "thermoo" in status.reason
    assert any("ERROR" in line for line in status.log_tail)


def test_deck_may_write_before_and_after_it_has_a_box(cloud: Cloud) -> None:
    deck = f"log first.log\nprint 'begun' file begun.txt\n{BOX}\nfix 1 all nve\nrun 10\nclear\n"
    cloud.admit({"in.x": deck}, "in.x")
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    results = cloud.results(1)
    assert results["begun.txt"] == b"begun\n"
    assert steps_of(results["first.log"]) == [0, 10]


def test_changed_input_is_not_run(cloud: Cloud) -> None:
    cloud.admit(STAGES, "in.stages")
    cloud.s3.put_object(Bucket=BUCKET, Key=keys.deck(RUN_ID, "bath.inc"), Body=b"run 1\n")
    process = cloud.start(1)
    assert process.wait(PATIENCE_SECONDS) == ExitCode.IO_ERROR
    status = cloud.status(1)
    assert status is not None
    assert "bath.inc" in status.reason


@pytest.mark.parametrize(
    "command",
    [
        'write_data      "${here}/../../leaves.data"',
        "dump            out all atom 10 ${here}/x.lammpstrj",
        "include         ${here}/in.other",
    ],
)
def test_what_a_variable_makes_a_way_out_is_refused(cloud: Cloud, command: str) -> None:
    deck = f"{BOX}\nvariable        here getenv HOME\n{command}\nrun 10\n"
    cloud.admit({"in.out": deck}, "in.out")
    process = cloud.start(1, HOME="/tmp")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.DECK_ERROR, cloud.said(1)
    status = cloud.status(1)
    assert status is not None
    assert "in.out, line 15" in status.reason
    assert "outside the deck's folder" in status.reason


def test_a_deck_is_told_no_secret_of_its_job(cloud: Cloud) -> None:
    names = ("RUN_TOKEN", "AWS_SECRET_ACCESS_KEY", "RUNS_BUCKET", "OMP_NUM_THREADS", "TMPDIR")
    lines = [f"variable v{n} getenv {name}" for n, name in enumerate(names)]
    lines.append("print 'told: " + "; ".join(f"${{v{n}}}" for n in range(len(names))) + "'")
    cloud.admit({"in.curious": "\n".join(lines) + "\n"}, "in.curious")
    process = cloud.start(1, RUN_TOKEN="a-token", OMP_NUM_THREADS="2")
    assert process.wait(PATIENCE_SECONDS) == ExitCode.COMPLETED, cloud.said(1)
    told = f"told: ; ; ; 2; {cloud.scratch}/a1/tmp\n"
    assert told.encode() in cloud.local(1, "log.lammps")
