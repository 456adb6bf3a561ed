"""A bucket, a metadata service and real attempts as child processes."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deckhand.cli.engine import find_engine
from deckhand.cli.machine import Machine
from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.domain.run import Contract, InputFile, Run
from deckhand.domain.status import ExitCode, Status
from deckhand.lammps.preflight import check_folder
from deckhand.usecases.finalise import output_ranges

RUN_ID = "melt-0123456789abcdef"
BUCKET = "runs-under-test"
CORE = Path(__file__).parents[2] / "layers/core"
ENGINE = find_engine("The test of an attempt")
PATIENCE_SECONDS = 60

CHECKPOINTS = 12
"""How many an undisturbed deck would have time for, on a fast machine and on a slow one."""

LOOP_TIME = re.compile(rb"^Loop time of ([0-9.e+-]+) on", re.MULTILINE)


@dataclass
class Cloud:
    """The bucket of a run and the attempts made on it."""

    endpoint: str
    scratch: Path
    metadata: Machine
    options: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    run_id: str = RUN_ID

    @cached_property
    def s3(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint)

    def admit(
        self, files: dict[str, str], deck: str, total_steps: int | None = None, **asked: Any
    ) -> None:
        """Freeze a deck and write run.json, with what is *asked* of the run besides."""
        inputs = []
        owner = asked.get("parent") or self.run_id
        for path, text in files.items():
            body = text.encode()
            self.s3.put_object(Bucket=BUCKET, Key=keys.deck(owner, path), Body=body)
            digest = hashlib.sha256(body).hexdigest()
            inputs.append(InputFile(path=path, version_id="1", size=len(body), sha256=digest))
        run = Run(
            run_id=self.run_id,
            drop="inbox/melt/",
            deck=deck,
            inputs=tuple(inputs),
            contract=Contract.EXACT,
            total_steps=total_steps,
            admitted_at=datetime.now(UTC),
            **asked,
        )
        self.s3.put_object(
            Bucket=BUCKET, Key=keys.run_record(self.run_id), Body=run.model_dump_json().encode()
        )

    def start(self, attempt: int, checkpoint: str = "", **options: str) -> subprocess.Popen[bytes]:
        scratch = self.scratch / f"a{attempt}"
        scratch.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CORE),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-2",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.endpoint,
            "RUN_ID": self.run_id,
            "ATTEMPT": str(attempt),
            "CHECKPOINT": checkpoint,
            "RUNS_BUCKET": BUCKET,
            "DECKHAND_SCRATCH": str(scratch),
            "CHECKPOINT_SECONDS": "0.6",
            "STATUS_SECONDS": "0.2",
            "NOTICE_POLL_SECONDS": "0.2",
            "LMP": str(ENGINE.lmp),
            **ENGINE.environment,
            **self.options,
            **options,
        }
        with (scratch / "stderr").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "deckhand.runner"], env=environment, stderr=said
            )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Leave nothing behind, not even of a test that has failed."""
        for process in self.started:
            if process.poll() is None:
                lose(process)

    def status(self, attempt: int) -> Status | None:
        try:
            answer = self.s3.get_object(Bucket=BUCKET, Key=keys.status(self.run_id, attempt))
        except self.s3.exceptions.NoSuchKey:
            return None
        return Status.model_validate_json(answer["Body"].read())

    def wait_for(
        self, process: subprocess.Popen[bytes], attempt: int, seen: Callable[[Status], bool]
    ) -> Status:
        """Wait until the attempt's status shows something."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            status = self.status(attempt)
            if status is not None and seen(status):
                return status
            if process.poll() is not None:
                break
            time.sleep(0.03)
        raise AssertionError(f"never seen; {status}\n{self.said(attempt)}")

    def carry(self, interruptions: Sequence[tuple[str, int]]) -> int:
        """Carry the run to its end over interruptions; the number of the last attempt.

        Each is a way to end an attempt and the checkpoints it writes before; an attempt that is
        faster than that has reached the end.
        """
        for attempt, (way, checkpoints) in enumerate((*interruptions, ("", 0)), start=1):
            newest = self.newest() if self.checkpoints() else ""
            process = self.start(attempt, checkpoint=newest)
            if way and self._writes(process, attempt, checkpoints):
                self._interrupt(process, way)
            code = process.wait(PATIENCE_SECONDS)
            self.metadata.replace()
            if self.is_complete(attempt):
                return attempt
            expected = -signal.SIGKILL if way == "loss" else ExitCode.CHECKPOINTED
            assert code == expected, f"attempt {attempt} from {newest}: {self.said(attempt)}"
        raise AssertionError("the last attempt is not complete")

    def _writes(self, process: subprocess.Popen[bytes], attempt: int, checkpoints: int) -> bool:
        """Wait until the attempt has written so many checkpoints; False if it ends before."""
        until = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < until:
            status = self.status(attempt)
            if status is not None and status.checkpoints_written >= checkpoints:
                return True
            time.sleep(0.03)
        return False

    def _interrupt(self, process: subprocess.Popen[bytes], way: str) -> None:
        if way == "notice":
            self.metadata.give_notice()
        elif way == "term":
            process.send_signal(signal.SIGTERM)
        else:
            lose(process)

    def is_complete(self, attempt: int) -> bool:
        listing = self.s3.list_objects_v2(
            Bucket=BUCKET, Prefix=keys.completion(self.run_id, attempt)
        )
        return bool(listing["KeyCount"])

    def local(self, attempt: int, path: str) -> bytes:
        """A file as an attempt left it on its machine."""
        return (self.scratch / f"a{attempt}" / "deck" / path).read_bytes()

    def manifest(self, checkpoint: CheckpointId) -> Manifest:
        answer = self.s3.get_object(Bucket=BUCKET, Key=keys.manifest(self.run_id, checkpoint))
        return read_manifest(answer["Body"].read(), self.run_id)

    def said(self, attempt: int) -> str:
        return (self.scratch / f"a{attempt}" / "stderr").read_text()

    def checkpoints(self) -> list[CheckpointId]:
        listing = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=keys.checkpoints(self.run_id))
        found = [keys.parse_manifest(item["Key"]) for item in listing.get("Contents", ())]
        return sorted(parsed[1] for parsed in found if parsed)

    def newest(self) -> str:
        return str(self.checkpoints()[-1])

    def completion(self, attempt: int) -> Manifest:
        answer = self.s3.get_object(Bucket=BUCKET, Key=keys.completion(self.run_id, attempt))
        return read_manifest(answer["Body"].read(), self.run_id)

    def results(self, attempt: int) -> dict[str, bytes]:
        """The files of a completed run, joined as close_run joins them."""
        ranges = output_ranges(self.completion(attempt))
        return {
            path: b"".join(
                self.s3.get_object(Bucket=BUCKET, Key=piece.key)["Body"].read() for piece in pieces
            )
            for path, pieces in ranges.items()
        }


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3", endpoint_url=moto_endpoint).create_bucket(Bucket=BUCKET)
    with Machine() as metadata:
        cloud = Cloud(moto_endpoint, tmp_path, metadata)
        yield cloud
        cloud.end()
    bucket.objects.all().delete()
    bucket.delete()


@pytest.fixture
def undisturbed(tmp_path: Path) -> Callable[..., dict[str, bytes]]:
    """Run a deck in plain `lmp`, with flags if need be; the files it leaves."""

    def run(files: dict[str, str], deck: str, flags: Sequence[str] = ()) -> dict[str, bytes]:
        folder = tmp_path / "undisturbed"
        folder.mkdir()
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        cwd = (folder / deck).parent
        for name in check_folder(folder, deck).writes:
            (cwd / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [ENGINE.lmp, "-in", Path(deck).name, "-screen", "none", *flags],
            cwd=cwd,
            env={**os.environ, **ENGINE.environment},
            check=True,
            timeout=PATIENCE_SECONDS,
        )
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
            and path.read_bytes() != files.get(path.relative_to(folder).as_posix(), "").encode()
        }

    return run


def often(results: dict[str, bytes]) -> dict[str, str]:
    """Options of an attempt on a deck that has left these files when it was not interrupted."""
    loops = [loop for content in results.values() for loop in LOOP_TIME.findall(content)]
    return {
        "CHECKPOINT_SECONDS": f"{sum(map(float, loops)) / CHECKPOINTS:.3f}",
        "STATUS_SECONDS": "0.03",
        "NOTICE_POLL_SECONDS": "0.03",
    }


def lose(process: subprocess.Popen[bytes]) -> None:
    """The machine is gone without a word."""
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
