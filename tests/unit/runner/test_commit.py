"""What an attempt stores: pieces, heads, whole files as of a checkpoint; what is fetched back."""

from __future__ import annotations

import gzip
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.errors import StorageError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, OutputKind, read_manifest
from deckhand.domain.report import Result
from deckhand.domain.verification import Condition, check_file
from deckhand.lammps.formats import Packing
from deckhand.lammps.journal import Journal
from deckhand.lammps.outputs import Cut
from deckhand.lammps.session import Snapshot
from deckhand.runner import commit
from deckhand.runner.commit import Committer, Origin
from deckhand.runner.fetch import fetch_heads, fetch_whole_outputs
from deckhand.runner.stored_outputs import StoredOutputs
from deckhand.usecases.certify import certify
from deckhand.usecases.finalise import finalise, result_key
from tests.fakes import FakeBucket
from tests.makers import put_run, run_record

RUN = "melt-0123456789abcdef"


@dataclass
class Attempt:
    """An attempt whose LAMMPS is the test."""

    folder: Path
    bucket: FakeBucket = field(default_factory=FakeBucket)
    appended: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workspace = self.folder / "deck"
        self.workspace.mkdir()
        self.committer = Committer(
            bucket=self.bucket,
            outputs=StoredOutputs(
                bucket=self.bucket,
                workspace=self.workspace,
                spool=self.folder,
                run_id=RUN,
                attempt=1,
                inputs={},
                inherited=frozenset(),
                appended=lambda: frozenset(self.appended),
            ),
            lammps_version=lambda: "22 Jul 2025",
            origin=Origin(RUN, 1, 0, None, (), (), ()),
            verified=lambda _: None,
            failed=self.failures.append,
        )

    def write(self, path: str, body: bytes) -> None:
        file = self.workspace / path
        times = file.stat().st_mtime_ns + 10**9 if file.exists() else 0
        file.write_bytes(body)
        if times:
            os.utime(file, ns=(times, times))

    def checkpoint(self, step: int, *cuts: Cut) -> Manifest:
        self.take(step, *cuts)
        return self.stored(step)

    def take(self, step: int, *cuts: Cut) -> None:
        restart = self.folder / f"{step}.restart"
        restart.write_bytes(b"the atoms")
        self.appended |= {cut.path for cut in cuts}
        journal = Journal(deck="in.melt")
        self.committer.take(Snapshot(step, step, restart, journal, cuts, True, (), None))

    def stored(self, step: int) -> Manifest:
        assert self.committer.wait(10.0)
        assert self.failures == []
        name = str(CheckpointId(step, 1))
        text = self.bucket.read(f"runs/{RUN}/checkpoints/{name}/manifest.json")
        return read_manifest(text or b"", RUN)

    def verify(self, manifest: Manifest, results: Sequence[Result]) -> None:
        """The results are what their certificate says."""
        put_run(self.bucket)
        made = certify(self.bucket, run_record(), manifest, results).certificate
        assert (made is None) is (not results)
        for file in made.files if made else ():
            checked = check_file(file, self.bucket.stream(keys.result(RUN, file.path)))
            assert checked.condition is Condition.OK

    def results(self, manifest: Manifest) -> dict[str, bytes | None]:
        """By their paths; each time in a bucket without results."""
        for key in self.bucket.sizes(f"runs/{RUN}/results/"):
            del self.bucket.versions[key]
        finalised = finalise(self.bucket, manifest)
        assert finalised.problems == ()
        self.verify(manifest, finalised.results)
        return {
            item.path: self.bucket.read(result_key(RUN, item.path)) for item in finalised.results
        }


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def test_the_head_of_a_file_is_that_of_the_last_checkpoint(attempt: Attempt) -> None:
    attempt.write("melt.dcd", b"HEADframe1frame2")
    first = attempt.checkpoint(10, Cut("melt.dcd", 4, 10, head=b"one."))
    second = attempt.checkpoint(20, Cut("melt.dcd", 10, 16, head=b"two."))
    assert attempt.results(first) == {"melt.dcd": b"one.frame1"}
    assert attempt.results(second) == {"melt.dcd": b"two.frame1frame2"}


def test_the_heads_are_there_for_the_attempt_that_goes_on(attempt: Attempt) -> None:
    attempt.write("melt.dcd", b"HEADframe1")
    manifest = attempt.checkpoint(10, Cut("melt.dcd", 4, 10, head=b"one."))
    assert fetch_heads(attempt.bucket, manifest) == {"melt.dcd": b"one."}
    (head,) = [key for key in attempt.bucket.versions if "/head-" in key]
    attempt.bucket.write(head, b"ONE.")
    with pytest.raises(StorageError, match="damaged"):
        fetch_heads(attempt.bucket, manifest)


def test_pieces_are_compressed_one_by_one(attempt: Attempt) -> None:
    attempt.write("x.gz.plain", b"frame1frame2")
    attempt.appended = {"x.gz.plain"}
    cut = Cut("x.gz", 0, 6, source="x.gz.plain", packing=Packing.GZIP)
    attempt.checkpoint(10, cut)
    later = Cut("x.gz", 6, 12, source="x.gz.plain", packing=Packing.GZIP)
    results = attempt.results(attempt.checkpoint(20, later))
    assert list(results) == ["x.gz"]
    assert gzip.decompress(results["x.gz"] or b"") == b"frame1frame2"


def test_what_lammps_has_not_written_yet_is_added(attempt: Attempt) -> None:
    attempt.write("melt.yaml", b"---\nframe\n")
    manifest = attempt.checkpoint(10, Cut("melt.yaml", 0, 14, ending=b"...\n"))
    assert attempt.results(manifest) == {"melt.yaml": b"---\nframe\n...\n"}


def test_whole_files_are_those_of_the_checkpoint(attempt: Attempt) -> None:
    """A file that comes while a checkpoint is being stored belongs to the next one."""
    attempt.write("old.data", b"1")
    attempt.take(10)
    attempt.write("new.data", b"2")
    first = attempt.stored(10)
    attempt.write("old.data", b"3")
    second = attempt.checkpoint(20)
    assert attempt.results(first) == {"old.data": b"1"}
    assert attempt.results(second) == {"new.data": b"2", "old.data": b"3"}


def test_a_file_that_is_removed_is_in_no_result(attempt: Attempt) -> None:
    attempt.write("x.data", b"1")
    attempt.write("notes.txt", b"a\n")
    attempt.checkpoint(10, Cut("notes.txt", 0, 2))
    (attempt.workspace / "x.data").unlink()
    gone = attempt.checkpoint(20, Cut("x.data", 0, 0, gone=True), Cut("notes.txt", 0, 0, gone=True))
    assert attempt.results(gone) == {}
    assert {output.kind for output in gone.segment.outputs} == {OutputKind.GONE}
    attempt.write("notes.txt", b"b\n")
    again = attempt.checkpoint(30, Cut("notes.txt", 0, 2, base=1000, anew=True))
    assert attempt.results(again) == {"notes.txt": b"b\n"}


def test_a_file_that_lammps_removes_is_in_no_result(attempt: Attempt) -> None:
    attempt.write("frame.10.dump", b"1")
    attempt.checkpoint(10)
    (attempt.workspace / "frame.10.dump").unlink()
    attempt.write("frame.20.dump", b"2")
    assert attempt.results(attempt.checkpoint(20)) == {"frame.20.dump": b"2"}


def test_a_removed_file_is_not_brought_back(attempt: Attempt, tmp_path: Path) -> None:
    attempt.write("x.data", b"1")
    attempt.write("y.data", b"2")
    attempt.checkpoint(10)
    (attempt.workspace / "x.data").unlink()
    manifest = attempt.checkpoint(20, Cut("x.data", 0, 0, gone=True))
    elsewhere = tmp_path / "elsewhere"
    fetch_whole_outputs(attempt.bucket, manifest, Journal(deck="in.melt"), elsewhere)
    assert [file.name for file in elsewhere.iterdir()] == ["y.data"]


def test_an_empty_file_is_a_result(attempt: Attempt) -> None:
    attempt.write("empty.dump", b"")
    assert attempt.results(attempt.checkpoint(10, Cut("empty.dump", 0, 0))) == {"empty.dump": b""}


def test_a_segment_keeps_the_seeds_that_its_attempt_drew(attempt: Attempt) -> None:
    attempt.committer.origin = replace(attempt.committer.origin, seeds=(17, 4))
    assert attempt.checkpoint(10).segment.seeds == (17, 4)


@dataclass
class FailingBucket(FakeBucket):
    """S3 that is out while `out` is set, and may be told to keep a write waiting.

    `writes` counts the tries; the one with the number `lost` is done, but its reply is not heard.
    """

    out: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None
    writes: int = 0
    lost: int = 0

    def create(self, key: str, body: bytes) -> bool:
        self._try()
        done = super().create(key, body)
        if self.writes == self.lost:
            raise ConnectionError("no reply")
        return done

    def write(self, key: str, body: bytes) -> None:
        self._try()
        super().write(key, body)

    def upload(self, key: str, path: Path) -> None:
        self._try()
        super().upload(key, path)

    def _try(self) -> None:
        self.writes += 1
        if self.hold is not None:
            assert self.hold.wait(10.0)
        if self.out.is_set():
            raise ConnectionError("S3 is out")


@pytest.fixture
def failing(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> FailingBucket:
    monkeypatch.setattr(commit, "FIRST_PAUSE_SECONDS", 0.01)
    bucket = FailingBucket()
    attempt.bucket = attempt.committer.bucket = attempt.committer.outputs.bucket = bucket
    return bucket


def wait_until(test: Callable[[], bool]) -> None:
    until = time.monotonic() + 10.0
    while not test():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_checkpoint_is_tried_until_it_is_stored(attempt: Attempt, failing: FailingBucket) -> None:
    attempt.write("melt.txt", b"row1\n")
    failing.out.set()
    attempt.take(10, Cut("melt.txt", 0, 5))
    wait_until(lambda: len(attempt.failures) > 2)
    assert "checkpoint 10: ConnectionError: S3 is out" in attempt.failures
    assert not attempt.committer.wait(0.05)
    failing.out.clear()
    attempt.failures.clear()
    assert attempt.results(attempt.stored(10)) == {"melt.txt": b"row1\n"}
    assert [path.name for path in attempt.folder.iterdir()] == ["deck"]


def test_while_one_is_stored_the_newest_waits(attempt: Attempt, failing: FailingBucket) -> None:
    failing.hold = threading.Event()
    body = b""
    for step in range(10, 60, 10):
        body += b"row\n"
        attempt.write("melt.txt", body)
        attempt.take(step, Cut("melt.txt", len(body) - 4, len(body)))
        wait_until(lambda: failing.writes > 0)
    waiting = {path.name for path in attempt.folder.glob("*.restart")}
    assert waiting == {"50.restart"}
    assert attempt.failures == [
        f"checkpoint {step}: there is a newer one already" for step in (20, 30, 40)
    ]
    failing.hold.set()
    attempt.failures.clear()
    assert attempt.results(attempt.stored(50)) == {"melt.txt": body}
    assert attempt.results(attempt.stored(10)) == {"melt.txt": b"row\n"}


def test_what_is_written_anew_is_stored_as_it_was(attempt: Attempt, failing: FailingBucket) -> None:
    failing.out.set()
    attempt.write("melt.txt", b"row1\n")
    attempt.write("last.data", b"first")
    attempt.take(10, Cut("melt.txt", 0, 5))
    wait_until(lambda: len(attempt.failures) > 0)
    attempt.committer.keep()
    attempt.write("melt.txt", b"anew!!\n")
    attempt.write("last.data", b"second")
    failing.out.clear()
    attempt.failures.clear()
    first = attempt.stored(10)
    second = attempt.checkpoint(20, Cut("melt.txt", 0, 7, base=1000, anew=True))
    assert attempt.results(first) == {"melt.txt": b"row1\n", "last.data": b"first"}
    assert attempt.results(second) == {"melt.txt": b"anew!!\n", "last.data": b"second"}
    assert [path.name for path in attempt.folder.iterdir()] == ["deck"]


def test_what_waits_is_copied_too(attempt: Attempt, failing: FailingBucket) -> None:
    failing.hold = threading.Event()
    attempt.write("melt.txt", b"row1\nrow2\n")
    attempt.take(10, Cut("melt.txt", 0, 5))
    wait_until(lambda: failing.writes > 0)
    attempt.write("last.data", b"first")
    attempt.take(20, Cut("melt.txt", 5, 10))
    attempt.committer.keep()
    attempt.write("melt.txt", b"anew!!\n")
    attempt.write("last.data", b"second")
    failing.hold.set()
    assert attempt.results(attempt.stored(20)) == {
        "melt.txt": b"row1\nrow2\n",
        "last.data": b"first",
    }
    assert [path.name for path in attempt.folder.iterdir()] == ["deck"]


def test_the_end_waits_for_s3(attempt: Attempt, failing: FailingBucket) -> None:
    attempt.write("melt.txt", b"row1\nrow2\n")
    failing.out.set()
    attempt.take(10, Cut("melt.txt", 0, 5))
    wait_until(lambda: len(attempt.failures) > 0)
    threading.Timer(0.2, failing.out.clear).start()
    attempt.committer.complete(20, 20, [Cut("melt.txt", 5, 10)], ())
    assert any(text.startswith("the end: ") for text in attempt.failures)
    text = failing.read(keys.completion(RUN, 1))
    assert attempt.results(read_manifest(text or b"", RUN)) == {"melt.txt": b"row1\nrow2\n"}


def test_an_end_that_s3_never_takes_is_told(
    attempt: Attempt, failing: FailingBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "COMPLETION_SECONDS", 0.1)
    failing.out.set()
    attempt.write("melt.txt", b"row1\n")
    with pytest.raises(ConnectionError):
        attempt.committer.complete(20, 20, [Cut("melt.txt", 0, 5)], ())


def test_a_reply_that_is_lost_is_no_reason_to_write_twice(
    attempt: Attempt, failing: FailingBucket
) -> None:
    failing.lost = 3
    attempt.take(10)
    wait_until(lambda: len(attempt.failures) > 0)
    assert attempt.committer.wait(10.0)
    assert [key for what, key in failing.journal if key.endswith("manifest.json")] == [
        keys.manifest(RUN, CheckpointId(10, 1))
    ]


def test_the_checkpoint_of_a_twin_is_not_touched(attempt: Attempt, failing: FailingBucket) -> None:
    key = keys.manifest(RUN, CheckpointId(10, 1))
    failing.write(key, b"of another process")
    attempt.take(10)
    wait_until(lambda: len(attempt.failures) > 0)
    assert "says something else" in attempt.failures[0]
    assert [written for _, written in failing.journal] == [key]
