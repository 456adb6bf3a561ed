"""A checkpoint that is stored twice: the one that became real stays as it is.

A reply can be lost when S3 has done what it was asked; and Batch may be asked twice for one job, so
that two processes take themselves for the same attempt.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError

from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import read_manifest
from deckhand.lammps.journal import Journal
from deckhand.lammps.outputs import Cut
from deckhand.lammps.session import Snapshot
from deckhand.runner import commit
from deckhand.runner.commit import Committer, Origin
from deckhand.runner.stored_outputs import StoredOutputs
from tests.fakes import FakeBucket
from tests.makers import RUN

CHECKPOINT = CheckpointId(1000, 1)
PATIENCE_SECONDS = 0.5
"""What cannot be stored is tried again and again."""


@dataclass
class Losing(FakeBucket):
    """Loses the replies to so many requests, from the next manifest on."""

    lost: int = 0

    def create(self, key: str, body: bytes) -> bool:
        made = super().create(key, body)
        self._lose(key)
        return made

    def read(self, key: str, version_id: str = "") -> bytes | None:
        if "manifest" in key and key in self.versions:
            self._lose(key)
        return super().read(key, version_id)

    def _lose(self, key: str) -> None:
        if self.lost:
            self.lost -= 1
            raise ConnectionClosedError(endpoint_url=key)


@dataclass
class Twin:
    """A process that takes itself for attempt 1."""

    folder: Path
    bucket: FakeBucket
    verified: list[CheckpointId] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "deck").mkdir(parents=True)
        self.committer = Committer(
            bucket=self.bucket,
            outputs=StoredOutputs(
                bucket=self.bucket,
                workspace=self.folder / "deck",
                spool=self.folder,
                run_id=RUN,
                attempt=1,
                inputs={},
                inherited=frozenset(),
                appended=lambda: frozenset({"log.lammps"}),
            ),
            lammps_version=lambda: "22 Jul 2025",
            origin=Origin(RUN, 1, 0, None, (), (), ()),
            verified=self.verified.append,
            failed=self.failures.append,
        )

    def store(self, atoms: bytes, step: int = CHECKPOINT.step, rows: bytes = b"") -> None:
        restart = self.folder / "x.restart"
        restart.write_bytes(atoms)
        (self.folder / "deck/log.lammps").write_bytes(rows)
        cuts = (Cut("log.lammps", 0, len(rows)),)
        journal = Journal(deck="in.melt")
        self.committer.take(Snapshot(step, step, restart, journal, cuts, False, (), None))
        self.committer.wait(PATIENCE_SECONDS)


def assert_whole(bucket: FakeBucket) -> None:
    text = bucket.read(keys.manifest(RUN, CHECKPOINT))
    manifest = read_manifest(text or b"", RUN)
    for file in manifest.files:
        body = bucket.read(keys.checkpoint_file(RUN, CHECKPOINT, file.name)) or b""
        assert hashlib.sha256(body).hexdigest() == file.sha256, file.name
    for output in manifest.segment.outputs:
        for piece in output.pieces:
            key = keys.output_piece(RUN, 1, output.path, piece.begin, piece.sha256)
            body = bucket.read(key) or b""
            assert hashlib.sha256(body).hexdigest() == piece.sha256, output.path


@pytest.mark.parametrize("lost", [1, 2])
def test_a_manifest_whose_reply_is_lost_is_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """And S3 may not be reached for a while when it is looked for."""
    monkeypatch.setattr(commit, "FIRST_PAUSE_SECONDS", 0.01)
    bucket = Losing(lost=lost)
    attempt = Twin(tmp_path, bucket)
    attempt.store(b"the atoms, written by LAMMPS in its run")
    assert len(attempt.failures) == lost
    attempt.store(b"the atoms, written between runs")
    assert attempt.verified == [CHECKPOINT]
    assert_whole(bucket)


@pytest.mark.parametrize("atoms", [b"the atoms", b"other atoms"])
def test_twins_do_not_write_into_each_others_checkpoints(tmp_path: Path, atoms: bytes) -> None:
    bucket = FakeBucket()
    first, second = Twin(tmp_path / "first", bucket), Twin(tmp_path / "second", bucket)
    first.store(b"the atoms")
    second.store(atoms)
    assert first.verified == [CHECKPOINT]
    assert second.verified == []
    assert_whole(bucket)


def test_twins_do_not_write_into_each_others_outputs(tmp_path: Path) -> None:
    bucket = FakeBucket()
    first, second = Twin(tmp_path / "first", bucket), Twin(tmp_path / "second", bucket)
    first.store(b"the atoms", rows=b"row 1000\n")
    assert first.verified == [CHECKPOINT]
    second.store(b"the atoms", step=1100, rows=b"row 1000\nrow 1100\n")
    assert_whole(bucket)
